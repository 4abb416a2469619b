// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/ops/bias_act.hpp>
#include <cameo/ops/modulated_conv2d.hpp>

#include "ops/winograd.hpp"

namespace cameo::ops {

/// bias_act(modulated_conv2d(x, weight, styles, filter) + noise, bias) in one pass over memory where that is possible.
/// Shapes   as those of its parts; noise [H', W'], [N, 1, H', W'] or undefined
/// Differentiable in everything but the filter, any number of times
[[nodiscard]] at::Tensor synthesis_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& styles,
                                          const at::Tensor& filter, const at::Tensor& noise, const at::Tensor& bias,
                                          const ModulatedConvOptions& convolution, const BiasActOptions& activation,
                                          const c10::intrusive_ptr<WinogradCache>& cache);

}  // namespace cameo::ops
