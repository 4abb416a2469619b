// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/generate/portrait.hpp>

namespace cameo::losses {

/// What a portrait should be.
/// Shapes   image [N, 3, S, S]; opacity and depth [N, 1, S, S]
/// Units    colours in [-1, 1]; opacity in [0, 1]; depth: world units along the ray through the pixel's centre, 0 where
///          it meets nothing
struct PortraitTruth {
    at::Tensor image, opacity, depth;
};

/// Mean absolute differences, each a scalar. Truth is averaged over the raw image's pixels. Depths are compared after
/// multiplication by opacity, so an empty ray has none to be wrong about and gives no infinite gradient; raw pixels in
/// which opacity and depth contradict each other, on outlines, do not count for depth.
struct PortraitLosses {
    at::Tensor image, image_raw, depth, mask;
};

/// Shapes   as above, with the portrait's S a multiple of its R
/// Errors   shape_mismatch
[[nodiscard]] CAMEO_API PortraitLosses portrait_losses(const Portrait& portrait, const PortraitTruth& truth);

/// How good portraits are, in the numbers that people compare; means over the batch.
struct PortraitScores {
    double psnr = 0.0;                  ///< dB over the whole image, peak 2
    double head_psnr = 0.0;             ///< dB over the pixels that are at least half the head's
    double depth_error = 0.0;           ///< mean absolute difference of the depths of rays, where the head is
    double weighted_depth_error = 0.0;  ///< the same of opacity times depth: what is missing of opacity counts, too
    double mask_iou = 0.0;              ///< intersection over union of the raw images' masks, split at 1/2
};
[[nodiscard]] CAMEO_API PortraitScores portrait_scores(const Portrait& portrait, const PortraitTruth& truth);

}  // namespace cameo::losses
