// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/fir.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/ops/reference_ops.hpp>

#include "core/work_memory.hpp"
#include "device_ops.hpp"

namespace cameo::ops {
namespace {

// The filtered pieces of a picture are made this many bytes at a time: the library behind convolutions copies its
// input and its output into layouts of its own.
constexpr std::int64_t piece_bytes = std::int64_t{32} << 20;

at::Tensor stuffed_and_padded(const at::Tensor& x, const FirOptions& options) {
    using at::indexing::Slice;
    auto y = x;
    if (options.up > 1) {
        const auto up = options.up;
        y = at::zeros({x.size(0), x.size(1), x.size(2) * up, x.size(3) * up}, x.options());
        y.index_put_({Slice(), Slice(), Slice(0, at::indexing::None, up), Slice(0, at::indexing::None, up)}, x);
    }
    return at::constant_pad_nd(y, {options.pad_x[0], options.pad_x[1], options.pad_y[0], options.pad_y[1]});
}

at::Tensor filtered(const at::Tensor& x, const at::Tensor& kernel, const FirOptions& options) {
    const auto channels = x.size(1);
    const auto weight = kernel.expand({channels, 1, kernel.size(0), kernel.size(1)});
    const auto [px, py] = std::pair{options.pad_x, options.pad_y};
    const bool even = px[0] == px[1] && py[0] == py[1] && px[0] >= 0 && py[0] >= 0;
    if (options.up == 1 && even)  // the convolution pads by itself
        return at::conv2d(x, weight, {}, options.down, {py[0], px[0]}, 1, channels);
    return at::conv2d(stuffed_and_padded(x, options), weight, {}, options.down, at::IntArrayRef{0}, 1, channels);
}

// One line of a picture, enlarged and padded: zeros but for the pixels.
void stuff_line(const float* pixels, std::int64_t count, std::int64_t up, std::int64_t before,
                std::vector<float>& line) {
    const auto length = static_cast<std::int64_t>(line.size());
    for (std::int64_t i = 0; i < count; ++i) {
        const auto place = i * up + before;
        if (place >= 0 && place < length) line[static_cast<std::size_t>(place)] = pixels[i];
    }
}

// Float32 on the CPU, line by line: what is filtered is read once and what comes out is written once.
at::Tensor filtered_lines(const at::Tensor& picture, const at::Tensor& taps, const FirOptions& options) {
    const auto x = picture.contiguous(), kernel = taps.contiguous();
    const auto height = x.size(2), width = x.size(3), rows = kernel.size(0), columns = kernel.size(1);
    const auto up = options.up, down = options.down;
    const auto padded_width = width * up + options.pad_x[0] + options.pad_x[1],
               padded_height = height * up + options.pad_y[0] + options.pad_y[1];
    const auto out_height = (padded_height - rows) / down + 1, out_width = (padded_width - columns) / down + 1;
    auto result = detail::pooled_empty({x.size(0), x.size(1), out_height, out_width});
    const auto *in = x.const_data_ptr<float>(), *weights = kernel.const_data_ptr<float>();
    auto* out = result.mutable_data_ptr<float>();
    const auto add = [&](const float* line, const float* weight, float* sum) {
        if (columns == 4 && down == 1) {
            const auto a = weight[0], b = weight[1], c = weight[2], d = weight[3];
            for (std::int64_t i = 0; i < out_width; ++i)
                sum[i] += a * line[i] + b * line[i + 1] + c * line[i + 2] + d * line[i + 3];
            return;
        }
        for (std::int64_t tap = 0; tap < columns; ++tap)
            for (std::int64_t i = 0; i < out_width; ++i) sum[i] += weight[tap] * line[i * down + tap];
    };
    const auto grain = std::max<std::int64_t>(1, 65536 / (out_height * out_width));
    parallel_for(0, x.size(0) * x.size(1), grain, [&](std::int64_t first, std::int64_t last) {
        // The latest lines, each needed by as many rows of the result as the filter has taps.
        std::vector<std::vector<float>> lines(static_cast<std::size_t>(rows),
                                              std::vector<float>(static_cast<std::size_t>(padded_width)));
        std::vector<std::int64_t> held(static_cast<std::size_t>(rows));
        for (auto plane = first; plane < last; ++plane) {
            std::ranges::fill(held, -1);
            for (std::int64_t y = 0; y < out_height; ++y) {
                auto* sum = out + (plane * out_height + y) * out_width;
                std::fill_n(sum, out_width, 0.0F);
                for (std::int64_t tap = 0; tap < rows; ++tap) {
                    const auto place = y * down + tap - options.pad_y[0];
                    if (place < 0 || place >= height * up || place % up != 0) continue;
                    const auto source = place / up;
                    const auto slot = static_cast<std::size_t>(source % rows);
                    if (held[slot] != source) {
                        stuff_line(in + (plane * height + source) * width, width, up, options.pad_x[0], lines[slot]);
                        held[slot] = source;
                    }
                    add(lines[slot].data(), weights + tap * columns, sum);
                }
            }
        }
    });
    return result;
}

at::Tensor resampled(const at::Tensor& picture, const at::Tensor& filter, const FirOptions& options) {
    const c10::NoGradGuard no_grad;
    const auto type = picture.scalar_type();
    const auto compute = type == at::kHalf || type == at::kBFloat16 ? at::kFloat : type;
    const auto kernel = (options.flip_filter ? filter : filter.flip({0, 1})).to(compute).mul(options.gain);
    const auto x = picture.to(compute);

    if (const auto* kernels = device_kernels(x)) return device_filtered(*kernels, x, kernel, options).to(type);
    if (x.is_cpu() && x.scalar_type() == at::kFloat && !ReferenceOps::active())
        return filtered_lines(x, kernel, options).to(type);

    const auto bytes = std::max(x.numel() * options.up * options.up, std::int64_t{1}) * x.element_size();
    const auto step = std::clamp(x.size(1) * piece_bytes / bytes, std::int64_t{1}, x.size(1));
    if (step == x.size(1)) return filtered(x, kernel, options).to(type);
    at::Tensor result;
    for (std::int64_t first = 0; first < x.size(1); first += step) {
        const auto count = std::min(step, x.size(1) - first);
        const auto piece = filtered(x.narrow(1, first, count), kernel, options);
        if (!result.defined())
            result = at::empty({x.size(0), x.size(1), piece.size(2), piece.size(3)}, picture.options());
        result.narrow(1, first, count).copy_(piece);
    }
    return result;
}

// The options that lead from the gradient of the result, of `out` pixels, to that of the picture, of `in` pixels.
std::array<std::int64_t, 2> adjoint_padding(const FirOptions& options, const std::array<std::int64_t, 2>& pads,
                                            std::int64_t taps, std::int64_t in, std::int64_t out) {
    return {taps - pads[0] - 1, in * options.up - out * options.down + pads[0] - options.up + 1};
}

class FirResample : public torch::autograd::Function<FirResample> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& picture,
                              const at::Tensor& filter, std::int64_t up, std::int64_t down,
                              const std::vector<std::int64_t>& pads, double gain, bool flip_filter) {
        const FirOptions options{up, down, {pads[0], pads[1]}, {pads[2], pads[3]}, gain, flip_filter};
        auto result = resampled(picture, filter, options);
        FirOptions adjoint{down, up, {}, {}, gain, !flip_filter};
        adjoint.pad_x = adjoint_padding(options, options.pad_x, filter.size(1), picture.size(3), result.size(3));
        adjoint.pad_y = adjoint_padding(options, options.pad_y, filter.size(0), picture.size(2), result.size(2));
        context->save_for_backward({filter});
        context->saved_data["up"] = adjoint.up;
        context->saved_data["down"] = adjoint.down;
        context->saved_data["pads"] =
            std::vector<std::int64_t>{adjoint.pad_x[0], adjoint.pad_x[1], adjoint.pad_y[0], adjoint.pad_y[1]};
        context->saved_data["gain"] = adjoint.gain;
        context->saved_data["flip"] = adjoint.flip_filter;
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        auto& data = context->saved_data;
        auto gradient = FirResample::apply(gradients[0], context->get_saved_variables()[0], data["up"].toInt(),
                                           data["down"].toInt(), data["pads"].toIntVector(), data["gain"].toDouble(),
                                           data["flip"].toBool());
        return {gradient, {}, {}, {}, {}, {}, {}};
    }
};

}  // namespace

