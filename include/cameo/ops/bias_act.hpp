// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::ops {

enum class Activation : std::uint8_t {
    linear,
    leaky_relu,  ///< 0.2 x below zero, times sqrt(2)
};

struct BiasActOptions {
    Activation activation = Activation::linear;
    double gain = 1.0;              ///< on top of the activation's own
    std::optional<double> clamp{};  ///< limits the magnitude of the result, after all gains
};

/// clamp(gain act(x + bias)), the bias along the axis of channels, which is the second.
/// Shapes   x [N, C, ...], bias [C] or undefined. Half precision is widened to float32 and rounded once
/// Differentiable in x and bias, any number of times; a clamped or kinked place has the one-sided derivative towards
/// smaller magnitude
[[nodiscard]] CAMEO_API at::Tensor bias_act(const at::Tensor& x, const at::Tensor& bias,
                                            const BiasActOptions& options = {});

}  // namespace cameo::ops
