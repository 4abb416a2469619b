// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/fully_connected.hpp>

#include <cmath>

#include <ATen/ATen.h>

#include <cameo/core/shape.hpp>

namespace cameo::ops {

at::Tensor fully_connected(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double lr_multiplier,
                           Activation activation) {
    auto shape = ShapeCheck().expect("x", x, "[N, I]").expect("weight", weight, "[O, I]");
    if (bias.defined()) shape.expect("bias", bias, "[O]");
    const auto w = weight * (lr_multiplier / std::sqrt(static_cast<double>(weight.size(1))));
    const auto b = bias.defined() && lr_multiplier != 1.0 ? bias * lr_multiplier : bias;
    if (activation == Activation::linear)
        return b.defined() ? at::addmm(b.unsqueeze(0), x, w.t()) : at::matmul(x, w.t());
    return bias_act(at::matmul(x, w.t()), b, {.activation = activation});
}

at::Tensor normalize_second_moment(const at::Tensor& x) {
    ShapeCheck().expect("x", x, "[N, F]");
    return x * (x.square().mean(1, true) + 1e-8).rsqrt();
}

}  // namespace cameo::ops
