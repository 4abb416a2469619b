// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/resize.hpp>

#include <cstdint>
#include <string>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;

TEST_CASE("resized pictures are the published ones", "[golden][ops][resize]") {
    const auto golden = support::golden_arrays("eg3d/cameras.npz");
    if (!golden) return;
    const auto x = (*golden)["resize_input"];
    for (const std::int64_t size : {9, 16, 20, 32, 33, 64}) {
        INFO(size);
        const auto text = std::to_string(size);
        CHECK(difference(ops::resize(x, size, size, true), (*golden)["resize.antialiased." + text]) < 1e-5);
        CHECK(difference(ops::resize(x, size, size, false), (*golden)["resize.none." + text]) < 1e-5);
    }
}

TEST_CASE("shrinking with antialias is a triangle filter, renormalised at the border", "[ops][resize]") {
    const auto x = support::normal_numbers({1, 1, 1, 8}, 1);
    const auto y = ops::resize(x, 1, 4, true);
    for (std::int64_t i = 0; i < 4; ++i) {
        double sum = 0, weight = 0;
        for (std::int64_t j = 0; j < 8; ++j) {
            const auto distance = std::abs((static_cast<double>(j) + 0.5) - (static_cast<double>(i) + 0.5) * 2) / 2;
            const auto share = std::max(0.0, 1 - distance);
            sum += share * x[0][0][0][j].item<double>();
            weight += share;
        }
        CHECK(y[0][0][0][i].item<double>() == Approx(sum / weight));
    }
}

TEST_CASE("resizing is twice differentiable", "[ops][resize]") {
    const auto antialias = GENERATE(true, false);
    const auto x = support::normal_numbers({1, 2, 5, 4}, 2);
    const auto loss = [&] { return ops::resize(x, 3, 7, antialias).pow(3).sum(); };
    CHECK(support::gradient_error(loss, {x}) < 1e-6);
    CHECK(support::second_derivative_error(loss, {x}) < 1e-6);
}

TEST_CASE("a picture without pixels is refused", "[ops][resize]") {
    CHECK_THROWS_MATCHES(ops::resize(at::zeros({1, 1, 4, 4}), 0, 3, true), Error,
                         support::is_error(Errc::invalid_argument, "0 x 3"));
}
