// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include <cameo/ops/bias_act.hpp>
#include <cameo/ops/fir.hpp>
#include <cameo/ops/plane_sampling.hpp>

#include "kernels/module_abi.hpp"
#include "ops/activation.hpp"

namespace cameo::ops {

/// Kernels of the device that `x` lies on, when they are wanted and read its type; null otherwise.
[[nodiscard]] const cuda::Functions* device_kernels(const at::Tensor& x);

/// bias_act(x norms + noise), in one pass over memory; all but x may be undefined.
/// Shapes   x [N, C, ...], norms [N, C] or [1, C], noise [H, W] or [N, 1, H, W], bias [C]
/// Errors   out_of_memory, device_unsupported
/// Differentiable in all four, any number of times
[[nodiscard]] at::Tensor device_finished(const cuda::Functions& functions, const at::Tensor& x, const at::Tensor& norms,
                                         const at::Tensor& noise, const at::Tensor& bias,
                                         const BiasActOptions& options);

/// What bias_act() does, without its bookkeeping: the derivative is its caller's.
[[nodiscard]] at::Tensor device_activated(const cuda::Functions& functions, const at::Tensor& x,
                                          const at::Tensor& norms, const at::Tensor& noise, const at::Tensor& bias,
                                          const ActivationNumbers& numbers);

struct DeviceActivationGradients {
    at::Tensor before;         ///< as x: of what the activation sees
    at::Tensor x;              ///< as x, before times norms
    at::Tensor sums, moments;  ///< [N, C]: of before; of before times x
};
/// `x` may be undefined: then there are no moments. Without norms, x is before.
[[nodiscard]] DeviceActivationGradients device_activation_gradients(const cuda::Functions& functions,
                                                                    const at::Tensor& y, const at::Tensor& gradient,
                                                                    const at::Tensor& x, const at::Tensor& norms,
                                                                    const ActivationNumbers& numbers);

/// The filter of fir_resample() as it correlates, gain included.
[[nodiscard]] at::Tensor device_filtered(const cuda::Functions& functions, const at::Tensor& x, const at::Tensor& taps,
                                         const FirOptions& options);

/// sample_planes_mean() of arguments that were checked. Differentiable once.
[[nodiscard]] at::Tensor device_planes_mean(const cuda::Functions& functions, const at::Tensor& planes,
                                            const at::Tensor& points, const PlaneAxes& axes, double box_side);

}  // namespace cameo::ops
