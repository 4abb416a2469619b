// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/sampler.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/rays.hpp>

namespace cameo::testing {

/// The laws of Sampler, and of RefiningSampler where it is one, that `sampler` breaks on these rays; none if all hold.
template <Sampler S>
[[nodiscard]] std::vector<std::string> broken_laws(const S& sampler, const RayBundle& rays) {
    std::vector<std::string> broken;
    const auto expect = [&](bool holds, const char* law) {
        if (!holds) broken.emplace_back(law);
    };
    const auto all = [](const at::Tensor& t) { return t.all().item<bool>(); };
    const auto n = rays.cameras(), r = rays.rays(), s = sampler.coarse_count();

    StreamSource<CounterRandom> random{CounterRandom(1)}, again{CounterRandom(1)};
    const auto depth = sampler.coarse(rays, random);
    expect(depth.sizes() == at::IntArrayRef({n, r, s, 1}), "coarse depths are [N, R, S, 1]");
    if (depth.dim() != 4) return broken;
    expect(all(depth.isfinite()), "depths are finite");
    expect(all(depth.narrow(2, 1, s - 1) >= depth.narrow(2, 0, s - 1)), "depths ascend along each ray");
    expect(!depth.requires_grad(), "no gradient flows into depths");
    expect(depth.equal(sampler.coarse(rays, again)), "equal random numbers give equal bits");

    if constexpr (RefiningSampler<S>) {
        const auto draws = sampler.draws(rays, random);
        const auto f = sampler.fine_count();
        expect(draws.sizes() == at::IntArrayRef({n, r, f}), "draws are [N, R, F]");
        const auto weights = random.uniform({n, r, s - 1, 1}, depth.options());
        const auto fine = sampler.refine(depth, weights, draws);
        expect(fine.sizes() == at::IntArrayRef({n, r, f, 1}), "refined depths are [N, R, F, 1]");
        if (f == 0 || fine.dim() != 4) return broken;
        expect(!fine.requires_grad(), "no gradient flows into refined depths");
        expect(all(fine.amin(2) >= depth.amin(2)) && all(fine.amax(2) <= depth.amax(2)),
               "refined depths lie within the coarse ones");
        const auto part = [&](const at::Tensor& t) { return t.narrow(1, r / 2, r - r / 2); };
        expect(part(fine).equal(sampler.refine(part(depth), part(weights), part(draws))),
               "a chunk's refined depths are the whole's");
    }
    return broken;
}

}  // namespace cameo::testing
