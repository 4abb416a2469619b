// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/bias_act.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "core/work_memory.hpp"
#include "row_loops.hpp"

namespace cameo::ops {
namespace {

constexpr double slope = 0.2;
constexpr double unlimited = std::numeric_limits<double>::infinity();

at::ScalarType compute_type(at::ScalarType type) {
    return type == at::kHalf || type == at::kBFloat16 ? at::kFloat : type;
}

// d result / d x as a picture: constant between the kinks, so it is all that any derivative needs.
at::Tensor derivative(const at::Tensor& result, bool leaky, double gain, double clamp) {
    auto scale = at::full({}, gain, result.options());
    if (leaky) scale = at::where(result > 0, scale, at::full({}, gain * slope, result.options()));
    if (clamp < unlimited) scale = at::where(result.abs() < clamp, scale, at::zeros({}, result.options()));
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

at::Tensor activated(const at::Tensor& x, const float* bias, const Rows& of, bool leaky, double gain, double clamp) {
    auto y = detail::pooled_empty(x.sizes());
    const auto* in = x.const_data_ptr<float>();
    auto* out = y.mutable_data_ptr<float>();
    const auto up = static_cast<float>(gain), below = leaky ? static_cast<float>(slope) : 1.0F,
               limit = static_cast<float>(clamp);
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

struct Gradients {
    at::Tensor x, row_sums;  // [N, C], for the bias
};
Gradients activation_gradients(const at::Tensor& y, const at::Tensor& gradient, const Rows& of, bool leaky, double gain,
                               double clamp) {
    Gradients result{detail::pooled_empty(y.sizes()), at::empty({y.size(0), y.size(1)}, y.options())};
    const auto *value = y.const_data_ptr<float>(), *in = gradient.const_data_ptr<float>();
    auto *out = result.x.mutable_data_ptr<float>(), *sums = result.row_sums.mutable_data_ptr<float>();
    const auto above = static_cast<float>(gain), below = static_cast<float>(leaky ? gain * slope : gain),
               limit = static_cast<float>(clamp);
    for_each_row(of.count, of.length, [&](std::int64_t row, std::int64_t first) {
        sums[row] = lane_sum(first, first + of.length, [&](std::int64_t i) {
            const auto scale = value[i] > 0.0F ? above : below;
            return out[i] = in[i] * (std::abs(value[i]) < limit ? scale : 0.0F);
        });
    });
    return result;
}

class BiasAct : public torch::autograd::Function<BiasAct> {
  public:
    // The bias is optional to the bookkeeping of LibTorch, which takes no undefined tensor for an input.
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                              const std::optional<at::Tensor>& bias, bool leaky, double gain, double clamp) {
        const auto type = compute_type(x.scalar_type());
        const auto fused = !bias || bias->scalar_type() == at::kFloat ? rows(x) : std::nullopt;
        at::Tensor y;
        if (fused) {
            const auto added = bias ? bias->contiguous() : at::Tensor();
            y = activated(x, bias ? added.const_data_ptr<float>() : nullptr, *fused, leaky, gain, clamp);
        } else if (bias) {
            std::vector<std::int64_t> along(static_cast<std::size_t>(x.dim()), 1);
            along[1] = -1;
            y = at::add(x.to(type), bias->to(x.scalar_type()).to(type).view(along));
        } else {
            y = x.to(type, false, true);
        }
        if (!fused) {
            if (leaky) at::leaky_relu_(y, slope);
            if (gain != 1.0) y.mul_(gain);
            if (clamp < unlimited) y.clamp_(-clamp, clamp);
            y = y.to(x.scalar_type());
        }
        context->save_for_backward({y});
        context->saved_data["biased"] = bias.has_value();
        context->saved_data["leaky"] = leaky;
        context->saved_data["gain"] = gain;
        context->saved_data["clamp"] = clamp;
        return y;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        auto& data = context->saved_data;
        const auto y = context->get_saved_variables()[0].detach();
        const auto biased = data["biased"].toBool() && context->needs_input_grad(1);
        const auto fused = rows(y);
        if (fused && gradients[0].scalar_type() == at::kFloat && !at::GradMode::is_enabled()) {
            const auto result = activation_gradients(y, gradients[0].contiguous(), *fused, data["leaky"].toBool(),
                                                     data["gain"].toDouble(), data["clamp"].toDouble());
            return {result.x, biased ? result.row_sums.sum(0) : at::Tensor(), {}, {}, {}};
        }
        const auto gradient =
            gradients[0] * derivative(y, data["leaky"].toBool(), data["gain"].toDouble(), data["clamp"].toDouble());
        at::Tensor bias_gradient;
        if (biased) {
            std::vector<std::int64_t> others{0};
            for (std::int64_t axis = 2; axis < gradient.dim(); ++axis) others.push_back(axis);
            bias_gradient = gradient.sum(others);
        }
        return {gradient, bias_gradient, {}, {}, {}};
    }
};

}  // namespace

at::Tensor bias_act(const at::Tensor& x, const at::Tensor& bias, const BiasActOptions& options) {
    if (!x.defined() || x.dim() < 2)
        throw Error(Errc::shape_mismatch,
                    "x: expected [N, C, ...], got " + (x.defined() ? shape_text(x.sizes()) : "nothing"));
    if (bias.defined()) ShapeCheck().bind("C", x.size(1)).expect("bias", bias, "[C]");
    const auto leaky = options.activation == Activation::leaky_relu;
    const auto given = bias.defined() ? std::optional(bias) : std::nullopt;
    return BiasAct::apply(x, given, leaky, options.gain * (leaky ? std::numbers::sqrt2 : 1.0),
                          options.clamp.value_or(unlimited));
}

}  // namespace cameo::ops
