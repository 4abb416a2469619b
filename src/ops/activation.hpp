// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>
#include <numbers>

#include <ATen/Functions.h>

#include <cameo/ops/bias_act.hpp>

#include "core/work_memory.hpp"
#include "row_loops.hpp"

namespace cameo::ops {

/// An activation in numbers: what is negative times `slope`, all times `gain`, no larger than `limit`.
struct ActivationNumbers {
    double slope = 1.0, gain = 1.0, limit = std::numeric_limits<double>::infinity();

    ActivationNumbers() = default;
    explicit ActivationNumbers(const BiasActOptions& options)
        : gain(options.gain), limit(options.clamp.value_or(std::numeric_limits<double>::infinity())) {
        if (options.activation != Activation::leaky_relu) return;
        slope = 0.2;
        gain *= std::numbers::sqrt2;
    }
};

/// What the gradient of an activation's result is before it, and its sums over each picture of a channel.
struct ActivationGradients {
    at::Tensor x, sums;  // [N, C, ...], [N, C]
};

/// From the result y and its gradient, both plain. after(row, first element, the row's gradient) is called for each
/// picture of a channel while it is in the cache.
template <class After>
[[nodiscard]] ActivationGradients activation_gradients(const at::Tensor& y, const at::Tensor& gradient,
                                                       const ActivationNumbers& numbers, const After& after) {
    const auto rows = y.size(0) * y.size(1), length = y.numel() / rows;
    ActivationGradients result{detail::pooled_empty(y.sizes()), at::empty({y.size(0), y.size(1)}, y.options())};
    const auto *value = y.const_data_ptr<float>(), *in = gradient.const_data_ptr<float>();
    auto *out = result.x.mutable_data_ptr<float>(), *sums = result.sums.mutable_data_ptr<float>();
    const auto above = static_cast<float>(numbers.gain), below = static_cast<float>(numbers.gain * numbers.slope),
               limit = static_cast<float>(numbers.limit);
    for_each_row(rows, length, [&](std::int64_t row, std::int64_t first) {
        sums[row] = lane_sum(first, first + length, [&](std::int64_t i) {
            const auto scale = value[i] > 0.0F ? above : below;
            return out[i] = in[i] * (std::abs(value[i]) < limit ? scale : 0.0F);
        });
        after(row, first, out);
    });
    return result;
}

}  // namespace cameo::ops
