// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::ops {

/// Pictures resized bilinearly, pixel centres at half positions. Shrinking with `antialias` widens the triangle filter
/// to the new pixel.
/// Shapes   picture [N, C, H, W]; returns [N, C, height, width]
/// Errors   shape_mismatch; invalid_argument: a side below 1
/// Differentiable twice with antialias, as often as wanted without
[[nodiscard]] CAMEO_API at::Tensor resize(const at::Tensor& picture, std::int64_t height, std::int64_t width,
                                          bool antialias);

}  // namespace cameo::ops
