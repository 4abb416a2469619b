// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::ops {

/// How fir_resample() changes a picture. Units: pixels; padding before and after each axis, negative to crop
struct FirOptions {
    std::int64_t up = 1, down = 1;
    std::array<std::int64_t, 2> pad_x{}, pad_y{};
    double gain = 1.0;
    bool flip_filter = false;  ///< true: correlation; false: convolution. The same for symmetric taps
};

/// Puts up - 1 zeros after every pixel (also the last), pads, filters, keeps every down-th pixel, multiplies by gain.
/// Shapes   picture [N, C, H, W], filter [h, w] float32; each axis gives (H up + pads - h) / down + 1, rounded down.
///          Half-precision pictures are filtered in float32 and rounded once
/// Differentiable in the picture, any number of times: the backward pass is the same operation with other options
/// Source   Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020
[[nodiscard]] CAMEO_API at::Tensor fir_resample(const at::Tensor& picture, const at::Tensor& filter,
                                                const FirOptions& options);

/// The outer product of the taps with themselves, divided by its sum: float32, [taps, taps].
[[nodiscard]] CAMEO_API at::Tensor fir_filter(std::span<const double> taps);

/// The networks' own filter: taps 1, 3, 3, 1.
[[nodiscard]] CAMEO_API at::Tensor fir_filter();

/// Twice as many pixels on each axis. Quirk: what lies outside the picture is zero, so the outer pixels differ from
/// bilinear enlargement
[[nodiscard]] CAMEO_API at::Tensor fir_upsample_2x(const at::Tensor& picture, const at::Tensor& filter);

/// Half as many pixels on each axis. `crop` more are cut off on every side before.
[[nodiscard]] CAMEO_API at::Tensor fir_downsample_2x(const at::Tensor& picture, const at::Tensor& filter,
                                                     std::int64_t crop = 0, bool flip_filter = false);

}  // namespace cameo::ops
