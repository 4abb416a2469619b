// SPDX-License-Identifier: Apache-2.0
#include "winograd.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/parallel.hpp>
#include <cameo/ops/fir.hpp>

#include "activation.hpp"
#include "core/work_memory.hpp"
#include "kernels/machine.hpp"

namespace cameo::ops {
namespace {

using kernels::winograd_places;
using kernels::WinogradKernels;
using kernels::WinogradTask;

constexpr std::int64_t tiles_of_block = 512;  // that wait for their products at a time
constexpr std::int64_t least_side = 32, least_side_doubling = 64;

// The transform of three taps.
constexpr std::array<std::array<double, 3>, 6> of_taps{{{1.0 / 4, 0.0, 0.0},
                                                        {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                                        {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                                        {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                                        {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                                        {0.0, 0.0, 1.0}}};

// A doubling convolution and its filter as four convolutions, one for each pixel of a square of 2x2: how much of tap
// (i, j) of the weights is in tap (r, c) of the one for pixel (down, across).
using Composition = std::array<double, 4 * 9 * 9>;
Composition doubling(const at::Tensor& filter) {
    const auto taps = filter.to(at::kCPU, at::kDouble).contiguous();
    const auto* f = taps.const_data_ptr<double>();
    Composition result{};
    // Row 2 y + down of the result takes row 2 y + down + b - 1 of the enlarged picture by tap b of the turned filter,
    // and that is tap i of what lies at row y + r - 1 of the picture.
    for (int down = 0; down < 2; ++down)
        for (int across = 0; across < 2; ++across)
            for (int r = 0; r < 3; ++r)
                for (int c = 0; c < 3; ++c)
                    for (int i = 0; i < 3; ++i)
                        for (int j = 0; j < 3; ++j) {
                            const auto b = 2 * (r - 1) + i + 1 - down, a = 2 * (c - 1) + j + 1 - across;
                            if (b < 0 || b > 3 || a < 0 || a > 3) continue;
                            const auto phase = 2 * down + across;
                            result[static_cast<std::size_t>((phase * 9 + 3 * r + c) * 9 + 3 * i + j)] =
                                4.0 * f[4 * (3 - b) + 3 - a];
                        }
    return result;
}

// [9, phases, places]: from the taps of a weight to what its kernels read.
at::Tensor transform(const at::Tensor& filter, WinogradUse use) {
    const auto phases = filter.defined() ? 4 : 1;
    Composition composition{};
    if (filter.defined()) {
        composition = doubling(filter);
    } else {
        for (std::size_t tap = 0; tap < 9; ++tap) composition[tap * 9 + tap] = 1.0;
    }
    auto result = at::zeros({9, phases, winograd_places}, at::kDouble);
    auto* to = result.mutable_data_ptr<double>();
    for (int phase = 0; phase < phases; ++phase)
        for (int row = 0; row < 6; ++row)
            for (int column = 0; column < 6; ++column)
                for (int r = 0; r < 3; ++r)
                    for (int c = 0; c < 3; ++c) {
                        const auto share = of_taps[static_cast<std::size_t>(row)][static_cast<std::size_t>(r)] *
                                           of_taps[static_cast<std::size_t>(column)][static_cast<std::size_t>(c)];
                        const auto tap = use == WinogradUse::adjoint ? 8 - (3 * r + c) : 3 * r + c;
                        for (int from = 0; from < 9; ++from)
                            to[(from * phases + phase) * winograd_places + 6 * row + column] +=
                                share * composition[static_cast<std::size_t>((phase * 9 + tap) * 9 + from)];
                    }
    return result.to(at::kFloat);
}

bool is_float_on_cpu(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

// A whole row for each picture, or one for all.
struct Factors {
    at::Tensor values;
    const float* data = nullptr;
    std::int64_t stride = 0;

    Factors(const at::Tensor& given, std::int64_t row) {
        if (!given.defined()) return;
        values = given.contiguous();
        data = values.const_data_ptr<float>();
        stride = values.numel() > row ? row : 0;
    }
};

// The gradients by LibTorch's convolutions.
std::pair<at::Tensor, at::Tensor> composed_gradients(const at::Tensor& gradient, const at::Tensor& x,
                                                     const at::Tensor& weight, const at::Tensor& filter, bool wants_x,
                                                     bool wants_weight) {
    const std::array<bool, 3> wanted{wants_x, wants_weight, false};
    if (!filter.defined()) {
        auto [of_x, of_weight, none] = at::convolution_backward(gradient, x, weight, at::OptionalIntArrayRef(), {1, 1},
                                                                {1, 1}, {1, 1}, false, {0, 0}, 1, wanted);
        return {of_x, of_weight};
    }
    // The adjoint of the filter, then that of the doubling.
    const auto before =
        fir_resample(gradient, filter, {.pad_x = {2, 2}, .pad_y = {2, 2}, .gain = 4.0, .flip_filter = true});
    auto [of_x, of_weight, none] = at::convolution_backward(
        before, x, weight.transpose(0, 1), at::OptionalIntArrayRef(), {2, 2}, {0, 0}, {1, 1}, true, {0, 0}, 1, wanted);
    return {of_x, of_weight.defined() ? of_weight.transpose(0, 1) : of_weight};
}

class WinogradConv : public torch::autograd::Function<WinogradConv> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                              const std::optional<at::Tensor>& filter, const c10::IValue& cache) {
        context->save_for_backward({x, weight, filter.value_or(at::Tensor())});
        context->saved_data["cache"] = cache;
        return winograd_finished(x, weights(weight, filter.value_or(at::Tensor()), WinogradUse::forward, cache), {});
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0], &weight = saved[1], &filter = saved[2];
        const auto& gradient = gradients[0];
        const auto wants_x = context->needs_input_grad(0), wants_weight = context->needs_input_grad(1);
        const auto again = at::GradMode::is_enabled() || ReferenceOps::active();  // derivatives of derivatives
        at::Tensor of_x, of_weight;
        if (again) {
            std::tie(of_x, of_weight) = composed_gradients(gradient, x, weight, filter, wants_x, wants_weight);
            return {of_x, of_weight, {}, {}};
        }
        const auto phases = filter.defined() ? at::pixel_unshuffle(gradient, 2) : gradient;
        if (wants_x)
            of_x = winograd_finished(phases,
                                     weights(weight, filter, WinogradUse::adjoint, context->saved_data["cache"]), {});
        if (wants_weight) of_weight = winograd_weight_gradient(phases, x, filter, {}, {});
        return {of_x, of_weight, {}, {}};
    }

  private:
    static WinogradWeights weights(const at::Tensor& weight, const at::Tensor& filter, WinogradUse use,
                                   const c10::IValue& cache) {
        if (cache.isNone()) return winograd_weights(weight, filter, use);
        return c10::static_intrusive_pointer_cast<WinogradCache>(cache.toCapsule())->get(weight, filter, use);
    }
};

}  // namespace

const std::vector<const WinogradKernels*>& usable_winograd_kernels() {
    static const auto usable =
        kernels::usable_kernels<kernels::avx512::winograd_kernels, kernels::avx2::winograd_kernels,
                                kernels::baseline::winograd_kernels>();
    return usable;
}

WinogradWeights winograd_weights(const at::Tensor& weight, const at::Tensor& filter, WinogradUse use,
                                 const WinogradKernels& kernels) {
    const c10::NoGradGuard no_grad;
    const auto matrix = transform(filter, use);
    const auto phases = matrix.size(1), outputs = weight.size(0), inputs = weight.size(1);
    const auto taps = (use == WinogradUse::adjoint ? weight.transpose(0, 1) : weight).reshape({-1, 9});
    const auto transformed = at::mm(taps, matrix.view({9, -1}));
    WinogradWeights result;
    if (use == WinogradUse::forward) {
        result.outputs = outputs;
        result.inputs = inputs;
        result.phases = static_cast<int>(phases);
    } else {
        result.outputs = inputs;
        result.inputs = outputs * phases;
    }
    const auto panels = (result.outputs * result.phases + kernels.panel - 1) / kernels.panel;
    result.packed = at::empty({winograd_places, result.inputs, panels, kernels.panel}, weight.options());
    const auto* from = transformed.const_data_ptr<float>();
    auto* to = result.packed.mutable_data_ptr<float>();
    parallel_for(0, panels, 1, [&](std::int64_t first, std::int64_t last) {
        kernels.pack(from, result.outputs, result.inputs, result.phases, first, last, to);
    });
    return result;
}

WinogradWeights WinogradCache::get(const at::Tensor& weight, const at::Tensor& filter, WinogradUse use) {
    // Weights that are being learnt change before they are used again.
    if (weight.requires_grad() || weight.is_inference()) return winograd_weights(weight, filter, use);
    const std::lock_guard lock(mutex_);
    auto& kept = kept_[use == WinogradUse::adjoint ? 1 : 0];
    if (!kept || !kept->weight.is_same(weight) || kept->version != weight._version() || !kept->filter.is_same(filter))
        kept =
            Kept{weight, filter, static_cast<std::uint32_t>(weight._version()), winograd_weights(weight, filter, use)};
    return kept->ready;
}

bool winograd_serves(const at::Tensor& x, const at::Tensor& weight, bool doubles) {
    const auto side = doubles ? least_side_doubling : least_side;
    return !ReferenceOps::active() && is_float_on_cpu(x) && is_float_on_cpu(weight) && weight.size(2) == 3 &&
           weight.size(3) == 3 && x.size(1) == weight.size(1) && x.size(2) >= side && x.size(3) >= side &&
           x.size(0) > 0 && x.size(1) > 0 && weight.size(0) > 0;
}

at::Tensor winograd_finished(const at::Tensor& picture, const WinogradWeights& weights, const WinogradFinish& finish,
                             const WinogradKernels& kernels) {
    const c10::NoGradGuard no_grad;
    const auto x = picture.contiguous();
    const auto side = weights.phases == 4 ? 2 : 1;
    const auto height = side * x.size(2), width = side * x.size(3);
    auto y = detail::pooled_empty({x.size(0), weights.outputs, height, width});
    const Factors in(finish.scale_in, weights.inputs), out(finish.scale_out, weights.outputs),
        noise(finish.noise, height * width), bias(finish.bias, weights.outputs);

    WinogradTask task{};
    task.x = x.const_data_ptr<float>();
    task.packed = weights.packed.const_data_ptr<float>();
    task.y = y.mutable_data_ptr<float>();
    task.pictures = x.size(0);
    task.inputs = weights.inputs;
    task.outputs = weights.outputs;
    task.height = x.size(2);
    task.width = x.size(3);
    task.phases = weights.phases;
    task.scale_in = in.data;
    task.scale_in_stride = in.stride;
    task.scale_out = out.data;
    task.scale_out_stride = out.stride;
    task.noise = noise.data;
    task.noise_stride = noise.stride;
    task.bias = bias.data;
    if (finish.activation) {
        const ActivationNumbers numbers(*finish.activation);
        task.activates = true;
        task.below = static_cast<float>(numbers.slope);
        task.gain = static_cast<float>(numbers.gain);
        task.clamp = static_cast<float>(numbers.limit);
    }

    // As few turns as fit the registers, but as many for each thread, all of about the same length.
    const auto groups = kernels.groups(task);
    const std::int64_t threads = thread_count();
    const auto least_turns = (groups + kernels.together - 1) / kernels.together;
    const auto turns = std::min(groups, (least_turns + threads - 1) / threads * threads);
    parallel_for(0, turns, 1, [&](std::int64_t first, std::int64_t last) {
        auto* const memory = detail::thread_scratch(kernels.scratch(task));
        for (auto turn = first; turn < last; ++turn)
            kernels.run(task, turn * groups / turns, (turn + 1) * groups / turns, memory);
    });
    return y;
}

at::Tensor winograd_weight_gradient(const at::Tensor& gradient, const at::Tensor& picture, const at::Tensor& filter,
                                    const at::Tensor& scale_in, const at::Tensor& scale_out,
                                    const WinogradKernels& kernels) {
    const c10::NoGradGuard no_grad;
    const std::int64_t phases = filter.defined() ? 4 : 1;
    const auto x = picture.contiguous(), of_rows = gradient.contiguous();
    const auto inputs = x.size(1), rows = of_rows.size(1), outputs = rows / phases;
    const Factors in(scale_in, inputs), out(scale_out, rows);

    kernels::WinogradGradientTask task{};
    task.x = x.const_data_ptr<float>();
    task.gradient = of_rows.const_data_ptr<float>();
    task.pictures = x.size(0);
    task.inputs = inputs;
    task.rows = rows;
    task.height = x.size(2);
    task.width = x.size(3);
    task.scale_x = in.data;
    task.scale_x_stride = in.stride;
    task.scale_gradient = out.data;
    task.scale_gradient_stride = out.stride;

    const auto filled = [](std::int64_t count, std::int64_t unit) { return (count + unit - 1) / unit * unit; };
    const auto all_inputs = filled(inputs, kernels.filled_inputs), all_rows = filled(rows, kernels.filled_rows);
    const auto groups = kernels.gradient_groups(task);
    const auto block = std::min(groups, tiles_of_block / kernels.lanes);
    const auto tiles = detail::pooled_empty({winograd_places, all_inputs, block * kernels.lanes}),
               products = detail::pooled_empty({winograd_places, all_rows, block * kernels.lanes});
    auto sums = detail::pooled_empty({winograd_places, all_rows, all_inputs}).zero_();
    task.tiles = tiles.mutable_data_ptr<float>();
    task.products = products.mutable_data_ptr<float>();
    task.sums = sums.mutable_data_ptr<float>();
    const auto pieces = (all_inputs + all_rows) / kernels.lanes;
    for (std::int64_t first = 0; first < groups; first += block) {
        const auto last = std::min(groups, first + block);
        parallel_for(0, pieces, 1, [&](std::int64_t begin, std::int64_t end) {
            for (auto piece = begin; piece < end; ++piece) kernels.transform(task, first, last, piece);
        });
        parallel_for(0, winograd_places, 1, [&](std::int64_t begin, std::int64_t end) {
            for (auto place = begin; place < end; ++place) kernels.accumulate(task, last - first, place);
        });
    }
    const auto found = sums.narrow(1, 0, rows).narrow(2, 0, inputs).reshape({winograd_places, outputs, phases, inputs});
    const auto matrix = transform(filter, WinogradUse::forward).view({9, -1});
    return at::mm(found.permute({1, 3, 2, 0}).reshape({outputs * inputs, -1}), matrix.t())
        .view({outputs, inputs, 3, 3});
}

at::Tensor winograd_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& filter,
                           const c10::intrusive_ptr<WinogradCache>& cache) {
    const auto given = filter.defined() ? std::optional(filter) : std::nullopt;
    return WinogradConv::apply(x, weight, given, cache ? c10::IValue::make_capsule(cache) : c10::IValue());
}

}  // namespace cameo::ops
