// SPDX-License-Identifier: Apache-2.0
#include <cameo/render/quadrature.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/testing/quadrature_laws.hpp>

#include "support/catch.hpp"

using namespace cameo;

namespace {

double before_softplus(double value) { return std::log(std::expm1(value)); }

}  // namespace

TEST_CASE("the midpoint rule keeps the laws of quadratures", "[render][quadrature]") {
    const MidpointQuadrature rule{GENERATE(-1.0, 0.5)};
    const auto raw = [&](double density) { return before_softplus(density) - rule.density_bias; };
    const auto length = [](std::int64_t samples, double distance) {
        return static_cast<double>(samples - 1) * distance;
    };
    CHECK(testing::broken_laws(rule, raw, length) == std::vector<std::string>{});
}

TEST_CASE("the left rule keeps the laws of quadratures", "[render][quadrature]") {
    // The last sample stands for as much as the others, so that a slab has an end.
    const auto activation = GENERATE(ops::DensityActivation::relu, ops::DensityActivation::softplus);
    const LeftQuadrature rule{.activation = activation, .last_interval = 0.02};
    const auto raw = [&](double density) {
        return activation == ops::DensityActivation::relu ? density : before_softplus(density);
    };
    const auto length = [](std::int64_t samples, double distance) { return static_cast<double>(samples) * distance; };
    CHECK(testing::broken_laws(rule, raw, length) == std::vector<std::string>{});
}
