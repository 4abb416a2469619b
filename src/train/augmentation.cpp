// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/augmentation.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/ops/fir.hpp>
#include <cameo/ops/resize.hpp>

namespace cameo {
namespace {

// A symlet's low-pass: sharp enough that pictures enlarged twofold can be sampled bilinearly.
constexpr std::array wavelet{0.015404109327027373, 0.0034907120842174702, -0.11799011114819057,
                             -0.048311742585633,   0.4910559419267466,    0.787641141030194,
                             0.3379294217276218,   -0.07263752278646252,  -0.021060292512300564,
                             0.04472490177066578,  0.0017677118642428036, -0.007800708325034148};
constexpr std::int64_t wavelet_pad = static_cast<std::int64_t>(wavelet.size()) / 4;

// One number for each picture, or one for all.
struct Entry {
    at::Tensor each;
    double all = 0.0;
    Entry(double value) : all(value) {}                    // NOLINT(google-explicit-constructor)
    Entry(at::Tensor values) : each(std::move(values)) {}  // NOLINT(google-explicit-constructor)
};

// Matrices [N, side, side] from their entries, row by row.
at::Tensor matrices(std::int64_t side, const std::vector<Entry>& entries, std::int64_t count,
                    const at::TensorOptions& options) {
    std::vector<at::Tensor> columns;
    columns.reserve(entries.size());
    for (const auto& entry : entries)
        columns.push_back(entry.each.defined() ? entry.each : at::full({count}, entry.all, options));
    return at::stack(columns, 1).view({count, side, side});
}

struct Maker {
    std::int64_t count;
    at::TensorOptions options;

