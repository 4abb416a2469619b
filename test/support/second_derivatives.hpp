// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "support/gradients.hpp"

namespace cameo::support {

/// d loss / d inputs as tensors that can be differentiated again; undefined for an input that has no part in it.
inline std::vector<at::Tensor> gradients_of(const at::Tensor& loss, const std::vector<at::Tensor>& inputs) {
    return torch::autograd::grad({loss}, inputs, {}, /*retain_graph=*/true, /*create_graph=*/true,
                                 /*allow_unused=*/true);
}

/// gradient_error() of a random combination of the first derivatives of `loss(inputs)`.
template <class Loss>
double second_derivative_error(Loss&& loss, const std::vector<at::Tensor>& inputs, double step = 1e-6) {
    at::manual_seed(7);
    std::vector<at::Tensor> directions;
    for (const auto& input : inputs) directions.push_back(at::randn(input.sizes(), at::kDouble));
    return gradient_error(
        [&] {
            const c10::AutoGradMode with_gradients(true);
            auto sum = at::zeros({}, at::kDouble);
            const auto gradients = gradients_of(loss(), inputs);
            for (std::size_t i = 0; i < inputs.size(); ++i)
                if (gradients[i].defined()) sum = sum + (gradients[i] * directions[i]).sum();
            return sum;
        },
        inputs, step);
}

/// Normal numbers in float64, the same for the same seed.
inline at::Tensor normal_numbers(at::IntArrayRef shape, std::uint64_t seed) {
    at::manual_seed(seed);
    return at::randn(shape, at::kDouble);
}

}  // namespace cameo::support
