// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::ops {

/// x * scale, each picture's channels by numbers of their own: one pass over memory forward and one backward.
/// Shapes   x [N, C, H, W], scale [N, C] or [1, C]; returns [N, C, H, W]
[[nodiscard]] at::Tensor channel_scale(const at::Tensor& x, const at::Tensor& scale);

/// The gradients of that from the result's, all of them plain: of x, which may be where the result's lies, and of the
/// scale of each picture [N, C]. Either may be null.
void scale_gradients(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& gradient, float* of_x,
                     float* of_scale);

}  // namespace cameo::ops
