// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/generate/discriminator.hpp>

namespace cameo::losses {

/// What a discriminator's blocks make of pictures, finest first: features that were trained on the generator's own kind of
/// pictures and come with its file. Each picture is looked at by itself.
/// Shapes   image, image_raw, labels as DualDiscriminator::logits(); returns one [N, C, H, W] a block
/// Errors   those of logits()
[[nodiscard]] CAMEO_API std::vector<at::Tensor> discriminator_features(const DualDiscriminator& discriminator,
                                                                       const at::Tensor& image,
                                                                       const at::Tensor& image_raw,
                                                                       const at::Tensor& labels);

/// The mean over the blocks of: mean absolute difference over the mean magnitude of the target's. Shapes: returns [N]
/// Source   the feature matching loss of Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with
///          Conditional GANs", CVPR 2018, made free of the features' scale
[[nodiscard]] CAMEO_API at::Tensor feature_difference(const std::vector<at::Tensor>& features,
                                                      const std::vector<at::Tensor>& target);

}  // namespace cameo::losses
