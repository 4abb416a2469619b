// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cameo/core/cameras.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/rays.hpp>

namespace cameo::ops {

struct ImageSize {
    std::int64_t height = 0, width = 0;
};

/// The rays through the centres of all pixels, in the cameras' type and on their device; differentiable in both of the
/// cameras' tensors.
/// Shapes   returns [N, height * width, 3]; the second form is a square image
/// Errors   those of check(cameras); invalid_argument: a size below 1
/// Threads  re-entrant
/// Quirk    u = column (1 / width) + 0.5 / width, in this order and type, for equal bits with the published code
[[nodiscard]] CAMEO_API RayBundle rays(const Cameras& cameras, ImageSize size);
[[nodiscard]] CAMEO_API RayBundle rays(const Cameras& cameras, std::int64_t resolution);

/// Where the rays meet the cube [-box_side / 2, box_side / 2]^3, each ray for itself: start and end as distances, or
/// -1 and -2 for a ray that misses. May be called on chunks of rays.
/// Errors   those of check(rays); invalid_argument: box_side is not above 0
/// Quirk    start is negative for a camera inside. A ray that runs inside a face of the cube, parallel to it, gets NaN
[[nodiscard]] CAMEO_API RayLimits box_limits(const RayBundle& rays, double box_side);

/// Gives rays that miss the limits that the published code gives them, so that a whole image can be sampled. Call it on
/// all rays of a batch together, after joining chunks.
/// Errors   shape_mismatch
/// Quirk    of all rays with end > start the smallest start becomes the start, and the largest *start* (not end)
///          becomes the end, of every other ray, so that a view depends on its companions. Without any such ray the
///          limits stay as they are, -1 and -2 or NaN
[[nodiscard]] CAMEO_API RayLimits filled_limits(const RayLimits& limits);

}  // namespace cameo::ops
