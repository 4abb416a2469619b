// SPDX-License-Identifier: Apache-2.0
#include "synthesis_conv2d.hpp"

#include <array>
#include <optional>
#include <utility>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/shape.hpp>

#include "activation.hpp"
#include "channel_scale.hpp"
#include "device_ops.hpp"
#include "row_loops.hpp"

namespace cameo::ops {
namespace {

using torch::autograd::variable_list;

// All that the convolution is made of; what may be undefined is.
struct Parts {
    at::Tensor x, weight, styles, norms, noise, bias, filter;
};

// The same by one operation after the other.
at::Tensor composed(const Parts& parts, const BiasActOptions& activation,
                    const c10::intrusive_ptr<WinogradCache>& cache) {
    auto y = winograd_conv2d(channel_scale(parts.x, parts.styles), parts.weight, parts.filter, cache);
    if (parts.norms.defined()) y = channel_scale(y, parts.norms);
    if (parts.noise.defined()) y = y + parts.noise;
    return bias_act(y, parts.bias, activation);
}

// What the gradient of the result is before the activation, and sums of it over each picture of a channel.
struct BeforeActivation {
    at::Tensor gradient;       // [N, O, H, W]
    at::Tensor sums, moments;  // [N, O]: of itself, and of its product with what norms multiply, times the norm
};
BeforeActivation before_activation(const at::Tensor& y, const at::Tensor& given, const at::Tensor& noise,
                                   const BiasActOptions& activation, const at::Tensor& bias, bool wants_moments) {
    const auto channels = y.size(1), length = y.size(2) * y.size(3);
    const auto moments = wants_moments ? at::empty({y.size(0), channels}, y.options()) : at::Tensor();
    const auto* value = y.const_data_ptr<float>();
    auto* moment = wants_moments ? moments.mutable_data_ptr<float>() : nullptr;
    const auto shifts = noise.defined() ? noise.contiguous() : at::Tensor();
    const auto* shift = noise.defined() ? shifts.const_data_ptr<float>() : nullptr;
    const auto shift_step = noise.defined() && noise.numel() > length ? length : 0;
    const auto biases = bias.contiguous();
    const auto* added = biases.const_data_ptr<float>();
    const ActivationNumbers numbers(activation);
    const auto inverse_above = 1.0F / static_cast<float>(numbers.gain),
               inverse_below = 1.0F / static_cast<float>(numbers.gain * numbers.slope);
    const auto found = activation_gradients(
        y, given.contiguous(), numbers, [&](std::int64_t row, std::int64_t first, const float* gradient) {
            if (!moment) return;
            const auto* of_picture = shift ? shift + row / channels * shift_step - first : nullptr;
            const auto b = added[row % channels];
            moment[row] = lane_sum(first, first + length, [&](std::int64_t i) {
                const auto summed = value[i] * (value[i] > 0.0F ? inverse_above : inverse_below);
                return gradient[i] * (summed - b - (of_picture ? of_picture[i] : 0.0F));
            });
        });
    return {found.x, found.sums, moments};
}

class SynthesisConv : public torch::autograd::Function<SynthesisConv> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                              const at::Tensor& styles, const std::optional<at::Tensor>& norms,
                              const std::optional<at::Tensor>& noise, const at::Tensor& bias,
                              const std::optional<at::Tensor>& filter, const BiasActOptions& activation,
                              const c10::intrusive_ptr<WinogradCache>& cache) {
        const Parts parts{x,
                          weight,
                          styles,
                          norms.value_or(at::Tensor()),
                          noise.value_or(at::Tensor()),
                          bias,
                          filter.value_or(at::Tensor())};
        auto y = winograd_finished(x, cache->get(weight, parts.filter, WinogradUse::forward),
                                   {styles, parts.norms, parts.noise, bias, activation});
        context->save_for_backward({x, weight, styles, parts.norms, parts.noise, bias, parts.filter, y});
        context->saved_data["leaky"] = activation.activation == Activation::leaky_relu;
        context->saved_data["gain"] = activation.gain;
        context->saved_data["clamped"] = activation.clamp.has_value();
        context->saved_data["clamp"] = activation.clamp.value_or(0.0);
        context->saved_data["cache"] = c10::IValue::make_capsule(cache);
        return y;
    }

