// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::ops {

enum class Resample : std::uint8_t { none, up_2x, down_2x };

/// A convolution of odd side with "same" padding, and a change of resolution by the filter.
/// Shapes   x [N, I, H, W], weight [O, I / groups, k, k] with k = 1 or 3, filter [4, 4]; returns [N, O, H', W'] with
///          H' = H, 2 H or H / 2
/// Errors   shape_mismatch; invalid_argument: up_2x with k = 1
/// Differentiable in x and weight, any number of times
/// Quirk    up_2x is a transposed convolution before the filter, so it convolves where the others correlate: weights
/// are
///          taken as stored in each case, and flipping them gives plausible but wrong pictures
[[nodiscard]] CAMEO_API at::Tensor conv2d_resample(const at::Tensor& x, const at::Tensor& weight,
                                                   const at::Tensor& filter, Resample resample,
                                                   std::int64_t groups = 1);

}  // namespace cameo::ops
