// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/discriminator_features.hpp>

#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::losses {

std::vector<at::Tensor> discriminator_features(const DualDiscriminator& discriminator, const at::Tensor& image,
                                               const at::Tensor& image_raw, const at::Tensor& labels) {
    ShapeCheck().expect("image", image, "[N, C, H, W]").expect("raw image", image_raw, "[N, C, R, R]");
    std::vector<std::vector<at::Tensor>> blocks;
    for (std::int64_t i = 0; i < image.size(0); ++i) {  // one by one: the last block compares a batch's members
        std::size_t block = 0;
        (void)discriminator.logits(image.narrow(0, i, 1), image_raw.narrow(0, i, 1),
                                   labels.defined() ? labels.narrow(0, i, 1) : labels,
                                   [&](const std::string& layer, const at::Tensor& result) {
                                       if (layer.front() != 'b' || layer.find('.') != std::string::npos) return;
                                       if (blocks.size() == block) blocks.emplace_back();
                                       blocks[block++].push_back(result);
                                   });
    }
    std::vector<at::Tensor> features;
    for (const auto& block : blocks) features.push_back(block.size() == 1 ? block.front() : at::cat(block));
    return features;
}

at::Tensor feature_difference(const std::vector<at::Tensor>& features, const std::vector<at::Tensor>& target) {
    if (features.empty() || features.size() != target.size())
        throw Error(Errc::shape_mismatch, "features: expected as many layers as the target's " +
                                              std::to_string(target.size()) + ", got " +
                                              std::to_string(features.size()));
    at::Tensor sum;
    for (std::size_t i = 0; i < features.size(); ++i) {
        const auto magnitude = target[i].abs().mean({1, 2, 3}).clamp_min(1e-8);
        const auto share = (features[i] - target[i]).abs().mean({1, 2, 3}) / magnitude;
        sum = sum.defined() ? sum + share : share;
    }
    return sum / static_cast<double>(features.size());
}

}  // namespace cameo::losses
