// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/quadrature.hpp>
#include <cameo/ops/integrate.hpp>

namespace cameo {

/// Midpoint rule between neighbouring samples: S samples give S - 1 weights. See also LeftQuadrature.
/// Quirk    densities are averaged before their activation; depths are limited to those of the whole batch's samples,
/// so
///          a view depends on its companions, and an empty ray lies as far away as the farthest of them
struct MidpointQuadrature {
    double density_bias = -1.0;  ///< added to the raw density before softplus; EG3D trains with -1

    static constexpr std::string_view name() noexcept { return "midpoint"; }
    [[nodiscard]] RayFeatures integrate(const RaySamples& samples) const {
        return ops::integrate(samples, {.rule = ops::Rule::midpoint, .density_bias = density_bias});
    }
    [[nodiscard]] at::Tensor bounded(const at::Tensor& depth, const at::Tensor& nearest,
                                     const at::Tensor& farthest) const {
        return ops::clamp_depth(depth, nearest, farthest);
    }
    friend bool operator==(const MidpointQuadrature&, const MidpointQuadrature&) = default;
};
static_assert(Quadrature<MidpointQuadrature>);

/// Left rule: every sample stands for what follows it, the last one for a wall behind it. S samples give S weights.
/// Depths are the weights' sum of depths, 0 for an empty ray.
struct LeftQuadrature {
    ops::DensityActivation activation = ops::DensityActivation::relu;
    double density_bias = 0.0;
    double last_interval = 1e10;  ///< any density in the last sample makes the ray opaque

    static constexpr std::string_view name() noexcept { return "left"; }
    [[nodiscard]] RayFeatures integrate(const RaySamples& samples) const {
        return ops::integrate(samples, {.rule = ops::Rule::left,
                                        .activation = activation,
                                        .density_bias = density_bias,
                                        .normalize_depth = false,
                                        .last_interval = last_interval});
    }
    [[nodiscard]] at::Tensor bounded(const at::Tensor& depth, const at::Tensor&, const at::Tensor&) const {
        return depth;
    }
    friend bool operator==(const LeftQuadrature&, const LeftQuadrature&) = default;
};
static_assert(Quadrature<LeftQuadrature>);
static_assert(!Quadrature<ops::IntegrateOptions>);

}  // namespace cameo
