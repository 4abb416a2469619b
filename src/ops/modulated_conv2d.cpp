// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/modulated_conv2d.hpp>

#include <cmath>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "channel_scale.hpp"
#include "core/work_memory.hpp"
#include "ops/winograd.hpp"
#include "row_loops.hpp"

namespace cameo::ops {

at::Tensor demodulation(const at::Tensor& weight, const at::Tensor& styles) {
    return (at::mm(styles.square(), weight.square().sum({2, 3}).t()) + 1e-8).rsqrt();
}

at::Tensor modulated_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& styles,
                            const at::Tensor& filter, const ModulatedConvOptions& options) {
    const auto shape = ShapeCheck()
                           .expect("x", x, "[N, I, H, W]")
                           .expect("weight", weight, "[O, I, k, k]")
                           .expect("styles", styles, "[S, I]");
    const auto pictures = shape["N"], outputs = shape["O"], inputs = shape["I"], side = shape["k"];
    if (styles.size(0) != pictures && styles.size(0) != 1)
        throw Error(Errc::shape_mismatch, "styles: expected [N, I] or [1, I] with N = " + std::to_string(pictures) +
                                              ", got " + shape_text(styles.sizes()));
    auto w = weight;
    auto s = styles;
    if (x.scalar_type() == at::kHalf && options.demodulate) {
        w = w * (1.0 / std::sqrt(static_cast<double>(inputs * side * side))) / w.abs().amax({1, 2, 3}, true);
        s = s / s.abs().amax({1}, true);
    }

    const auto norms = options.demodulate ? demodulation(w, s) : at::Tensor();
    // Taps of one pixel: a product of matrices, with the styles in the smaller one.
    if (side == 1 && options.resample == Resample::none && is_plain(x) && weight.scalar_type() == at::kFloat) {
        auto mixed = w.view({1, outputs, inputs}) * s.view({-1, 1, inputs});
        if (norms.defined()) mixed = mixed * norms.view({-1, outputs, 1});
        const auto pixels = x.view({pictures, inputs, x.size(2) * x.size(3)});
        const auto sets = mixed.expand({pictures, -1, -1});
        if (c10::GradMode::is_enabled()) return at::bmm(sets, pixels).view({pictures, outputs, x.size(2), x.size(3)});
        auto y = detail::pooled_empty({pictures, outputs, x.size(2), x.size(3)});
        auto rows = y.view({pictures, outputs, -1});
        at::bmm_out(rows, sets, pixels);
        return y;
    }
    const auto tiled = options.resample != Resample::down_2x &&
                       winograd_serves(x, weight, options.resample == Resample::up_2x);  // one set of weights for all
    if (options.modulation == Modulation::activations || tiled) {
        auto y =
            conv2d_resample(channel_scale(x, s.to(x.scalar_type())), w.to(x.scalar_type()), filter, options.resample);
        return norms.defined() ? channel_scale(y, norms.to(x.scalar_type())) : y;
    }
    // One set of weights per style [S, O, I, k, k].
    auto modulated = w.unsqueeze(0) * s.view({-1, 1, inputs, 1, 1});
    if (norms.defined()) modulated = modulated * norms.view({-1, outputs, 1, 1, 1});
    modulated = modulated.to(x.scalar_type());
    if (styles.size(0) == 1) return conv2d_resample(x, modulated[0], filter, options.resample);
    const auto y = conv2d_resample(x.reshape({1, pictures * inputs, x.size(2), x.size(3)}),
                                   modulated.reshape({pictures * outputs, inputs, side, side}), filter,
                                   options.resample, pictures);
    return y.view({pictures, outputs, y.size(2), y.size(3)});
}

}  // namespace cameo::ops
