// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/adam.hpp>

#include <cmath>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace cameo {

AdamOptions AdamOptions::lazily(std::int64_t interval) const {
    const auto ratio = static_cast<double>(interval) / static_cast<double>(interval + 1);
    return {learning_rate * ratio, std::pow(beta1, ratio), std::pow(beta2, ratio), epsilon};
}

Adam::Adam(NamedTensors parameters, const AdamOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
    const auto count = static_cast<std::int64_t>(parameters_.size());
    const auto device = parameters_.empty() ? at::Device(at::kCPU) : parameters_.front().tensor.device();
    steps_ = at::zeros({count}, at::TensorOptions(device).dtype(at::kFloat));
    for (const auto& [name, tensor] : parameters_) {
        first_.push_back(at::zeros_like(tensor, tensor.options().requires_grad(false)));
        second_.push_back(first_.back().clone());
        step_.push_back(steps_[static_cast<std::int64_t>(step_.size())]);
    }
}

void Adam::clear_gradients() {
    for (const auto& [name, tensor] : parameters_) tensor.mutable_grad() = at::Tensor();
}

void Adam::step(double rate) {
    const c10::NoGradGuard no_grad;
    std::vector<at::Tensor> parameters, pieces, first, second, step;
    std::vector<std::int64_t> sizes;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        const auto& tensor = parameters_[i].tensor;
        if (!tensor.grad().defined()) continue;
        parameters.push_back(tensor);
        pieces.push_back(tensor.grad().reshape(-1));
        sizes.push_back(tensor.numel());
        first.push_back(first_[i]);
        second.push_back(second_[i]);
        step.push_back(step_[i]);
    }
    if (parameters.empty()) return;
    // One flat buffer: a handful of kernels however many tensors there are, and what processes will add up.
    auto flat = at::cat(pieces);
    flat.nan_to_num_(0.0, 1e5, -1e5);
    auto gradients = flat.split_with_sizes(sizes);
    for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] = gradients[i].view(parameters[i].sizes());
    // Whoever keeps something made from the weights is to see that they changed.
    for (const auto& parameter : parameters) parameter.unsafeGetTensorImpl()->bump_version();
    at::_foreach_add_(step, 1);
    at::_fused_adam_(parameters, gradients, first, second, {}, step, options_.learning_rate * rate, options_.beta1,
                     options_.beta2, /*weight_decay=*/0.0, options_.epsilon, /*amsgrad=*/false, /*maximize=*/false);
}

NamedTensors Adam::state() const {
    NamedTensors result;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        result.push_back({"first." + parameters_[i].name, first_[i]});
        result.push_back({"second." + parameters_[i].name, second_[i]});
    }
    result.push_back({"steps", steps_});
    return result;
}

}  // namespace cameo
