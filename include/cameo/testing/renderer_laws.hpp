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
    const auto n = rays.cameras(), r = rays.rays();
    StreamSource<CounterRandom> random{CounterRandom(4)};
    const auto seen = renderer.render(field, rays, random, {});
    expect(seen.feature.sizes() == at::IntArrayRef({n, r, field.feature_count()}) &&
               seen.depth.sizes() == at::IntArrayRef({n, r, 1}) && seen.weight.sizes() == at::IntArrayRef({n, r, 1}),
           "feature is [N, R, F], depth and weight are [N, R, 1]");
    expect(all(seen.weight >= 0) && all(seen.weight <= 1 + 1e-5), "weight stays in [0, 1]");
    expect(all(seen.depth.isfinite()), "depths are finite");
    for (const std::int64_t chunk : {std::int64_t{1}, std::int64_t{7}, r / 2 + 1, r}) {
        StreamSource<CounterRandom> same{CounterRandom(4)};
        Context context;
        context.max_rays = chunk;
        expect(equal(seen, renderer.render(field, rays, same, context)),
               "cutting the rays into chunks of " + std::to_string(chunk) + " changes no bit");
        expect(same.stream() == random.stream(), "chunks draw the same random numbers");
    }
    return broken;
}

}  // namespace cameo::testing
