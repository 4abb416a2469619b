// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/importance_sampling.hpp>

#include <string>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::ops {

at::Tensor importance_depths(const at::Tensor& depth, const at::Tensor& weights, const at::Tensor& draws) {
    const c10::NoGradGuard no_grad;
    const auto shape = ShapeCheck()
                           .expect("depth", depth, "[N, R, D, 1]")
                           .expect("weights", weights, "[N, R, K, 1]")
                           .expect("draws", draws, "[N, R, F]")
                           .bind("K", depth.size(2) - 1);
    const auto samples = shape["D"];
    if (samples < 4)
        throw Error(Errc::invalid_argument,
                    "importance sampling: expected at least 4 samples a ray, got " + std::to_string(samples));
    const auto t = depth.squeeze(3), w = weights.squeeze(3);

    // Smoothed: the larger of two neighbours, then the mean of two of those. The ends have one neighbour.
    const auto larger =
        at::cat({w.narrow(2, 0, 1), at::maximum(w.narrow(2, 0, samples - 2), w.narrow(2, 1, samples - 2)),
                 w.narrow(2, samples - 2, 1)},
                2);
    const auto smooth = (larger.narrow(2, 0, samples - 1) + larger.narrow(2, 1, samples - 1)) / 2 + 0.01;

    auto density = smooth.narrow(2, 1, samples - 3) + 1e-5;
    density = density / density.sum(2, true);
    const auto cumulative = at::cat({at::zeros_like(density.narrow(2, 0, 1)), at::cumsum(density, 2)}, 2).contiguous();
    const auto bins = (t.narrow(2, 0, samples - 1) + t.narrow(2, 1, samples - 1)) / 2;

    const auto u = draws.contiguous();
    const auto upper = at::searchsorted(cumulative, u, false, /*right=*/true);
    const auto below = (upper - 1).clamp_min(0), above = upper.clamp_max(samples - 3);
    const auto start = cumulative.gather(2, below);
    auto span = cumulative.gather(2, above) - start;
    span = at::where(span < 1e-5, at::ones_like(span), span);
    const auto bin = bins.gather(2, below);
    return (bin + (u - start) / span * (bins.gather(2, above) - bin)).unsqueeze(3);
}

}  // namespace cameo::ops
