// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <cameo/concepts/quadrature.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>

namespace cameo::testing {

/// The laws of Quadrature that `quadrature` breaks; none if all hold.
/// `raw_of` turns a density per unit length into the raw one that the quadrature's activation makes it of, and `length`
/// tells what S samples at equal distances stand for.
template <Quadrature Q, class RawOf, class Length>
[[nodiscard]] std::vector<std::string> broken_laws(const Q& quadrature, const RawOf& raw_of, const Length& length) {
    std::vector<std::string> broken;
    const auto expect = [&](bool holds, const char* law) {
        if (!holds) broken.emplace_back(law);
    };
    const auto all = [](const at::Tensor& t) { return t.all().item<bool>(); };
    constexpr std::int64_t samples = 33, rays = 50, features = 3;
    constexpr double distance = 0.02;

    StreamSource<CounterRandom> random{CounterRandom(2)};
    const auto options = at::TensorOptions(at::kDouble);
    const auto depth = 1.0 + distance * random.uniform({1, rays, samples, 1}, options).add(0.1).cumsum(2);
    const auto density = 4.0 * random.normal({1, rays, samples, 1}, options);
    const auto feature = random.uniform({1, rays, samples, features}, options);
    const auto seen = quadrature.integrate({depth, density, feature});
    expect(seen.feature.sizes() == at::IntArrayRef({1, rays, features}) &&
               seen.depth.sizes() == at::IntArrayRef({1, rays, 1}) &&
               seen.weight.sizes() == at::IntArrayRef({1, rays, 1}),
           "feature is [N, R, F], depth and weight are [N, R, 1]");
    expect(all(seen.weight >= 0) && all(seen.weight <= 1 + 1e-6), "weight stays in [0, 1]");
    expect(all((seen.sample_weights.sum(2) - seen.weight).abs() < 1e-12), "weight is the sum of the samples' weights");

    const auto empty = quadrature.integrate({depth, density.mul(0).sub(1e6), feature});
    expect(all(empty.weight == 0) && all(empty.feature == 0), "raw density -> -inf gives weight 0 and feature 0");
    expect(all(quadrature.bounded(empty.depth, depth.min(), depth.max()).isfinite()), "bounded depths are finite");

    const auto twice = quadrature.integrate({depth, density, feature * 2 + 1});
    expect(all((twice.feature - (2 * seen.feature + seen.weight)).abs() < 1e-9), "features are linear");
    const auto denser = quadrature.integrate({depth, density + 1, feature});
    expect(all(denser.weight >= seen.weight - 1e-9), "more density never lessens the weight");
    const auto half =
        quadrature.integrate({depth.narrow(1, 7, 20), density.narrow(1, 7, 20), feature.narrow(1, 7, 20)});
    expect(all((half.feature - seen.feature.narrow(1, 7, 20)).abs() < 1e-12), "rays are independent of each other");

    constexpr double sigma = 3.0;
    const auto even = depth.mul(0) + 1.0 + distance * depth.mul(0).add(1).cumsum(2);
    const auto slab = quadrature.integrate({even, depth.mul(0) + raw_of(sigma), feature});
    const auto absorbed = 1 - std::exp(-sigma * length(samples, distance));
    expect(all((slab.weight - absorbed).abs() < 1e-6), "a constant slab absorbs 1 - exp(-density length)");
    return broken;
}

}  // namespace cameo::testing
