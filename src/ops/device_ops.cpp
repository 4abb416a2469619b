// SPDX-License-Identifier: Apache-2.0
#include "ops/device_ops.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/ops/reference_ops.hpp>

#include "core/device_call.hpp"
#include "core/plain_data.hpp"
#include "ops/activation.hpp"
#include "ops/plane_sheets.hpp"

namespace cameo::ops {
namespace {

namespace device = kernels::device;
using detail::data;
using detail::plain;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double unlimited = std::numeric_limits<double>::infinity();

device::ActivationBatch batch_of(const at::Tensor& like, const ActivationNumbers& numbers) {
    device::ActivationBatch batch{};
    batch.channels = like.size(1);
    batch.rows = like.size(0) * batch.channels;
    batch.length = like.numel() / std::max<std::int64_t>(batch.rows, 1);
    batch.gain = static_cast<float>(numbers.gain);
    batch.slope = static_cast<float>(numbers.slope);
    batch.limit = static_cast<float>(numbers.limit);
    return batch;
}

void give_norms(device::ActivationBatch& batch, const at::Tensor& norms) {
    batch.norm = data(norms);
    batch.norm_step = norms.defined() && norms.size(0) > 1 ? batch.channels : 0;
}

// Kernels would read another device's memory as their own.
void check_place(const char* name, const at::Tensor& tensor, const at::Tensor& x) {
    if (tensor.defined() && tensor.device() != x.device())
        throw Error(Errc::invalid_argument,
                    std::string(name) + ": expected on " + x.device().str() + ", got " + tensor.device().str());
}

at::Tensor composed(const at::Tensor& x, const at::Tensor& norms, const at::Tensor& noise, const at::Tensor& bias,
                    const BiasActOptions& options) {
    auto y = norms.defined() ? x * norms.view({norms.size(0), norms.size(1), 1, 1}) : x;
    if (noise.defined()) y = y + noise;
    return bias_act(y, bias, options);
}

struct Finish : torch::autograd::Function<Finish> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const std::optional<at::Tensor>& norms,
                              const std::optional<at::Tensor>& noise, const std::optional<at::Tensor>& bias,
                              const BiasActOptions& options, const cuda::Functions* functions) {
        const auto none = at::Tensor();
        const auto y = device_activated(*functions, x, norms.value_or(none), noise.value_or(none), bias.value_or(none),
                                        ActivationNumbers(options));
        ctx->save_for_backward({x, norms.value_or(none), noise.value_or(none), bias.value_or(none), y});
        ctx->saved_data["leaky"] = options.activation == Activation::leaky_relu;
        ctx->saved_data["gain"] = options.gain;
        ctx->saved_data["clamp"] = options.clamp.value_or(unlimited);
        ctx->saved_data["functions"] = reinterpret_cast<std::int64_t>(functions);
        return y;
    }

    static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
        const auto saved = ctx->get_saved_variables();
        const auto &x = saved[0], &norms = saved[1], &noise = saved[2], &bias = saved[3];
        auto& kept = ctx->saved_data;
        const auto clamp = kept["clamp"].toDouble();
        const BiasActOptions options{kept["leaky"].toBool() ? Activation::leaky_relu : Activation::linear,
                                     kept["gain"].toDouble(), clamp < unlimited ? std::optional(clamp) : std::nullopt};
        const std::array<bool, 4> given{true, norms.defined(), noise.defined(), bias.defined()};
        std::array<bool, 4> wanted{};  // LibTorch counts the inputs that there are
        for (std::size_t i = 0, edge = 0; i < wanted.size(); ++i)
            if (given[i]) wanted[i] = ctx->needs_input_grad(edge++);
        variable_list result(6);
        if (c10::GradMode::is_enabled()) {  // gradients that can be differentiated themselves: of views, made anew
            const auto view = [](const at::Tensor& t) { return t.defined() ? t.view_as(t) : t; };
            const std::array<at::Tensor, 4> views{view(x), view(norms), view(noise), view(bias)};
            variable_list inputs;
            for (std::size_t i = 0; i < views.size(); ++i)
                if (wanted[i]) inputs.push_back(views[i]);
            const auto found = torch::autograd::grad({composed(views[0], views[1], views[2], views[3], options)},
                                                     inputs, {gradients[0]}, true, true, true);
            for (std::size_t i = 0, next = 0; i < views.size(); ++i)
                if (wanted[i]) result[i] = found[next++];
            return result;
        }
        const auto by = device_activation_gradients(
            *reinterpret_cast<const cuda::Functions*>(kept["functions"].toInt()), saved[4].detach(), gradients[0],
            wanted[1] ? x : at::Tensor(), norms, ActivationNumbers(options));
        if (wanted[0]) result[0] = by.x;
        if (wanted[1]) result[1] = norms.size(0) == 1 ? by.moments.sum({0}, true) : by.moments;
        if (wanted[2]) result[2] = noise.dim() == 2 ? by.before.sum(at::IntArrayRef{0, 1}) : by.before.sum({1}, true);
        if (wanted[3]) result[3] = by.sums.sum(0);
        return result;
    }
};

