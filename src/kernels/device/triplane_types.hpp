// SPDX-License-Identifier: Apache-2.0
// What the tri-plane renderer of a device reads and writes. Plain data: part of the interface between cameo::core and
// its CUDA module, so a change of it is a change of module_abi.
#pragma once

#include <cstdint>

#include "kernels/device/platform.hpp"

namespace cameo::kernels::device {

/// Up to three pictures of texels: planes that see the same coordinates are added up (render/device_triplane.cpp).
/// Channels are a multiple of four, filled up with zeros; one texel of zeros lies around each sheet.
struct Sheets {
    const float* texels;  ///< [sheets, H + 2, W + 2, C]
    std::int32_t sheets, height, width, channels;
    float scale;          ///< from world units to the cube from -1 to 1
    float axes[3][2][3];  ///< of a sheet: a point's place along W and along H is its product with these
};

/// The decoder, its counts filled up to multiples of four with zeros.
struct Decoder {
    std::int32_t hidden, features, padded_features;
    const float* hidden_weight;      ///< [C, K], transposed
    const float* hidden_weight_row;  ///< [K, C], as it is given; backward only
    const float* hidden_bias;        ///< [K]
    const float* colour_weight;      ///< [K, F], transposed
    const float* colour_weight_row;  ///< [F, K], as it is given; backward only
    const float* colour_bias;        ///< [F]
    const float* density_weight;     ///< [K]
    const float* density_bias;       ///< [1]
};

/// Rays of one scene, their random numbers and where to write what they see.
struct RayBatch {
    const float *origin, *direction;  ///< [R, 3]
    const float* depth;               ///< [R, coarse]
    const float* draws;               ///< [R, fine]
    const float *noise, *fine_noise;  ///< [R, coarse], [R, fine] or null
    std::int64_t count;
    std::int32_t coarse, fine;
    float activation_bias;                ///< added to densities before their softplus
    float *feature, *out_depth, *weight;  ///< [R, F], [R], [R]; depth infinite where nothing was met
    float *sorted_depth, *sorted_noise;   ///< [R, coarse + fine] or null; noise only where there is some
};

/// The backward pass of rays whose samples are known; `depth` and `noise` of RayBatch are then sorted_depth and
/// sorted_noise, coarse their number and fine 0.
struct RayGradients {
    const float *feature, *depth, *weight;  ///< [R, F], [R], [R]: of the loss by what rays see
    float* texels;                          ///< as the sheets', added to; or null
    float* parameters;                      ///< parameter_count() sums, added to; or null
    float *origin, *direction;              ///< [R, 3] or null
};

/// hidden weight [K, C], hidden bias [K], colour weight [F, K], colour bias [F], density weight [K], density bias [1]
CAMEO_HOST_DEVICE std::int64_t parameter_count(std::int64_t channels, std::int64_t hidden, std::int64_t features) {
    return hidden * channels + hidden + features * hidden + features + hidden + 1;
}

/// Points that sheets are sampled at.
struct PointBatch {
    const float* point;  ///< [M, 3]
    std::int64_t count;
    float* feature;  ///< [M, C], all channels, those that fill up too

    // Backward only.
    const float* gradient;  ///< [M, C]
    float* texels;          ///< as the sheets', added to; or null
    float* by_point;        ///< [M, 3] or null
};

/// clamp(gain act(x norm + noise + bias)) of pictures, row by row: a row is a picture of one channel.
struct ActivationBatch {
    const float* x;      ///< [N, C, L]
    const float* norm;   ///< [N, C], [1, C] or null
    const float* noise;  ///< [L], [N, L] or null
    const float* bias;   ///< [C] or null
    std::int64_t rows, channels, length;
    std::int64_t norm_step, noise_step;  ///< from one of N to the next: 0 where all have the same
    float gain, slope, limit;            ///< slope: below zero
    float* y;

    // Backward only: y is known, x where moments are wanted.
    const float* gradient;
    float* before;   ///< [N, C, L]: of what stands in act(); or null
    float* by_x;     ///< [N, C, L] or null
    float* sums;     ///< [N, C], added to: of `before`
    float* moments;  ///< [N, C], added to: of before x; or null
};

/// up - 1 zeros after every pixel, padding, a filter, every down-th pixel.
struct FirBatch {
    const float* x;     ///< [P, H, W]
    const float* taps;  ///< [rows, columns], as they correlate, gain included
    float* y;           ///< [P, out_height, out_width]
    std::int64_t pictures;
    std::int32_t height, width, out_height, out_width, rows, columns, up, down, pad_x, pad_y;  ///< pads: before
};

}  // namespace cameo::kernels::device
