// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/core/rays.hpp>

namespace cameo {

/// Rays are sampled between two fixed depths.
struct FixedRange {
    double near = 2.25, far = 3.3;
    bool even_disparity = false;  ///< samples spread evenly in 1 / depth
    friend bool operator==(const FixedRange&, const FixedRange&) = default;
};

/// Rays are sampled where they meet the cube of this side about the origin; rays that miss it, between the smallest and
/// the largest depth at which others enter it.
struct BoxRange {
    double box_side = 1.0;
    friend bool operator==(const BoxRange&, const BoxRange&) = default;
};

using DepthRange = std::variant<FixedRange, BoxRange>;

namespace ops {

/// Depths of all rays of a batch, by the functions below.
/// Shapes   jitter [N, R, D, 1]; returns the same
/// Errors   shape_mismatch; invalid_argument: a range that is none
[[nodiscard]] CAMEO_API at::Tensor sample_depths(const RayBundle& rays, const at::Tensor& jitter,
                                                 const DepthRange& range);

/// D depths per ray, evenly spread from near to far with both ends, each moved forward by jitter times their distance.
/// Shapes   jitter [N, R, D, 1] in [0, 1); returns the same
/// Errors   shape_mismatch; invalid_argument: fewer than 2 samples, limits that are not finite and ascending
/// Quirk    jitter moves forward only: the last sample may lie beyond `far` by one distance
[[nodiscard]] CAMEO_API at::Tensor spread_depths(const at::Tensor& jitter, double near, double far);

/// The same with limits per ray, taken as they are: filled_limits() may end a ray before its start.
[[nodiscard]] CAMEO_API at::Tensor spread_depths(const at::Tensor& jitter, const RayLimits& limits);

/// Spread evenly in 1 / depth. Errors: also invalid_argument: near is not positive
[[nodiscard]] CAMEO_API at::Tensor spread_disparities(const at::Tensor& jitter, double near, double far);

}  // namespace ops
}  // namespace cameo