    [[nodiscard]] at::Tensor shift(const Entry& x, const Entry& y) const {
        return matrices(3, {1.0, 0.0, x, 0.0, 1.0, y, 0.0, 0.0, 1.0}, count, options);
    }
    [[nodiscard]] at::Tensor scale(const Entry& x, const Entry& y) const {
        return matrices(3, {x, 0.0, 0.0, 0.0, y, 0.0, 0.0, 0.0, 1.0}, count, options);
    }
    [[nodiscard]] at::Tensor rotation(const at::Tensor& angle) const {
        const auto c = angle.cos(), s = angle.sin();
        return matrices(3, {c, s.neg(), 0.0, s, c, 0.0, 0.0, 0.0, 1.0}, count, options);
    }
    [[nodiscard]] at::Tensor colour_scale(const at::Tensor& factor) const {
        return matrices(4, {factor, 0.0, 0.0, 0.0, 0.0, factor, 0.0, 0.0, 0.0, 0.0, factor, 0.0, 0.0, 0.0, 0.0, 1.0},
                        count, options);
    }
    [[nodiscard]] at::Tensor colour_shift(const at::Tensor& by) const {
        return matrices(4, {1.0, 0.0, 0.0, by, 0.0, 1.0, 0.0, by, 0.0, 0.0, 1.0, by, 0.0, 0.0, 0.0, 1.0}, count,
                        options);
    }
    // About the grey axis, whose three components are equal.
    [[nodiscard]] at::Tensor hue_rotation(const at::Tensor& angle) const {
        const auto c = angle.cos(), s = angle.sin() * (1 / std::numbers::sqrt3), same = (1 - c) * (1.0 / 3.0);
        return matrices(4,
                        {same + c, same - s, same + s, 0.0, same + s, same + c, same - s, 0.0, same - s, same + s,
                         same + c, 0.0, 0.0, 0.0, 0.0, 1.0},
                        count, options);
    }
};

// From pixels of the result to pixels of the picture; undefined where nothing moves.
at::Tensor geometry(const AugmentationValues& values, const Maker& make, double width, double height) {
    at::Tensor q;
    const auto then = [&](const at::Tensor& matrix) { q = q.defined() ? q.matmul(matrix) : matrix; };
    const auto column = [](const at::Tensor& shifts, std::int64_t axis) { return shifts.select(1, axis); };
    if (values.flip.defined()) then(make.scale((1 - 2 * values.flip).reciprocal(), 1.0));
    if (values.quarter_turn.defined()) then(make.rotation(values.quarter_turn * (std::numbers::pi / 2)));
    if (values.whole_shift.defined())
        then(make.shift(column(values.whole_shift, 0).mul(width).round().neg(),
                        column(values.whole_shift, 1).mul(height).round().neg()));
    if (values.scale.defined()) then(make.scale(values.scale.reciprocal(), values.scale.reciprocal()));
    if (values.rotation_before.defined()) then(make.rotation(values.rotation_before));
    if (values.aspect.defined()) then(make.scale(values.aspect.reciprocal(), values.aspect));
    if (values.rotation_after.defined()) then(make.rotation(values.rotation_after));
    if (values.shift.defined())
        then(make.shift(column(values.shift, 0).mul(-width), column(values.shift, 1).mul(-height)));
    return q;
}

at::Tensor moved(const at::Tensor& picture, at::Tensor q, const Maker& make) {
    const auto height = picture.size(2), width = picture.size(3);
    const auto filter = ops::fir_filter(wavelet).to(picture.options());
    const auto half_width = static_cast<double>(width - 1) / 2, half_height = static_cast<double>(height - 1) / 2;

    // How far corners come to lie outside, over the batch.
    const auto corners = at::tensor({-half_width, half_width, half_width, -half_width,  //
                                     -half_height, -half_height, half_height, half_height, 1.0, 1.0, 1.0, 1.0},
                                    at::kDouble)
                             .view({3, 4})
                             .to(q.options());
    const auto places = q.matmul(corners).narrow(1, 0, 2).transpose(0, 1).reshape({2, -1});
    const auto margins = at::cat({places.neg(), places}).amax({1}).to(at::kCPU).to(at::kDouble);
    const auto margin = [&](std::int64_t side, double half, std::int64_t most) {
        const auto value = margins[side].item<double>() + static_cast<double>(2 * wavelet_pad) - half;
        return static_cast<std::int64_t>(std::ceil(std::clamp(value, 0.0, static_cast<double>(most - 1))));
    };
    const auto left = margin(0, half_width, width), above = margin(1, half_height, height),
               right = margin(2, half_width, width), below = margin(3, half_height, height);
    auto x = at::reflection_pad2d(picture, {left, right, above, below});
    q = make.shift(static_cast<double>(left - right) / 2, static_cast<double>(above - below) / 2).matmul(q);

    x = ops::fir_upsample_2x(x, filter);
    q = make.scale(2.0, 2.0).matmul(q).matmul(make.scale(0.5, 0.5));
    q = make.shift(-0.5, -0.5).matmul(q).matmul(make.shift(0.5, 0.5));

    const auto out_height = (height + 2 * wavelet_pad) * 2, out_width = (width + 2 * wavelet_pad) * 2;
    const auto real = [](std::int64_t value) { return static_cast<double>(value); };
    q = make.scale(2.0 / real(x.size(3)), 2.0 / real(x.size(2)))
            .matmul(q)
            .matmul(make.scale(real(out_width) / 2, real(out_height) / 2));
    const auto grid =
        at::affine_grid_generator(q.narrow(1, 0, 2), {x.size(0), x.size(1), out_height, out_width}, false);
    constexpr std::int64_t bilinear = 0, zeros = 0;
    x = at::grid_sampler_2d(x, grid, bilinear, zeros, false);
    return ops::fir_downsample_2x(x, filter, 2 * wavelet_pad, true);
}

at::Tensor colours(const AugmentationValues& values, const Maker& make) {
    at::Tensor a;
    const auto then = [&](const at::Tensor& matrix) { a = a.defined() ? matrix.matmul(a) : matrix; };
    // Projection on the grey axis, and what is left of the four dimensions.
    const auto grey = at::full({3, 3}, 1.0 / 3.0, make.options);
    const auto luma = at::constant_pad_nd(grey, {0, 1, 0, 1});
    const auto rest = at::eye(4, make.options) - luma;
    const auto each = [](const at::Tensor& value) { return value.view({-1, 1, 1}); };
    if (values.brightness.defined()) then(make.colour_shift(values.brightness));
    if (values.contrast.defined()) then(make.colour_scale(values.contrast));
    if (values.luma_flip.defined()) then(at::eye(4, make.options) - 2 * luma * each(values.luma_flip));
    if (values.hue.defined()) then(make.hue_rotation(values.hue));
    if (values.saturation.defined()) then(luma + rest * each(values.saturation));
    return a;
}

}  // namespace

AugmentationValues draw_augmentations(const Augmentations& kinds, std::int64_t count, double strength,
                                      RandomSource& random, const at::TensorOptions& options) {
    const auto uniform = [&](at::IntArrayRef shape) { return random.uniform(shape, options); };
    const auto normal = [&](at::IntArrayRef shape) { return random.normal(shape, options); };
    // `value` where a coin says so, else what changes nothing. The coin is drawn after the value.
    const auto gated = [&](const at::Tensor& value, double nothing, double probability, at::IntArrayRef coins) {
        return at::where(uniform(coins) < probability, value, at::full({}, nothing, options));
    };
    const auto one = at::IntArrayRef(count);
    const std::vector<std::int64_t> two{count, 2}, pair_coin{count, 1}, flat{count, 1, 1};
    const auto angle = [&](const at::Tensor& u) { return (u * 2 - 1) * std::numbers::pi; };

    AugmentationValues values;
    if (kinds.flip) values.flip = gated((uniform(one) * 2).floor(), 0.0, strength, one);
    if (kinds.quarter_turn) values.quarter_turn = gated((uniform(one) * 4).floor(), 0.0, strength, one);
    if (kinds.whole_shift) values.whole_shift = gated((uniform(two) * 2 - 1) * 0.125, 0.0, strength, pair_coin);
    if (kinds.scale) values.scale = gated(at::exp2(normal(one) * 0.2), 1.0, strength, one);
    const auto of_rotation = 1 - std::sqrt(std::clamp(1 - strength, 0.0, 1.0));
    if (kinds.rotation) values.rotation_before = gated(angle(uniform(one)), 0.0, of_rotation, one);
    if (kinds.aspect) values.aspect = gated(at::exp2(normal(one) * 0.2), 1.0, strength, one);
    if (kinds.rotation) values.rotation_after = gated(angle(uniform(one)), 0.0, of_rotation, one);
    if (kinds.shift) values.shift = gated(normal(two) * 0.125, 0.0, strength, pair_coin);
    if (kinds.brightness) values.brightness = gated(normal(one) * 0.2, 0.0, strength, one);
    if (kinds.contrast) values.contrast = gated(at::exp2(normal(one) * 0.5), 1.0, strength, one);
    if (kinds.luma_flip) values.luma_flip = gated((uniform(flat) * 2).floor(), 0.0, strength, flat).view({count});
    if (kinds.hue) values.hue = gated(angle(uniform(one)), 0.0, strength, one);
    if (kinds.saturation) values.saturation = gated(at::exp2(normal(flat)), 1.0, strength, flat).view({count});
    return values;
}

at::Tensor augmented(const at::Tensor& picture, const AugmentationValues& values) {
    const auto shape = ShapeCheck().expect("picture", picture, "[N, C, H, W]");
    const auto count = shape["N"], channels = shape["C"], height = shape["H"], width = shape["W"];
    if (channels % 3 != 0)
        throw Error(Errc::shape_mismatch, "picture: expected triples of channels, got " + shape_text(picture.sizes()));
    const Maker make{count, picture.options().requires_grad(false)};
    auto x = picture;
    if (const auto q = geometry(values, make, static_cast<double>(width), static_cast<double>(height)); q.defined())
        x = moved(x, q, make);
    if (const auto a = colours(values, make); a.defined()) {
        const auto triples = x.reshape({count, channels / 3, 3, height * width});
        const auto turn = a.narrow(1, 0, 3).narrow(2, 0, 3).unsqueeze(1), shift = a.narrow(1, 0, 3).narrow(2, 3, 1);
        x = (turn.matmul(triples) + shift.unsqueeze(1)).view({count, channels, height, width});
    }
    return x;
}

AugmentedPair augmented(const at::Tensor& image, const at::Tensor& raw, const AugmentationValues& values) {
    const auto shape = ShapeCheck().expect("image", image, "[N, 3, H, W]").expect("raw image", raw, "[N, 3, R, S]");
    const auto both = augmented(at::cat({image, ops::resize(raw, shape["H"], shape["W"], true)}, 1), values);
    return {both.narrow(1, 0, 3), ops::resize(both.narrow(1, 3, 3), shape["R"], shape["S"], true)};
}

}  // namespace cameo