struct PlanesMean : torch::autograd::Function<PlanesMean> {
    // The scene's points [M, 3] and where they begin, for each scene.
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& planes, const at::Tensor& points,
                              const PlaneAxes& axes, double box_side, const cuda::Functions* functions) {
        const auto sheets = plane_sheets(axes, planes.size(3), planes.size(4));
        const auto places = plain(points).view({planes.size(0), -1, 3});
        const auto channels = planes.size(2);
        at::Tensor features;
        for (std::int64_t n = 0; n < planes.size(0); ++n) {
            const auto texels = texels_of(sheets, planes[n].detach());
            const auto described = kernel_sheets(sheets, texels, box_side);
            if (!features.defined())
                features = at::empty({planes.size(0), places.size(1), texels.size(3)}, places.options());
            device::PointBatch batch{};
            batch.point = places.const_data_ptr<float>() + n * places.stride(0);
            batch.count = places.size(1);
            batch.feature = features.mutable_data_ptr<float>() + n * features.stride(0);
            auto call = detail::device_call(planes);
            detail::check(functions->sample(&call, &described, &batch), call);
        }
        ctx->save_for_backward({planes, points});
        std::vector<double> numbers;
        for (const auto& matrix : axes) numbers.insert(numbers.end(), matrix.begin(), matrix.end());
        ctx->saved_data["axes"] = numbers;
        ctx->saved_data["box_side"] = box_side;
        ctx->saved_data["functions"] = reinterpret_cast<std::int64_t>(functions);
        return features.narrow(2, 0, channels).reshape({points.size(0), points.size(1), channels});
    }

    static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
        if (c10::GradMode::is_enabled())
            throw Error(Errc::invalid_argument,
                        "sample_planes_mean: expected first derivatives to be asked for, got second ones");
        const auto saved = ctx->get_saved_variables();
        const auto &planes = saved[0], &points = saved[1];
        PlaneAxes axes{};
        const auto numbers = ctx->saved_data["axes"].toDoubleVector();
        for (std::size_t p = 0; p < 3; ++p)
            std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(9 * p), 9, axes[p].begin());
        const auto box_side = ctx->saved_data["box_side"].toDouble();
        const auto* functions = reinterpret_cast<const cuda::Functions*>(ctx->saved_data["functions"].toInt());
        const auto sheets = plane_sheets(axes, planes.size(3), planes.size(4));
        const auto places = plain(points).view({planes.size(0), -1, 3});
        const auto wants_planes = ctx->needs_input_grad(0), wants_points = ctx->needs_input_grad(1);
        const auto channels = planes.size(2);
        at::Tensor by_planes, by_points;
        if (wants_planes) by_planes = at::empty(planes.sizes(), places.options());
        if (wants_points) by_points = at::empty_like(places);
        const auto given = gradients[0].view({planes.size(0), -1, channels});
        for (std::int64_t n = 0; n < planes.size(0); ++n) {
            const auto texels = texels_of(sheets, planes[n].detach());
            const auto by_texel = wants_planes ? at::zeros_like(texels) : at::Tensor();
            const auto gradient =
                at::constant_pad_nd(given[n], {0, texels.size(3) - channels}).contiguous();  // filled up as texels are
            const auto described = kernel_sheets(sheets, texels, box_side);
            device::PointBatch batch{};
            batch.point = places.const_data_ptr<float>() + n * places.stride(0);
            batch.count = places.size(1);
            batch.gradient = gradient.const_data_ptr<float>();
            batch.texels = wants_planes ? by_texel.mutable_data_ptr<float>() : nullptr;
            batch.by_point = wants_points ? by_points.mutable_data_ptr<float>() + n * places.stride(0) : nullptr;
            auto call = detail::device_call(planes);
            detail::check(functions->sample_backward(&call, &described, &batch), call);
            if (wants_planes) by_planes[n].copy_(planes_gradient(sheets, by_texel, channels));
        }
        return {by_planes, wants_points ? by_points.view(points.sizes()) : at::Tensor(), {}, {}, {}};
    }
};

}  // namespace

const cuda::Functions* device_kernels(const at::Tensor& x) {
    if (ReferenceOps::active() || at::globalContext().deterministicAlgorithms()) return nullptr;
    if (x.scalar_type() != at::kFloat || x.numel() == 0) return nullptr;
    return detail::device_functions(x);
}