    static variable_list backward(torch::autograd::AutogradContext* context, const variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const Parts parts{saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], saved[6]};
        auto& data = context->saved_data;
        const BiasActOptions activation{
            data["leaky"].toBool() ? Activation::leaky_relu : Activation::linear, data["gain"].toDouble(),
            data["clamped"].toBool() ? std::optional(data["clamp"].toDouble()) : std::nullopt};
        const auto cache = c10::static_intrusive_pointer_cast<WinogradCache>(data["cache"].toCapsule());
        std::array<bool, 6> wanted{};
        // LibTorch counts the inputs that there are.
        const std::array<bool, 6> given{true, true, true, parts.norms.defined(), parts.noise.defined(), true};
        for (std::size_t i = 0, edge = 0; i < wanted.size(); ++i)
            if (given[i]) wanted[i] = context->needs_input_grad(edge++);
        if (at::GradMode::is_enabled()) return again(parts, activation, cache, gradients[0], wanted);
        return once(parts, saved[7].detach(), activation, cache, gradients[0], wanted);
    }

  private:
    static variable_list once(const Parts& parts, const at::Tensor& y, const BiasActOptions& activation,
                              const c10::intrusive_ptr<WinogradCache>& cache, const at::Tensor& gradient,
                              const std::array<bool, 6>& wanted) {
        const auto [wants_x, wants_weight, wants_styles, wants_norms, wants_noise, wants_bias] = wanted;
        const auto before = before_activation(y, gradient, parts.noise, activation, parts.bias, wants_norms);
        const auto for_all = [](const at::Tensor& each, const at::Tensor& like) {
            return like.size(0) == 1 ? each.sum({0}, true) : each;
        };
        variable_list result(9);
        if (wants_bias) result[5] = before.sums.sum(0);
        if (wants_noise)
            result[4] =
                parts.noise.dim() == 2 ? before.gradient.sum(at::IntArrayRef{0, 1}) : before.gradient.sum({1}, true);
        if (wants_norms) result[3] = for_all(before.moments / parts.norms, parts.norms);
        if (!wants_x && !wants_styles && !wants_weight) return result;
        const auto doubles = parts.filter.defined();
        const auto from = doubles ? at::pixel_unshuffle(before.gradient, 2) : before.gradient;
        const auto norms = doubles && parts.norms.defined() ? parts.norms.repeat_interleave(4, 1) : parts.norms;
        if (wants_x || wants_styles) {
            WinogradFinish finish;
            finish.scale_in = norms;
            if (!wants_styles) finish.scale_out = parts.styles;
            auto back = winograd_finished(from, cache->get(parts.weight, parts.filter, WinogradUse::adjoint), finish);
            if (wants_styles) {
                auto sums = at::empty({back.size(0), back.size(1)}, back.options());
                scale_gradients(parts.x.contiguous(), parts.styles, back, back.mutable_data_ptr<float>(),
                                sums.mutable_data_ptr<float>());
                result[2] = for_all(sums, parts.styles);
            }
            if (wants_x) result[0] = back;
        }
        if (wants_weight) result[1] = winograd_weight_gradient(from, parts.x, parts.filter, parts.styles, norms);
        return result;
    }

    // Gradients that can be differentiated themselves: those of the composition, made anew.
    static variable_list again(const Parts& parts, const BiasActOptions& activation,
                               const c10::intrusive_ptr<WinogradCache>& cache, const at::Tensor& gradient,
                               const std::array<bool, 6>& wanted) {
        // Views of them, so that norms that were made of weights and styles do not lead to these a second time.
        const auto view = [](const at::Tensor& tensor) { return tensor.defined() ? tensor.view_as(tensor) : tensor; };
        const Parts views{view(parts.x),     view(parts.weight), view(parts.styles), view(parts.norms),
                          view(parts.noise), view(parts.bias),   parts.filter};
        const std::array<at::Tensor, 6> all{views.x, views.weight, views.styles, views.norms, views.noise, views.bias};
        variable_list inputs;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (wanted[i]) inputs.push_back(all[i]);
        const auto found =
            torch::autograd::grad({composed(views, activation, cache)}, inputs, {gradient}, true, true, true);
        variable_list result(9);
        std::size_t next = 0;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (wanted[i]) result[i] = found[next++];
        return result;
    }
};

std::optional<at::Tensor> if_defined(const at::Tensor& tensor) {
    return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

}  // namespace

at::Tensor synthesis_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& styles,
                            const at::Tensor& filter, const at::Tensor& noise, const at::Tensor& bias,
                            const ModulatedConvOptions& convolution, const BiasActOptions& activation,
                            const c10::intrusive_ptr<WinogradCache>& cache) {
    const auto doubles = convolution.resample == Resample::up_2x;
    if (const auto* kernels = device_kernels(x); kernels && weight.scalar_type() == at::kFloat && x.dim() == 4) {
        // The weights as they are, so that they are the same for all pictures; what follows in one pass.
        auto plain = convolution;
        plain.modulation = Modulation::activations;
        plain.demodulate = false;
        const auto y = modulated_conv2d(x, weight, styles, filter, plain);
        const auto norms = convolution.demodulate ? demodulation(weight, styles) : at::Tensor();
        return device_finished(*kernels, y, norms, noise, bias, activation);
    }
    if (convolution.resample == Resample::down_2x || !winograd_serves(x, weight, doubles)) {
        auto y = modulated_conv2d(x, weight, styles, filter, convolution);
        if (noise.defined()) y.add_(noise.to(y.scalar_type()));
        return bias_act(y, bias, activation);
    }
    ShapeCheck()
        .expect("x", x, "[N, I, H, W]")
        .expect("weight", weight, "[O, I, 3, 3]")
        .expect("styles", styles, "[S, I]")
        .expect("bias", bias, "[O]");
    const auto norms = convolution.demodulate ? demodulation(weight, styles) : at::Tensor();
    return SynthesisConv::apply(x.contiguous(), weight, styles.contiguous(), if_defined(norms), if_defined(noise), bias,
                                doubles ? std::optional(filter) : std::nullopt, activation, cache);
}

}  // namespace cameo::ops
