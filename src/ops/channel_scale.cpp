// SPDX-License-Identifier: Apache-2.0
#include "channel_scale.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/work_memory.hpp"
#include "row_loops.hpp"

namespace cameo::ops {
namespace {

at::Tensor composed(const at::Tensor& x, const at::Tensor& scale) {
    return x * scale.view({scale.size(0), scale.size(1), 1, 1});
}

class ChannelScale : public torch::autograd::Function<ChannelScale> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& scale) {
        context->save_for_backward({x, scale});
        const auto factors = scale.expand({x.size(0), -1}).contiguous();
        auto y = detail::pooled_empty(x.sizes());
        const auto *in = x.const_data_ptr<float>(), *factor = factors.const_data_ptr<float>();
        auto* out = y.mutable_data_ptr<float>();
        const auto length = x.size(2) * x.size(3);
        for_each_row(x.size(0) * x.size(1), length, [&](std::int64_t row, std::int64_t first) {
            for (auto i = first; i < first + length; ++i) out[i] = in[i] * factor[row];
        });
        return y;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0], &scale = saved[1];
        if (at::GradMode::is_enabled() || !is_plain(gradients[0])) {  // derivatives of the derivative
            const auto gradient = gradients[0];
            auto of_scale = (gradient * x).sum({2, 3});
            if (scale.size(0) == 1) of_scale = of_scale.sum({0}, true);
            return {composed(gradient, scale), of_scale};
        }
        const auto wants_x = context->needs_input_grad(0), wants_scale = context->needs_input_grad(1);
        auto of_x = wants_x ? detail::pooled_empty(x.sizes()) : at::Tensor();
        auto sums = wants_scale ? at::empty({x.size(0), x.size(1)}, x.options()) : at::Tensor();
        scale_gradients(x, scale, gradients[0], wants_x ? of_x.mutable_data_ptr<float>() : nullptr,
                        wants_scale ? sums.mutable_data_ptr<float>() : nullptr);
        if (!wants_scale) return {of_x, {}};
        return {of_x, scale.size(0) == 1 ? sums.sum({0}, true) : sums};
    }
};

}  // namespace

void scale_gradients(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& gradient, float* of_x,
                     float* of_scale) {
    const auto factors = scale.expand({x.size(0), -1}).contiguous();
    const auto *in = x.const_data_ptr<float>(), *from = gradient.const_data_ptr<float>(),
               *factor = factors.const_data_ptr<float>();
    const auto length = x.size(2) * x.size(3);
    for_each_row(x.size(0) * x.size(1), length, [&](std::int64_t row, std::int64_t first) {
        if (of_scale) of_scale[row] = lane_sum(first, first + length, [&](std::int64_t i) { return from[i] * in[i]; });
        if (!of_x) return;
#pragma GCC ivdep  // each element is read before it is written, wherever it lies
        for (auto i = first; i < first + length; ++i) of_x[i] = from[i] * factor[row];
    });
}

at::Tensor channel_scale(const at::Tensor& x, const at::Tensor& scale) {
    if (is_plain(x) && scale.scalar_type() == at::kFloat) return ChannelScale::apply(x, scale);
    return composed(x, scale);
}

}  // namespace cameo::ops
