// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace cameo::support {

/// How far the gradient that autograd gives for `loss(inputs)`, a scalar, is from central differences: the largest
/// difference over the largest magnitude, all inputs together. The inputs are float64 leaves and are restored.
template <class Loss>
double gradient_error(Loss&& loss, const std::vector<at::Tensor>& inputs, double step = 1e-6) {
    for (const auto& input : inputs) {
        TORCH_CHECK(input.scalar_type() == at::kDouble && input.is_contiguous(), "gradient_error wants plain float64");
        input.mutable_grad() = at::Tensor();
        input.requires_grad_(true);
    }
    loss().backward();

    double error = 0;
    double magnitude = 0;
    const c10::NoGradGuard guard;
    for (const auto& input : inputs) {
        const auto gradient = (input.grad().defined() ? input.grad() : at::zeros_like(input)).contiguous();
        auto* const values = input.template mutable_data_ptr<double>();
        for (std::int64_t i = 0; i < input.numel(); ++i) {
            const auto value = values[i];
            values[i] = value + step;
            const auto above = loss().template item<double>();
            values[i] = value - step;
            const auto below = loss().template item<double>();
            values[i] = value;
            const auto expected = (above - below) / (2 * step);
            error = std::max(error, std::abs(gradient.template const_data_ptr<double>()[i] - expected));
            magnitude = std::max(magnitude, std::abs(expected));
        }
    }
    return magnitude > 0 ? error / magnitude : error;
}

}  // namespace cameo::support
