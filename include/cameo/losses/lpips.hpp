// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>

namespace cameo::losses {

/// The learned perceptual distance: how differently a classifier's layers react to two pictures. The weights are the
/// user's: torchvision's classifier and the published linear heads (v0.1), each put through `cameo convert`.
/// Threads  const functions are re-entrant
/// Source   Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018
class CAMEO_API Lpips {
  public:
    enum class Trunk : std::uint8_t { alexnet, vgg16 };

    /// From "features.N.weight" and "features.N.bias", and from "lin0.model.1.weight" to "lin4.model.1.weight". Other
    /// tensors of the files (the classifier's last layers) are passed over.
    /// Errors   bad_file: a tensor, by its name, that is missing, of another shape or not finite; a negative head
    [[nodiscard]] static Lpips load(Trunk trunk, const StateDict& features, const StateDict& heads,
                                    const at::Device& device = at::kCPU);

    /// The distance. Shapes: pictures [N, 3, H, W]; returns [N]. Units: colours in [-1, 1]
    /// Errors   shape_mismatch; invalid_argument: a side below 32
    [[nodiscard]] at::Tensor distance(const at::Tensor& picture, const at::Tensor& target) const;

    /// What the layers see, before and after it is scaled: squared differences of the second, summed, are the distance.
    /// Shapes   five of [N, C, H, W], finest first; C: 64, 192, 384, 256, 256 or 64, 128, 256, 512, 512
    [[nodiscard]] std::vector<at::Tensor> taps(const at::Tensor& picture) const;
    [[nodiscard]] std::vector<at::Tensor> embedding(const at::Tensor& picture) const;

    /// The distance of two embeddings. Shapes: returns [N]
    [[nodiscard]] static at::Tensor distance(const std::vector<at::Tensor>& embedding,
                                             const std::vector<at::Tensor>& target);

    [[nodiscard]] Trunk trunk() const noexcept { return trunk_; }

  private:
    Lpips() = default;

    Trunk trunk_ = Trunk::alexnet;
    std::vector<at::Tensor> weights_, biases_, heads_;  // heads: roots, [1, C, 1, 1]
};

}  // namespace cameo::losses
