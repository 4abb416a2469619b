// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/picture_loss.hpp>

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/losses/discriminator_features.hpp>
#include <cameo/losses/picture.hpp>

namespace cameo::losses {
namespace {

using Features = PictureLoss::Features;

Features image_alone(const Portrait& portrait, const at::Tensor&) { return {portrait.image}; }

}  // namespace

PictureLoss l2_loss() {
    return {"L2", image_alone, [](const Features& a, const Features& b) { return l2(a.at(0), b.at(0)); }};
}

PictureLoss l1_loss() {
    return {"L1", image_alone, [](const Features& a, const Features& b) { return l1(a.at(0), b.at(0)); }};
}

PictureLoss multi_scale_l1_loss(std::int64_t levels) {
    return {"multi-scale L1", image_alone,
            [levels](const Features& a, const Features& b) { return multi_scale_l1(a.at(0), b.at(0), levels); }};
}

PictureLoss lpips_loss(const Lpips& lpips, std::int64_t largest) {
    return {lpips.trunk() == Lpips::Trunk::alexnet ? "LPIPS (AlexNet)" : "LPIPS (VGG16)",
            [lpips, largest](const Portrait& portrait, const at::Tensor&) {
                const auto shape = ShapeCheck().expect("image", portrait.image, "[N, 3, H, W]");
                const bool shrinks = largest > 0 && std::max(shape["H"], shape["W"]) > largest;
                return lpips.embedding(shrinks ? at::adaptive_avg_pool2d(portrait.image, {largest, largest})
                                               : portrait.image);
            },
            [](const Features& a, const Features& b) { return Lpips::distance(a, b); }};
}

PictureLoss identity_loss(const FaceIdentity& identity) {
    return {"identity",
            [identity](const Portrait& portrait, const at::Tensor&) {
                return Features{identity.embedding(face_crop(portrait.image))};
            },
            [](const Features& a, const Features& b) { return 1 - (a.at(0) * b.at(0)).sum(1); }};
}

PictureLoss discriminator_loss(std::shared_ptr<const DualDiscriminator> discriminator) {
    return {"discriminator features",
            [discriminator = std::move(discriminator)](const Portrait& portrait, const at::Tensor& labels) {
                return discriminator_features(*discriminator, portrait.image, portrait.image_raw, labels);
            },
            feature_difference};
}

PictureLoss default_perceptual_loss(const StateDict& model, const at::Device& device) {
    const bool has_discriminator =
        std::ranges::any_of(model.entries(), [](const auto& entry) { return entry.name.starts_with("D."); });
    if (!has_discriminator) return multi_scale_l1_loss();
    return discriminator_loss(std::make_shared<const DualDiscriminator>(DualDiscriminator::load(model, "D", device)));
}

}  // namespace cameo::losses