at::Tensor device_finished(const cuda::Functions& functions, const at::Tensor& x, const at::Tensor& norms,
                           const at::Tensor& noise, const at::Tensor& bias, const BiasActOptions& options) {
    ShapeCheck shape;
    shape.expect("x", x, "[N, C, H, W]");
    if (bias.defined()) shape.expect("bias", bias, "[C]");
    if (norms.defined()) shape.expect("norms", norms, "[S, C]");
    const auto same = [&](const at::Tensor& t) { return t.defined() ? std::optional(t.to(at::kFloat)) : std::nullopt; };
    return detail::with_device_memory(
        [&] { return Finish::apply(x, same(norms), same(noise), same(bias), options, &functions); });
}

at::Tensor device_activated(const cuda::Functions& functions, const at::Tensor& x, const at::Tensor& norms,
                            const at::Tensor& noise, const at::Tensor& bias, const ActivationNumbers& numbers) {
    check_place("norms", norms, x);
    check_place("noise", noise, x);
    check_place("bias", bias, x);
    const auto in = plain(x), factors = plain(norms), shifts = plain(noise), biases = plain(bias);
    auto y = at::empty(in.sizes(), in.options());
    auto batch = batch_of(in, numbers);
    batch.x = data(in);
    give_norms(batch, factors);
    batch.noise = data(shifts);
    batch.noise_step = shifts.defined() && shifts.numel() > batch.length ? batch.length : 0;
    batch.bias = data(biases);
    batch.y = y.mutable_data_ptr<float>();
    auto call = detail::device_call(in);
    detail::check(functions.activate(&call, &batch), call);
    return y;
}

DeviceActivationGradients device_activation_gradients(const cuda::Functions& functions, const at::Tensor& y,
                                                      const at::Tensor& given, const at::Tensor& x,
                                                      const at::Tensor& norms, const ActivationNumbers& numbers) {
    const auto gradient = plain(given), in = plain(x), factors = plain(norms);
    DeviceActivationGradients result;
    result.before = at::empty(y.sizes(), y.options());
    result.x = factors.defined() ? at::empty(y.sizes(), y.options()) : result.before;
    result.sums = at::zeros({y.size(0), y.size(1)}, y.options());
    if (in.defined()) result.moments = at::zeros_like(result.sums);
    auto batch = batch_of(y, numbers);
    batch.x = data(in);
    give_norms(batch, factors);
    batch.y = const_cast<float*>(y.const_data_ptr<float>());  // read here, written in the other direction
    batch.gradient = data(gradient);
    batch.before = result.before.mutable_data_ptr<float>();
    if (factors.defined()) batch.by_x = result.x.mutable_data_ptr<float>();
    batch.sums = result.sums.mutable_data_ptr<float>();
    if (in.defined()) batch.moments = result.moments.mutable_data_ptr<float>();
    auto call = detail::device_call(y);
    detail::check(functions.activate_backward(&call, &batch), call);
    return result;
}

at::Tensor device_filtered(const cuda::Functions& functions, const at::Tensor& x, const at::Tensor& taps,
                           const FirOptions& options) {
    const auto in = plain(x), kernel = plain(taps).to(x.device());
    const auto size = [&](std::int64_t axis, const std::array<std::int64_t, 2>& pads) {
        return (in.size(axis + 2) * options.up + pads[0] + pads[1] - kernel.size(axis)) / options.down + 1;
    };
    auto y = at::empty({in.size(0), in.size(1), size(0, options.pad_y), size(1, options.pad_x)}, in.options());
    const auto whole = [](std::int64_t number) { return static_cast<std::int32_t>(number); };
    device::FirBatch batch{};
    batch.x = data(in);
    batch.taps = data(kernel);
    batch.y = y.mutable_data_ptr<float>();
    batch.pictures = in.size(0) * in.size(1);
    batch.height = whole(in.size(2));
    batch.width = whole(in.size(3));
    batch.out_height = whole(y.size(2));
    batch.out_width = whole(y.size(3));
    batch.rows = whole(kernel.size(0));
    batch.columns = whole(kernel.size(1));
    batch.up = whole(options.up);
    batch.down = whole(options.down);
    batch.pad_x = whole(options.pad_x[0]);
    batch.pad_y = whole(options.pad_y[0]);
    auto call = detail::device_call(in);
    detail::check(functions.filter(&call, &batch), call);
    return y;
}

at::Tensor device_planes_mean(const cuda::Functions& functions, const at::Tensor& planes, const at::Tensor& points,
                              const PlaneAxes& axes, double box_side) {
    check_place("points", points, planes);
    return detail::with_device_memory([&] { return PlanesMean::apply(planes, points, axes, box_side, &functions); });
}

}  // namespace cameo::ops
