// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/generate/discriminator.hpp>
#include <cameo/generate/portrait.hpp>
#include <cameo/losses/identity.hpp>
#include <cameo/losses/lpips.hpp>

namespace cameo::losses {

/// A distance between portraits in two steps, so that what belongs to a fixed target is computed once. A value.
/// Shapes   features(portrait, labels [N, 25]): any tensors; of the portrait it sees image and image_raw alone.
///          distance(features, features of the target) returns [N]
struct PictureLoss {
    using Features = std::vector<at::Tensor>;

    std::string name;
    std::function<Features(const Portrait&, const at::Tensor& labels)> features;
    std::function<at::Tensor(const Features& of_picture, const Features& of_target)> distance;
};

[[nodiscard]] CAMEO_API PictureLoss l2_loss();
[[nodiscard]] CAMEO_API PictureLoss l1_loss();
[[nodiscard]] CAMEO_API PictureLoss multi_scale_l1_loss(std::int64_t levels = 4);

/// Pictures larger than `largest` are averaged down to it first; 0: never.
[[nodiscard]] CAMEO_API PictureLoss lpips_loss(const Lpips& lpips, std::int64_t largest = 0);
[[nodiscard]] CAMEO_API PictureLoss identity_loss(const FaceIdentity& identity);
[[nodiscard]] CAMEO_API PictureLoss discriminator_loss(std::shared_ptr<const DualDiscriminator> discriminator);

/// What a model file itself offers to tell pictures apart by: its discriminator "D", called "discriminator features";
/// where it has none, "multi-scale L1".
/// Errors   those of DualDiscriminator::load()
[[nodiscard]] CAMEO_API PictureLoss default_perceptual_loss(const StateDict& model,
                                                            const at::Device& device = at::kCPU);

}  // namespace cameo::losses
