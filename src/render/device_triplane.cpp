// SPDX-License-Identifier: Apache-2.0
#include "render/device_triplane.hpp"

#include <array>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/error.hpp>

#include "core/device_call.hpp"
#include "core/plain_data.hpp"
#include "ops/plane_sheets.hpp"

namespace cameo::detail {
namespace {

namespace device = kernels::device;

struct DevicePlan {
    const cuda::Functions* functions = nullptr;
    PlaneAxes axes{};
    double box_side = 1.0, density_bias = 0.0;
};

std::int64_t in_fours(std::int64_t count) { return (count + 3) / 4 * 4; }

device::Decoder counts(const TriplaneDecoder& decoder) {
    device::Decoder result{};
    result.hidden = static_cast<std::int32_t>(in_fours(decoder.hidden_weight.size(0)));
    result.features = static_cast<std::int32_t>(decoder.output_weight.size(0) - 1);
    result.padded_features = static_cast<std::int32_t>(in_fours(result.features));
    return result;
}

/// The decoder's weights as the kernels read them.
struct KernelDecoder {
    explicit KernelDecoder(const TriplaneDecoder& decoder) : description(counts(decoder)) {
        const auto filled = [](const at::Tensor& from, at::IntArrayRef sizes) {
            auto to = at::zeros(sizes, from.options().requires_grad(false));
            auto part = to;
            for (std::int64_t i = 0; i < from.dim(); ++i) part = part.narrow(i, 0, from.size(i));
            part.copy_(from.detach());
            return to;
        };
        const auto c = in_fours(decoder.hidden_weight.size(1)), k = std::int64_t{description.hidden};
        const auto f = std::int64_t{description.features}, pf = std::int64_t{description.padded_features};
        const auto colours = decoder.output_weight.narrow(0, 1, f);
        arrays = {filled(decoder.hidden_weight.t(), {c, k}),
                  filled(decoder.hidden_weight, {k, c}),
                  filled(decoder.hidden_bias, {k}),
                  filled(colours.t(), {k, pf}),
                  filled(colours, {pf, k}),
                  filled(decoder.output_bias.narrow(0, 1, f), {pf}),
                  filled(decoder.output_weight[0], {k}),
                  plain(decoder.output_bias.narrow(0, 0, 1))};
        description.hidden_weight = data(arrays[0]);
        description.hidden_weight_row = data(arrays[1]);
        description.hidden_bias = data(arrays[2]);
        description.colour_weight = data(arrays[3]);
        description.colour_weight_row = data(arrays[4]);
        description.colour_bias = data(arrays[5]);
        description.density_weight = data(arrays[6]);
        description.density_bias = data(arrays[7]);
    }
    device::Decoder description;
    std::array<at::Tensor, 8> arrays;
};

/// Calls work(scene, first camera, cameras) for each scene and the cameras that see it.
template <class Work>
void for_each_scene(const at::Tensor& planes, std::int64_t cameras, const Work& work) {
    const auto scenes = planes.size(0);
    for (std::int64_t n = 0; n < scenes; ++n) work(n, n, scenes == 1 ? cameras : 1);
}

struct DeviceRendered {
    RayFeatures seen;
    at::Tensor depth, noise;  // of all samples, ascending; for the backward pass
};

DeviceRendered forward(const DevicePlan& plan, const at::Tensor& given_planes, const TriplaneDecoder& decoder,
                       const RayBundle& bundle, const TriplaneDraws& drawn, bool keep, const Context& context) {
    const auto cameras = bundle.cameras(), count = bundle.rays(), features = decoder.output_weight.size(0) - 1;
    const auto planes = given_planes.detach();
    const auto origin = plain(bundle.origin), direction = plain(bundle.direction);
    const auto depth = plain(drawn.depth), draws = plain(drawn.draws);
    const auto noise = plain(drawn.noise), fine_noise = plain(drawn.fine_noise);
    const auto coarse = depth.size(2), fine = draws.defined() ? draws.size(2) : 0, samples = coarse + fine;

    DeviceRendered result;
    auto& seen = result.seen;
    const auto options = depth.options();
    seen.feature = at::empty({cameras, count, features}, options);
    seen.depth = at::empty({cameras, count, 1}, options);
    seen.weight = at::empty({cameras, count, 1}, options);
    if (keep) result.depth = at::empty({cameras, count, samples}, options);
    if (keep && noise.defined()) result.noise = at::empty_like(result.depth);

    const auto sheets = ops::plane_sheets(plan.axes, planes.size(3), planes.size(4));
    const KernelDecoder weights(decoder);
    for_each_scene(planes, cameras, [&](std::int64_t scene, std::int64_t first, std::int64_t some) {
        context.check_cancelled();
        const auto texels = ops::texels_of(sheets, planes[scene]);
        const auto described = ops::kernel_sheets(sheets, texels, plan.box_side);
        const auto start = first * count;
        const auto at = [&](const at::Tensor& tensor, std::int64_t size) {
            return tensor.defined() ? tensor.const_data_ptr<float>() + start * size : nullptr;
        };
        const auto into = [&](const at::Tensor& tensor, std::int64_t size) {
            return tensor.defined() ? tensor.mutable_data_ptr<float>() + start * size : nullptr;
        };
        device::RayBatch rays{};
        rays.origin = at(origin, 3);
        rays.direction = at(direction, 3);
        rays.depth = at(depth, coarse);
        rays.draws = at(draws, fine);
        rays.noise = at(noise, coarse);
        rays.fine_noise = at(fine_noise, fine);
        rays.count = some * count;
        rays.coarse = static_cast<std::int32_t>(coarse);
        rays.fine = static_cast<std::int32_t>(fine);
        rays.activation_bias = static_cast<float>(plan.density_bias);
        rays.feature = into(seen.feature, features);
        rays.out_depth = into(seen.depth, 1);
        rays.weight = into(seen.weight, 1);
        rays.sorted_depth = into(result.depth, samples);
        rays.sorted_noise = into(result.noise, samples);
        auto call = device_call(planes);
        check(plan.functions->render(&call, &described, &weights.description, &rays), call);
    });
    return result;
}

struct Wanted {
    bool planes, parameters, rays;
};
struct DeviceGradients {
    at::Tensor planes, hidden_weight, hidden_bias, output_weight, output_bias, origin, direction;
};

DeviceGradients backward(const DevicePlan& plan, const at::Tensor& given_planes, const TriplaneDecoder& decoder,
                         const RayBundle& bundle, const at::Tensor& depth, const at::Tensor& noise,
                         const at::Tensor& feature, const at::Tensor& seen_depth, const at::Tensor& weight,
                         const Wanted& wanted) {
    const auto cameras = bundle.cameras(), count = bundle.rays(), samples = depth.size(2);
    const auto planes = given_planes.detach();
    const auto origin = plain(bundle.origin), direction = plain(bundle.direction);
    const auto by_feature = plain(feature), by_depth = plain(seen_depth), by_weight = plain(weight);
    const auto sheets = ops::plane_sheets(plan.axes, planes.size(3), planes.size(4));
    const KernelDecoder weights(decoder);
    const auto& parts = weights.description;
    const auto channels = in_fours(planes.size(2)), units = std::int64_t{parts.hidden},
               padded = std::int64_t{parts.padded_features}, features = std::int64_t{parts.features};

    DeviceGradients result;
    const auto options = depth.options();
    at::Tensor parameters;
    if (wanted.planes) result.planes = at::empty(planes.sizes(), options);
    if (wanted.parameters) parameters = at::zeros({device::parameter_count(channels, units, padded)}, options);
    if (wanted.rays) {
        result.origin = at::empty({cameras, count, 3}, options);
        result.direction = at::empty({cameras, count, 3}, options);
    }
    for_each_scene(planes, cameras, [&](std::int64_t scene, std::int64_t first, std::int64_t some) {
        const auto texels = ops::texels_of(sheets, planes[scene]);
        const auto by_texel = wanted.planes ? at::zeros_like(texels) : at::Tensor();
        const auto described = ops::kernel_sheets(sheets, texels, plan.box_side);
        const auto start = first * count;
        const auto at = [&](const at::Tensor& tensor, std::int64_t size) {
            return tensor.defined() ? tensor.const_data_ptr<float>() + start * size : nullptr;
        };
        const auto into = [&](const at::Tensor& tensor, std::int64_t size) {
            return tensor.defined() ? tensor.mutable_data_ptr<float>() + start * size : nullptr;
        };
        device::RayBatch rays{};
        rays.origin = at(origin, 3);
        rays.direction = at(direction, 3);
        rays.depth = at(depth, samples);
        rays.noise = at(noise, samples);
        rays.count = some * count;
        rays.coarse = static_cast<std::int32_t>(samples);
        rays.activation_bias = static_cast<float>(plan.density_bias);
        device::RayGradients gradients{};
        gradients.feature = at(by_feature, features);
        gradients.depth = at(by_depth, 1);
        gradients.weight = at(by_weight, 1);
        gradients.texels = wanted.planes ? by_texel.mutable_data_ptr<float>() : nullptr;
        gradients.parameters = wanted.parameters ? parameters.mutable_data_ptr<float>() : nullptr;
        gradients.origin = into(result.origin, 3);
        gradients.direction = into(result.direction, 3);
        auto call = device_call(planes);
        check(plan.functions->render_backward(&call, &described, &parts, &rays, &gradients), call);
        if (wanted.planes) result.planes[scene].copy_(ops::planes_gradient(sheets, by_texel, planes.size(2)));
    });
    if (wanted.parameters) {
        std::int64_t from = 0;
        const auto take = [&](std::int64_t rows, std::int64_t columns) {
            const auto part = parameters.narrow(0, from, rows * columns).view({rows, columns});
            from += rows * columns;
            return part;
        };
        const auto k = decoder.hidden_weight.size(0);
        result.hidden_weight = take(units, channels).narrow(0, 0, k).narrow(1, 0, planes.size(2)).contiguous();
        result.hidden_bias = take(1, units)[0].narrow(0, 0, k).clone();
        const auto colours = take(padded, units).narrow(0, 0, features).narrow(1, 0, k);
        const auto colour_bias = take(1, padded)[0].narrow(0, 0, features);
        const auto density = take(1, units).narrow(1, 0, k);
        result.output_weight = at::cat({density, colours});
        result.output_bias = at::cat({take(1, 1)[0], colour_bias});
    }
    return result;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct DeviceRendering : torch::autograd::Function<DeviceRendering> {
    static variable_list forward(AutogradContext* ctx, const at::Tensor& planes, const at::Tensor& hidden_weight,
                                 const at::Tensor& hidden_bias, const at::Tensor& output_weight,
                                 const at::Tensor& output_bias, const at::Tensor& origin, const at::Tensor& direction,
                                 const TriplaneDraws& draws, const DevicePlan& plan, const Context& context) {
        const auto rendered = detail::forward(plan, planes, {hidden_weight, hidden_bias, output_weight, output_bias},
                                              {origin, direction}, draws, /*keep=*/true, context);
        ctx->save_for_backward({planes, hidden_weight, hidden_bias, output_weight, output_bias, origin, direction,
                                rendered.depth, rendered.noise});
        std::vector<double> numbers;
        for (const auto& matrix : plan.axes) numbers.insert(numbers.end(), matrix.begin(), matrix.end());
        ctx->saved_data["axes"] = numbers;
        ctx->saved_data["box_side"] = plan.box_side;
        ctx->saved_data["density_bias"] = plan.density_bias;
        ctx->saved_data["functions"] = reinterpret_cast<std::int64_t>(plan.functions);
        return {rendered.seen.feature, rendered.seen.depth, rendered.seen.weight};
    }

    static variable_list backward(AutogradContext* ctx, const variable_list& by) {
        if (c10::GradMode::is_enabled())
            throw Error(Errc::invalid_argument,
                        "fused_triplane: expected first derivatives to be asked for, got second ones (use "
                        "VolumeRenderer)");
        const auto saved = ctx->get_saved_variables();
        DevicePlan plan;
        const auto numbers = ctx->saved_data["axes"].toDoubleVector();
        for (std::size_t p = 0; p < 3; ++p)
            std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(9 * p), 9, plan.axes[p].begin());
        plan.box_side = ctx->saved_data["box_side"].toDouble();
        plan.density_bias = ctx->saved_data["density_bias"].toDouble();
        plan.functions = reinterpret_cast<const cuda::Functions*>(ctx->saved_data["functions"].toInt());
        const auto wanted = [&](std::size_t first, std::size_t last) {
            for (auto i = first; i <= last; ++i)
                if (ctx->needs_input_grad(i)) return true;
            return false;
        };
        const Wanted all{wanted(0, 0), wanted(1, 4), wanted(5, 6)};
        const auto g = with_device_memory([&] {
            return detail::backward(plan, saved[0], {saved[1], saved[2], saved[3], saved[4]}, {saved[5], saved[6]},
                                    saved[7], saved[8], by[0], by[1], by[2], all);
        });
        return {g.planes, g.hidden_weight, g.hidden_bias, g.output_weight, g.output_bias, g.origin, g.direction, {}, {},
                {}};
    }
};

bool needs_gradients(const TriplaneField& field, const RayBundle& rays) {
    if (!c10::GradMode::is_enabled()) return false;
    const auto& [planes, decoder, axes, box_side] = field.view();
    for (const auto* tensor : {&planes, &decoder.hidden_weight, &decoder.hidden_bias, &decoder.output_weight,
                               &decoder.output_bias, &rays.origin, &rays.direction})
        if (tensor->requires_grad()) return true;
    return false;
}

}  // namespace

bool device_triplane_serves(const TriplaneField& field, const RayBundle& rays, std::int64_t samples,
                            const cuda::Functions& functions) {
    const auto& [planes, decoder, axes, box_side] = field.view();
    for (const auto* tensor : {&planes, &decoder.hidden_weight, &decoder.hidden_bias, &decoder.output_weight,
                               &decoder.output_bias, &rays.origin, &rays.direction})
        if (tensor->device() != planes.device() || tensor->scalar_type() != at::kFloat) return false;
    constexpr std::int64_t texels = std::int64_t{1} << 30, count = std::int64_t{1} << 16;
    if (planes.size(3) * planes.size(4) >= texels || samples >= count || planes.size(2) >= count ||
        decoder.hidden_weight.size(0) >= count || decoder.output_weight.size(0) >= count)
        return false;
    const auto gradients = needs_gradients(field, rays);
    if (gradients && at::globalContext().deterministicAlgorithms()) return false;
    device::Sheets sheets{};
    sheets.sheets = 3;
    sheets.channels = static_cast<std::int32_t>(in_fours(planes.size(2)));
    const auto parts = counts(decoder);
    const auto place = planes.is_cuda() ? static_cast<int>(planes.get_device()) : 0;
    const auto fits = [&](bool backward) {
        return functions.render_fits(place, &sheets, &parts, static_cast<std::int32_t>(samples), backward ? 1 : 0) != 0;
    };
    return fits(false) && (!gradients || fits(true));
}

RayFeatures render_on_device(const TriplaneField& field, const RayBundle& rays, const TriplaneDraws& draws,
                             double density_bias, const Context& context, const cuda::Functions& functions) {
    const auto& [planes, decoder, axes, box_side] = field.view();
    const DevicePlan plan{&functions, axes, box_side, density_bias};
    return with_device_memory([&]() -> RayFeatures {
        if (!needs_gradients(field, rays))
            return forward(plan, planes, decoder, rays, draws, /*keep=*/false, context).seen;
        const auto seen =
            DeviceRendering::apply(planes, decoder.hidden_weight, decoder.hidden_bias, decoder.output_weight,
                                   decoder.output_bias, rays.origin, rays.direction, draws, plan, context);
        return {seen[0], seen[1], seen[2], {}};
    });
}

}  // namespace cameo::detail
