// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo {

/// Samples along rays, ascending in depth.
/// Shapes   depth, density [N, R, S, 1], feature [N, R, S, F]
/// Units    depth: along the ray's unit direction; density: raw, before its activation
struct RaySamples {
    at::Tensor depth, density, feature;
};

/// What was seen along rays.
/// Shapes   feature [N, R, F], depth [N, R, 1], weight [N, R, 1] in [0, 1], sample_weights [N, R, K, 1]: of the K
///          intervals between samples; undefined in what a renderer returns
struct RayFeatures {
    at::Tensor feature, depth, weight, sample_weights;
};

namespace ops {

enum class Rule : std::uint8_t {
    midpoint,  ///< the mean of two neighbours stands for the interval between them
    left,      ///< each sample stands for the interval that it begins, the last for `last_interval`
};

enum class DensityActivation : std::uint8_t { softplus, relu };

struct IntegrateOptions {
    Rule rule = Rule::midpoint;
    DensityActivation activation = DensityActivation::softplus;
    double density_bias = 0.0;    ///< added to the raw density before its activation
    bool normalize_depth = true;  ///< divides the depth by the weight
    double last_interval = 1e10;  ///< of Rule::left
};

/// Volume rendering: alpha = 1 - exp(-density interval), transmittance = product of (1 - alpha + 1e-10), their product
/// weighs features and depths.
/// Errors   shape_mismatch; invalid_argument: fewer samples than the rule needs (2, or 1)
/// Differentiable in all inputs. A ray of weight 0 has infinite depth when depths are normalised, and no gradient
/// through it, where the published code has NaN
/// Source   Max, "Optical Models for Direct Volume Rendering", 1995; Barron et al., "Mip-NeRF", 2021
[[nodiscard]] CAMEO_API RayFeatures integrate(const RaySamples& samples, const IntegrateOptions& options = {});

/// Depths limited to those of the samples, infinite and undefined ones included.
/// Shapes   depth any; nearest, farthest []
[[nodiscard]] CAMEO_API at::Tensor clamp_depth(const at::Tensor& depth, const at::Tensor& nearest,
                                               const at::Tensor& farthest);

/// Two sets of samples of the same rays as one, ascending in depth; equal depths keep their order.
[[nodiscard]] CAMEO_API RaySamples merge_samples(const RaySamples& first, const RaySamples& second);

}  // namespace ops
}  // namespace cameo
