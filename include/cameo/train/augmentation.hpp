// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/core/random.hpp>

namespace cameo {

/// Which changes a discriminator's pictures undergo; all of them is the published choice ("bgc").
struct Augmentations {
    bool flip = true, quarter_turn = true, whole_shift = true;                                 // pixels stay pixels
    bool scale = true, rotation = true, aspect = true, shift = true;                           // geometry
    bool brightness = true, contrast = true, luma_flip = true, hue = true, saturation = true;  // colour
    friend bool operator==(const Augmentations&, const Augmentations&) = default;
};

/// What happens to each picture of a batch, in the order in which it is drawn. An undefined tensor changes nothing; where
/// all of geometry or all of colour is undefined, that half of the work is left out.
/// Shapes   [N], shifts [N, 2] (x, y)
/// Units    flip 0 or 1; quarter_turn 0 to 3; shifts: shares of the picture's side; angles: radians; scale, aspect, contrast
///          and saturation: factors; luma_flip 0 or 1
struct AugmentationValues {
    at::Tensor flip, quarter_turn, whole_shift;
    at::Tensor scale, rotation_before, aspect, rotation_after, shift;
    at::Tensor brightness, contrast, luma_flip, hue, saturation;
};

/// Draws what happens to `count` pictures: each change with probability `strength`. Both the value and whether it is used
/// are drawn, always, in the published order.
/// Source   Karras et al., "Training Generative Adversarial Networks with Limited Data", NeurIPS 2020, appendix B
/// Quirk    the two rotations are each used with probability 1 - sqrt(1 - strength), so that one of them is with `strength`
[[nodiscard]] CAMEO_API AugmentationValues draw_augmentations(const Augmentations& kinds, std::int64_t count,
                                                              double strength, RandomSource& random,
                                                              const at::TensorOptions& options);

/// The changed pictures. Triples of channels are colours and all change alike.
/// Shapes   picture [N, 3 k, H, W]; returns the same
/// Errors   shape_mismatch
/// Quirk    geometry resamples with the twelve taps of a wavelet even when nothing moves, which changes pixels by some 1e-5
[[nodiscard]] CAMEO_API at::Tensor augmented(const at::Tensor& picture, const AugmentationValues& values);

/// A picture and its raw picture, changed alike: the raw one is enlarged, changed and reduced again.
/// Shapes   image [N, 3, H, H], raw [N, 3, R, R]
struct AugmentedPair {
    at::Tensor image, raw;
};
[[nodiscard]] CAMEO_API AugmentedPair augmented(const at::Tensor& image, const at::Tensor& raw,
                                                const AugmentationValues& values);

}  // namespace cameo