at::Tensor fir_resample(const at::Tensor& picture, const at::Tensor& filter, const FirOptions& options) {
    ShapeCheck().expect("picture", picture, "[N, C, H, W]").expect("filter", filter, "[h, w]");
    if (options.up < 1 || options.down < 1)
        throw Error(Errc::invalid_argument, "fir_resample: expected up and down of at least 1, got " +
                                                std::to_string(options.up) + " and " + std::to_string(options.down));
    const auto taps = filter.sizes();
    const std::array padded{picture.size(2) * options.up + options.pad_y[0] + options.pad_y[1],
                            picture.size(3) * options.up + options.pad_x[0] + options.pad_x[1]};
    if (padded[0] < taps[0] || padded[1] < taps[1])
        throw Error(Errc::shape_mismatch, "picture: expected at least as many padded pixels as taps, " +
                                              shape_text(taps) + ", got " + shape_text(padded));
    const auto& [x, y] = std::pair{options.pad_x, options.pad_y};
    return FirResample::apply(picture, filter, options.up, options.down,
                              std::vector<std::int64_t>{x[0], x[1], y[0], y[1]}, options.gain, options.flip_filter);
}

at::Tensor fir_filter(std::span<const double> taps) {
    auto line = at::empty({static_cast<std::int64_t>(taps.size())}, at::kDouble);
    std::ranges::copy(taps, line.data_ptr<double>());
    const auto filter = at::outer(line, line);
    return (filter / filter.sum()).to(at::kFloat);
}

at::Tensor fir_filter() { return fir_filter(std::array{1.0, 3.0, 3.0, 1.0}); }

namespace {

// Pads for an even share on both sides of what the filter adds beyond the change of scale.
std::array<std::int64_t, 2> up_pads(std::int64_t taps) { return {(taps + 1) / 2, (taps - 2) / 2}; }
std::array<std::int64_t, 2> down_pads(std::int64_t taps, std::int64_t crop) {
    return {(taps - 1) / 2 - crop, (taps - 2) / 2 - crop};
}

}  // namespace

at::Tensor fir_upsample_2x(const at::Tensor& picture, const at::Tensor& filter) {
    ShapeCheck().expect("filter", filter, "[h, w]");
    return fir_resample(picture, filter,
                        {.up = 2, .pad_x = up_pads(filter.size(1)), .pad_y = up_pads(filter.size(0)), .gain = 4.0});
}

at::Tensor fir_downsample_2x(const at::Tensor& picture, const at::Tensor& filter, std::int64_t crop, bool flip_filter) {
    ShapeCheck().expect("filter", filter, "[h, w]");
    return fir_resample(picture, filter,
                        {.down = 2,
                         .pad_x = down_pads(filter.size(1), crop),
                         .pad_y = down_pads(filter.size(0), crop),
                         .flip_filter = flip_filter});
}

}  // namespace cameo::ops
