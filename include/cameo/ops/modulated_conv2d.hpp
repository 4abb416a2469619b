// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/ops/conv2d_resample.hpp>

namespace cameo::ops {

/// Where the styles are multiplied in. Both give the same numbers but for rounding.
enum class Modulation : std::uint8_t {
    weights,      ///< into one set of weights per style: what the published code does at inference
    activations,  ///< into the activations before and after: what it does in training
};

struct ModulatedConvOptions {
    Resample resample = Resample::none;
    bool demodulate = true;  ///< divides each output channel by the norm of its modulated weights
    Modulation modulation = Modulation::weights;
};

/// 1 / the norm of each output channel's weights, multiplied by styles.
/// Shapes   weight [O, I, k, k], styles [S, I]; returns [S, O]. Differentiable in both, any number of times
[[nodiscard]] CAMEO_API at::Tensor demodulation(const at::Tensor& weight, const at::Tensor& styles);

/// A convolution whose weights are scaled per input channel by styles.
/// Shapes   x [N, I, H, W], weight [O, I, k, k], styles [N, I] or [1, I], filter [4, 4]; returns [N, O, H', W']
/// Differentiable in x, weight and styles, any number of times
/// Quirk    with half-precision x and demodulation, weight and styles are divided by their largest magnitudes first
/// Source   Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020, section 2
[[nodiscard]] CAMEO_API at::Tensor modulated_conv2d(const at::Tensor& x, const at::Tensor& weight,
                                                    const at::Tensor& styles, const at::Tensor& filter,
                                                    const ModulatedConvOptions& options = {});

}  // namespace cameo::ops
