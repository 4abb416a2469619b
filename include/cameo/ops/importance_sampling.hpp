// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::ops {

/// Further depths where the first pass found something: the inverse of the distribution that the smoothed weights make.
/// Shapes   depth [N, R, D, 1] ascending, weights [N, R, D - 1, 1], draws [N, R, F] in [0, 1); returns [N, R, F, 1] in
///          the order of the draws
/// Errors   shape_mismatch; invalid_argument: D below 4
/// Differentiable in nothing: the result is a constant of the backward pass
/// Source   Mildenhall et al., "NeRF", ECCV 2020, section 5.2; smoothing of Mip-NeRF
/// Quirk    D - 1 bin positions take D - 3 weights: the weight of interval j + 1 lies on the span before it, and the
///          last bin is never hit. As published
[[nodiscard]] CAMEO_API at::Tensor importance_depths(const at::Tensor& depth, const at::Tensor& weights,
                                                     const at::Tensor& draws);

}  // namespace cameo::ops
