// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/ops/bias_act.hpp>

namespace cameo::ops {

/// act(x W'^T + b') with W' = W lr_multiplier / sqrt(inputs) and b' = b lr_multiplier: weights of unit variance that
/// learn at their own rate.
/// Shapes   x [N, I], weight [O, I], bias [O] or undefined; returns [N, O]
[[nodiscard]] CAMEO_API at::Tensor fully_connected(const at::Tensor& x, const at::Tensor& weight,
                                                   const at::Tensor& bias, double lr_multiplier = 1.0,
                                                   Activation activation = Activation::linear);

/// x / sqrt(mean of squares + 1e-8), each row by itself. Shapes: x [N, F]
[[nodiscard]] CAMEO_API at::Tensor normalize_second_moment(const at::Tensor& x);

}  // namespace cameo::ops
