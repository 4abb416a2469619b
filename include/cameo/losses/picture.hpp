// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::losses {

// How far pictures are from others, one number for each.
// Shapes   picture and target [N, C, H, W]; weight [N, 1, H, W] or undefined: everywhere 1; returns [N]
// Errors   shape_mismatch

/// Means of squared and of absolute differences, weighted: sum(weight difference) / sum(weight).
[[nodiscard]] CAMEO_API at::Tensor l2(const at::Tensor& picture, const at::Tensor& target,
                                      const at::Tensor& weight = {});
[[nodiscard]] CAMEO_API at::Tensor l1(const at::Tensor& picture, const at::Tensor& target,
                                      const at::Tensor& weight = {});

/// The mean absolute difference at the pictures' own size and at `levels` - 1 halvings of it, as far as sides are even and
/// at least 8: coarse levels see what is displaced, which the pictures themselves tell to be merely different.
/// Errors   also invalid_argument: levels below 1
[[nodiscard]] CAMEO_API at::Tensor multi_scale_l1(const at::Tensor& picture, const at::Tensor& target,
                                                  std::int64_t levels = 4);

/// The picture where the mask is 1, the target where it is 0: whatever compares the two sees, and differentiates, what
/// the mask lets through alone.
/// Shapes   mask [N, 1, H, W], from 0 to 1
[[nodiscard]] CAMEO_API at::Tensor masked(const at::Tensor& picture, const at::Tensor& target, const at::Tensor& mask);

}  // namespace cameo::losses
