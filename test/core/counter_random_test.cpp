// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/counter_random.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "core/random_stream_laws.hpp"

using namespace cameo;

TEST_CASE("the counter's stream keeps the laws of random streams", "[core][random]") {
    laws::random_stream_laws(CounterRandom(GENERATE(0U, 7U), GENERATE(0U, 1U)));
    CounterRandom odd(3);
    odd.skip(12345);
    laws::random_stream_laws(odd);
}

TEST_CASE("Philox gives the known answers of its authors", "[core][random]") {
    using Words = std::array<std::uint32_t, 4>;
    CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    constexpr auto ones = 0xffffffffU;
    CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the first numbers of seed 0 follow from Philox's known answer", "[core][random]") {
    CounterRandom stream(0);
    CHECK(stream.uniform() == static_cast<double>(0xe169c58d6627e8d5U >> 11) * 0x1p-53);
    CHECK(stream.uniform() == static_cast<double>(0x9b00dbd8bc57ac4cU >> 11) * 0x1p-53);
}

TEST_CASE("number i does not depend on how it was reached", "[core][random]") {
    CounterRandom all(11, 2);
    const auto numbers = laws::normals(all, 50);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        CounterRandom jump(11, 2);
        jump.skip(i);
        CHECK(jump.normal() == numbers[i]);
        CHECK(jump.position() == i + 1);
    }
    CounterRandom mixed(11, 2);
    (void)mixed.uniform();
    CHECK(mixed.normal() == numbers[1]);
}

TEST_CASE("streams and seeds are independent of each other", "[core][random]") {
    CounterRandom a(1, 0), b(1, 1), c(2, 0);
    const auto first = laws::uniforms(a, 1000);
    for (const auto& other : {laws::uniforms(b, 1000), laws::uniforms(c, 1000)}) {
        double product = 0;
        for (std::size_t i = 0; i < first.size(); ++i) product += (first[i] - 0.5) * (other[i] - 0.5);
        CHECK(std::abs(product / 1000) < 5 / 12.0 / std::sqrt(1000.0));
    }
}

TEST_CASE("the normal quantile inverts the normal distribution", "[core][random]") {
    const auto below = [](double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; };
    for (double x = -8.2; x < 8.25; x += 0.01) {
        // The slope of the distribution limits how well x can be told from p: near 1 doubles are too far apart.
        const auto p = x <= 0 ? below(x) : below(-x);
        CHECK(normal_quantile(p) == Approx(-std::abs(x)).epsilon(2e-14).margin(1e-15));
    }
    for (const auto p : {0.01, 0.2, 0.3, 0.49})
        CHECK(normal_quantile(1 - p) == Approx(-normal_quantile(p)).epsilon(1e-14));
    CHECK(normal_quantile(0.5) == 0);
    CHECK(normal_quantile(0.975) == Approx(1.959963984540054).epsilon(1e-15));
    CHECK(normal_quantile(0) == -std::numeric_limits<double>::infinity());
    CHECK(normal_quantile(1) == std::numeric_limits<double>::infinity());
    CHECK(std::isnan(normal_quantile(-0.1)));
    CHECK(std::isnan(normal_quantile(NAN)));
}
