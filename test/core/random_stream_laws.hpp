// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include <cameo/concepts/random_stream.hpp>

#include "support/errors.hpp"

namespace cameo::laws {

template <RandomStream S>
std::vector<double> uniforms(S& stream, std::size_t count) {
    std::vector<double> numbers(count);
    stream.uniform(numbers);
    return numbers;
}

template <RandomStream S>
std::vector<double> normals(S& stream, std::size_t count) {
    std::vector<double> numbers(count);
    stream.normal(numbers);
    return numbers;
}

/// What the concept RandomStream promises beyond its syntax, for a stream in any state.
template <RandomStream S>
void random_stream_laws(const S& start) {
    {
        INFO("equal streams give equal numbers, other ones others");
        auto a = start;
        auto b = start;
        CHECK(uniforms(a, 7) == uniforms(b, 7));
        CHECK(normals(a, 7) == normals(b, 7));
        CHECK(a == b);
        CHECK(uniforms(a, 7) != uniforms(a, 7));
    }
    {
        INFO("a fill in pieces is the fill as a whole");
        auto whole = start;
        auto pieces = start;
        const auto all = normals(whole, 100);
        std::vector<double> joined;
        for (const std::size_t count : {1U, 0U, 2U, 46U, 51U}) {
            const auto piece = normals(pieces, count);
            joined.insert(joined.end(), piece.begin(), piece.end());
        }
        CHECK(joined == all);
        CHECK(uniforms(whole, 3) == uniforms(pieces, 3));
    }
    {
        INFO("uniform numbers fill [0, 1) and normal numbers have mean 0, deviation 1 and few beyond 3");
        constexpr std::size_t count = 20'000;
        auto stream = start;
        const auto u = uniforms(stream, count);
        CHECK(std::ranges::min(u) >= 0);
        CHECK(std::ranges::max(u) < 1);
        CHECK(std::accumulate(u.begin(), u.end(), 0.0) / count == Approx(0.5).margin(5 / std::sqrt(12.0 * count)));
        const auto n = normals(stream, count);
        const auto mean = std::accumulate(n.begin(), n.end(), 0.0) / count;
        const auto square = std::inner_product(n.begin(), n.end(), n.begin(), 0.0) / count;
        CHECK(mean == Approx(0).margin(5 / std::sqrt(1.0 * count)));
        CHECK(square == Approx(1).margin(5 * std::sqrt(2.0 / count)));
        const auto beyond = std::ranges::count_if(n, [](double x) { return std::abs(x) > 3; });
        CHECK(static_cast<double>(beyond) == Approx(0.0027 * count).margin(5 * std::sqrt(0.0027 * count)));
    }
    {
        INFO("a saved stream goes on where it stood, and bytes of something else are refused");
        auto stream = start;
        (void)normals(stream, 3);  // an odd number leaves a spare one behind where they come in pairs
        const auto state = stream.save();
        auto resumed = S();
        resumed.load(state);
        CHECK(resumed == stream);
        CHECK(normals(resumed, 5) == normals(stream, 5));
        for (const auto size : {std::size_t{0}, std::size_t{1}, state.size() - 1}) {
            auto untouched = start;
            CHECK_THROWS_MATCHES(untouched.load(std::span(state).first(size)), Error,
                                 support::is_error(Errc::bad_file, "random state"));
            CHECK(untouched == start);
        }
        auto wrong = state;
        wrong[0] ^= std::byte{1};
        CHECK_THROWS_MATCHES(resumed.load(wrong), Error, support::is_error(Errc::bad_file));
    }
}

}  // namespace cameo::laws
