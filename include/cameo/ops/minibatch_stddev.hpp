// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::ops {

/// One more channel that tells a discriminator how much the pictures of a group differ.
/// Shapes   x [N, C, H, W]; returns [N, C + 1, H, W]. Groups have min(group_size, N) members, every N / size-th picture
/// Errors   shape_mismatch; invalid_argument: the size of a group does not divide N
/// Differentiable any number of times
/// Source   Karras et al., "Progressive Growing of GANs", ICLR 2018, section 3
[[nodiscard]] CAMEO_API at::Tensor append_minibatch_stddev(const at::Tensor& x, std::int64_t group_size = 4);

}  // namespace cameo::ops
