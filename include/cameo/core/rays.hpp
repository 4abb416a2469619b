// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo {

/// R rays for each of N cameras. A square image's rays run row by row: ray = row * width + column.
/// Shapes   origin, direction [N, R, 3]; one floating point type, one device; origin may be an expanded view
/// Units    world units; directions of length 1, so that depth is distance along the ray
struct CAMEO_API RayBundle {
    at::Tensor origin, direction;

    [[nodiscard]] std::int64_t cameras() const { return direction.size(0); }
    [[nodiscard]] std::int64_t rays() const { return direction.size(1); }

    /// Rays first to first + count - 1 of every camera. Errors: invalid_argument: outside the bundle
    [[nodiscard]] RayBundle slice(std::int64_t first, std::int64_t count) const;
};

/// Checks shapes, type and device. Errors: shape_mismatch; invalid_argument: another type, two types or two devices
CAMEO_API void check(const RayBundle& rays);

/// Where each ray enters and leaves the scene. Constants: no gradient flows into them.
/// Shapes   start, end [N, R, 1]. Units: distance along the ray
struct RayLimits {
    at::Tensor start, end;
};

}  // namespace cameo
