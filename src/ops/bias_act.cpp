// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/bias_act.hpp>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "activation.hpp"
#include "core/work_memory.hpp"
#include "device_ops.hpp"
#include "row_loops.hpp"

namespace cameo::ops {
namespace {

at::ScalarType compute_type(at::ScalarType type) {
    return type == at::kHalf || type == at::kBFloat16 ? at::kFloat : type;
}

// d result / d x as a picture: constant between the kinks, so it is all that any derivative needs.
at::Tensor derivative(const at::Tensor& result, const ActivationNumbers& numbers) {
    auto scale = at::full({}, numbers.gain, result.options());
    if (numbers.slope != 1.0)
        scale = at::where(result > 0, scale, at::full({}, numbers.gain * numbers.slope, result.options()));
    if (std::isfinite(numbers.limit))
        scale = at::where(result.abs() < numbers.limit, scale, at::zeros({}, result.options()));
    return scale;
}

// Float32 on the CPU, where a row is what has one bias: one pass over memory instead of one for each operation, with the
// same arithmetic.
struct Rows {
    std::int64_t count, channels, length;
};
std::optional<Rows> rows(const at::Tensor& x) {
    if (!is_plain(x) || x.dim() < 3) return {};
    const auto count = x.size(0) * x.size(1);
    return Rows{count, x.size(1), x.numel() / count};
}

at::Tensor activated(const at::Tensor& x, const float* bias, const Rows& of, const ActivationNumbers& numbers) {
    auto y = detail::pooled_empty(x.sizes());
    const auto* in = x.const_data_ptr<float>();
    auto* out = y.mutable_data_ptr<float>();
    const auto up = static_cast<float>(numbers.gain), below = static_cast<float>(numbers.slope),
               limit = static_cast<float>(numbers.limit);
    for_each_row(of.count, of.length, [&](std::int64_t row, std::int64_t first) {
        const auto shift = bias ? bias[row % of.channels] : 0.0F;
        for (auto i = first; i < first + of.length; ++i) {
            const auto value = in[i] + shift;
            const auto scaled = (value > 0.0F ? value : value * below) * up;
            // A NaN stays one, as in LibTorch.
            out[i] = scaled > limit ? limit : (scaled < -limit ? -limit : scaled);
        }
    });
    return y;
}

class BiasAct : public torch::autograd::Function<BiasAct> {
  public:
    // The bias is optional to the bookkeeping of LibTorch, which takes no undefined tensor for an input.
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                              const std::optional<at::Tensor>& bias, const ActivationNumbers& numbers) {
        const auto type = compute_type(x.scalar_type());
        const auto fused = !bias || bias->scalar_type() == at::kFloat ? rows(x) : std::nullopt;
        at::Tensor y;
        const auto* kernels =
            x.dim() >= 3 && (!bias || bias->scalar_type() == at::kFloat) ? device_kernels(x) : nullptr;
        if (kernels) {
            y = device_activated(*kernels, x, {}, {}, bias.value_or(at::Tensor()), numbers);
        } else if (fused) {
            const auto added = bias ? bias->contiguous() : at::Tensor();
            y = activated(x, bias ? added.const_data_ptr<float>() : nullptr, *fused, numbers);
        } else if (bias) {
            std::vector<std::int64_t> along(static_cast<std::size_t>(x.dim()), 1);
            along[1] = -1;
            y = at::add(x.to(type), bias->to(x.scalar_type()).to(type).view(along));
        } else {
            y = x.to(type, false, true);
        }
        if (!kernels && !fused) {
            if (numbers.slope != 1.0) at::leaky_relu_(y, numbers.slope);
            if (numbers.gain != 1.0) y.mul_(numbers.gain);
            if (std::isfinite(numbers.limit)) y.clamp_(-numbers.limit, numbers.limit);
            y = y.to(x.scalar_type());
        }
        context->save_for_backward({y});
        context->saved_data["biased"] = bias.has_value();
        context->saved_data["slope"] = numbers.slope;
        context->saved_data["gain"] = numbers.gain;
        context->saved_data["limit"] = numbers.limit;
        return y;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        auto& data = context->saved_data;
        const auto y = context->get_saved_variables()[0].detach();
        const auto biased = data["biased"].toBool() && context->needs_input_grad(1);
        ActivationNumbers numbers;
        numbers.slope = data["slope"].toDouble();
        numbers.gain = data["gain"].toDouble();
        numbers.limit = data["limit"].toDouble();
        if (const auto* kernels = y.dim() >= 3 && !at::GradMode::is_enabled() ? device_kernels(y) : nullptr) {
            const auto result = device_activation_gradients(*kernels, y, gradients[0], {}, {}, numbers);
            return {result.x, biased ? result.sums.sum(0) : at::Tensor(), {}};
        }
        if (rows(y) && gradients[0].scalar_type() == at::kFloat && !at::GradMode::is_enabled()) {
            const auto nothing = [](std::int64_t, std::int64_t, const float*) {};
            const auto result = activation_gradients(y, gradients[0].contiguous(), numbers, nothing);
            return {result.x, biased ? result.sums.sum(0) : at::Tensor(), {}};
        }
        const auto gradient = gradients[0] * derivative(y, numbers);
        at::Tensor bias_gradient;
        if (biased) {
            std::vector<std::int64_t> others{0};
            for (std::int64_t axis = 2; axis < gradient.dim(); ++axis) others.push_back(axis);
            bias_gradient = gradient.sum(others);
        }
        return {gradient, bias_gradient, {}};
    }
};

}  // namespace

at::Tensor bias_act(const at::Tensor& x, const at::Tensor& bias, const BiasActOptions& options) {
    if (!x.defined() || x.dim() < 2)
        throw Error(Errc::shape_mismatch,
                    "x: expected [N, C, ...], got " + (x.defined() ? shape_text(x.sizes()) : "nothing"));
    if (bias.defined()) ShapeCheck().bind("C", x.size(1)).expect("bias", bias, "[C]");
    const auto given = bias.defined() ? std::optional(bias) : std::nullopt;
    return BiasAct::apply(x, given, ActivationNumbers(options));
}

}  // namespace cameo::ops
