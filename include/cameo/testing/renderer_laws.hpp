// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/renderer.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/rays.hpp>

namespace cameo::testing {

/// The laws of RendererFor that `renderer` breaks on this field and these rays; none if all hold.
template <class F, RendererFor<F> R>
[[nodiscard]] std::vector<std::string> broken_laws(const R& renderer, const F& field, const RayBundle& rays) {
    std::vector<std::string> broken;
    const auto expect = [&](bool holds, const std::string& law) {
        if (!holds) broken.push_back(law);
    };
    const auto all = [](const at::Tensor& t) { return t.all().item<bool>(); };
    const auto equal = [](const RayFeatures& a, const RayFeatures& b) {
        return a.feature.equal(b.feature) && a.depth.equal(b.depth) && a.weight.equal(b.weight);
    };
    // A matrix library may order its sums by the number of rows, so chunks agree to rounding, not bit for bit.
    const auto close = [](const RayFeatures& a, const RayFeatures& b) {
        return a.feature.allclose(b.feature, 1e-4, 1e-5) && a.depth.allclose(b.depth, 1e-4, 1e-5) &&
               a.weight.allclose(b.weight, 1e-4, 1e-5);
    };
    const auto n = rays.cameras(), r = rays.rays();
    StreamSource<CounterRandom> random{CounterRandom(4)};
    const auto seen = renderer.render(field, rays, random, {});
    expect(seen.feature.sizes() == at::IntArrayRef({n, r, field.feature_count()}) &&
               seen.depth.sizes() == at::IntArrayRef({n, r, 1}) && seen.weight.sizes() == at::IntArrayRef({n, r, 1}),
           "feature is [N, R, F], depth and weight are [N, R, 1]");
    expect(all(seen.weight >= 0) && all(seen.weight <= 1 + 1e-5), "weight stays in [0, 1]");
    expect(all(seen.depth.isfinite()), "depths are finite");
    StreamSource<CounterRandom> again{CounterRandom(4)};
    expect(equal(seen, renderer.render(field, rays, again, {})), "equal inputs and random numbers give equal bits");
    for (const std::int64_t chunk : {std::int64_t{1}, std::int64_t{7}, r / 2 + 1, r}) {
        StreamSource<CounterRandom> same{CounterRandom(4)};
        Context context;
        context.max_rays = chunk;
        expect(close(seen, renderer.render(field, rays, same, context)),
               "cutting the rays into chunks of " + std::to_string(chunk) + " changes nothing but rounding");
        expect(same.stream() == random.stream(), "chunks draw the same random numbers");
    }
    return broken;
}

}  // namespace cameo::testing
