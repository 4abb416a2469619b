// SPDX-License-Identifier: Apache-2.0
#include "channel_scale.hpp"

#include <algorithm>
#include <array>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

namespace cameo::ops {
namespace {

bool plain(const at::Tensor& x) {
    return x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous() && x.numel() > 0;
}

at::Tensor composed(const at::Tensor& x, const at::Tensor& scale) {
    return x * scale.view({scale.size(0), scale.size(1), 1, 1});
}

template <class Body>  // body(row, first element)
void for_each_row(const at::Tensor& x, const Body& body) {
    const auto length = x.size(2) * x.size(3);
    const auto grain = std::max<std::int64_t>(1, 16384 / length);
    at::parallel_for(0, x.size(0) * x.size(1), grain, [&](std::int64_t first, std::int64_t last) {
        for (auto row = first; row < last; ++row) body(row, row * length);
    });
}

class ChannelScale : public torch::autograd::Function<ChannelScale> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& scale) {
        context->save_for_backward({x, scale});
        const auto factors = scale.expand({x.size(0), -1}).contiguous();
        auto y = at::empty_like(x);
        const auto *in = x.const_data_ptr<float>(), *factor = factors.const_data_ptr<float>();
        auto* out = y.mutable_data_ptr<float>();
        const auto length = x.size(2) * x.size(3);
        for_each_row(x, [&](std::int64_t row, std::int64_t first) {
            for (auto i = first; i < first + length; ++i) out[i] = in[i] * factor[row];
        });
        return y;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0], &scale = saved[1];
        if (at::GradMode::is_enabled() || !plain(gradients[0])) {  // derivatives of the derivative
            const auto gradient = gradients[0];
            auto of_scale = (gradient * x).sum({2, 3});
            if (scale.size(0) == 1) of_scale = of_scale.sum({0}, true);
            return {composed(gradient, scale), of_scale};
        }
        const auto wants_x = context->needs_input_grad(0), wants_scale = context->needs_input_grad(1);
        const auto factors = scale.expand({x.size(0), -1}).contiguous();
        auto of_x = wants_x ? at::empty_like(x) : at::Tensor();
        auto sums = at::empty({x.size(0), x.size(1)}, x.options());
        const auto *in = x.const_data_ptr<float>(), *gradient = gradients[0].const_data_ptr<float>(),
                   *factor = factors.const_data_ptr<float>();
        auto *out = wants_x ? of_x.mutable_data_ptr<float>() : nullptr, *sum_of = sums.mutable_data_ptr<float>();
        const auto length = x.size(2) * x.size(3);
        for_each_row(x, [&](std::int64_t row, std::int64_t first) {
            if (wants_scale) {
                constexpr std::int64_t lanes = 16;
                std::array<float, lanes> sum{};
                auto i = first;
                for (; i + lanes <= first + length; i += lanes)
                    for (std::int64_t lane = 0; lane < lanes; ++lane)
                        sum[static_cast<std::size_t>(lane)] += gradient[i + lane] * in[i + lane];
                double total = 0.0;
                for (; i < first + length; ++i) total += gradient[i] * in[i];
                for (const auto each : sum) total += each;
                sum_of[row] = static_cast<float>(total);
            }
            if (out)
                for (auto i = first; i < first + length; ++i) out[i] = gradient[i] * factor[row];
        });
        if (!wants_scale) return {of_x, {}};
        return {of_x, scale.size(0) == 1 ? sums.sum({0}, true) : sums};
    }
};

}  // namespace

at::Tensor channel_scale(const at::Tensor& x, const at::Tensor& scale) {
    if (plain(x) && scale.scalar_type() == at::kFloat) return ChannelScale::apply(x, scale);
    return composed(x, scale);
}

}  // namespace cameo::ops
