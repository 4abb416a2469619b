// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/latent.hpp>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::losses {

at::Tensor latent_distance(const at::Tensor& ws, const at::Tensor& mean) {
    const auto shape = ShapeCheck().expect("ws", ws, "[N, L, D]");
    if (mean.dim() == 1)
        ShapeCheck().bind("D", shape["D"]).expect("mean", mean, "[D]");
    else
        ShapeCheck().bind("L", shape["L"]).bind("D", shape["D"]).expect("mean", mean, "[L, D]");
    return at::linalg_vector_norm((ws - mean).flatten(1), 2, at::IntArrayRef{1}).mean();
}

at::Tensor latent_spread(const at::Tensor& ws) {
    ShapeCheck().expect("ws", ws, "[N, L, D]");
    return at::linalg_vector_norm(ws.slice(1, 1) - ws.slice(1, 0, 1), 2, at::IntArrayRef{2}).mean(0).sum();
}

at::Tensor noise_correlation(const NamedTensors& noise) {
    at::Tensor sum;
    for (const auto& [name, tensor] : noise) {
        ShapeCheck().expect(name, tensor, "[R, R]");
        auto picture = tensor.unsqueeze(0).unsqueeze(0);
        while (true) {
            const auto across = (picture * picture.roll(1, 3)).mean().square(),
                       down = (picture * picture.roll(1, 2)).mean().square();
            sum = sum.defined() ? sum + across + down : across + down;
            if (picture.size(2) <= 8) break;
            picture = at::avg_pool2d(picture, 2);
        }
    }
    if (!sum.defined()) throw Error(Errc::invalid_argument, "noise: expected at least one picture of it, got none");
    return sum;
}

}  // namespace cameo::losses
