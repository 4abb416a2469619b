// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/adversarial.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cameo/core/shape.hpp>

namespace cameo::losses {

at::Tensor should_look_real(const at::Tensor& logits) { return at::softplus(-logits); }
at::Tensor should_look_fake(const at::Tensor& logits) { return at::softplus(logits); }

at::Tensor gradient_penalty(const at::Tensor& logits, const std::vector<at::Tensor>& pictures) {
    const auto gradients = torch::autograd::grad({logits.sum()}, pictures, {}, /*retain_graph=*/true,
                                                 /*create_graph=*/true);
    at::Tensor penalty;
    for (const auto& gradient : gradients) {
        const auto squared = gradient.square().flatten(1).sum(1);
        penalty = penalty.defined() ? penalty + squared : squared;
    }
    return penalty;
}

at::Tensor blurred(const at::Tensor& picture, double sigma) {
    ShapeCheck().expect("picture", picture, "[N, C, H, W]");
    const auto reach = static_cast<std::int64_t>(std::floor(3.0 * sigma));
    if (reach <= 0) return picture;
    std::vector<float> taps;
    for (auto k = -reach; k <= reach; ++k)
        taps.push_back(static_cast<float>(std::exp2(-std::pow(static_cast<double>(k) / sigma, 2.0))));
    auto line = at::tensor(taps).to(picture.options().requires_grad(false));
    line = line / line.sum();
    const auto channels = picture.size(1), count = line.size(0);
    const auto across = at::conv2d(picture, line.view({1, 1, 1, count}).expand({channels, 1, 1, count}), {}, 1,
                                   at::IntArrayRef{0, reach}, 1, channels);
    return at::conv2d(across, line.view({1, 1, count, 1}).expand({channels, 1, count, 1}), {}, 1,
                      at::IntArrayRef{reach, 0}, 1, channels);
}

}  // namespace cameo::losses
