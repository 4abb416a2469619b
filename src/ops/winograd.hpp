// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cameo/ops/bias_act.hpp>

#include "kernels/winograd_kernels.hpp"

namespace cameo::ops {

/// The arithmetic that this machine can do, the fastest first.
[[nodiscard]] const std::vector<const kernels::WinogradKernels*>& usable_winograd_kernels();

/// Weights of 3x3 taps as the kernels read them.
struct WinogradWeights {
    at::Tensor packed;
    std::int64_t outputs = 0, inputs = 0;
    int phases = 1;
};

/// What the weights of a convolution are made ready for.
enum class WinogradUse : std::uint8_t {
    forward,  ///< the convolution
    adjoint,  ///< the gradient of what it is applied to
};

/// Shapes   weight [O, I, 3, 3]; filter [4, 4] for a convolution that doubles the size and filters what comes out,
///          undefined for one that does neither
[[nodiscard]] WinogradWeights winograd_weights(
    const at::Tensor& weight, const at::Tensor& filter, WinogradUse use,
    const kernels::WinogradKernels& kernels = *usable_winograd_kernels().front());

/// Weights made ready, kept as long as the weights stay what they are and nobody learns them.
/// Threads  all functions may be called by several at once
class WinogradCache : public torch::CustomClassHolder {
  public:
    [[nodiscard]] WinogradWeights get(const at::Tensor& weight, const at::Tensor& filter, WinogradUse use);

  private:
    struct Kept {
        at::Tensor weight, filter;
        std::uint32_t version = 0;
        WinogradWeights ready;
    };
    std::mutex mutex_;
    std::optional<Kept> kept_[2];  // for each use
};

/// What is done to inputs and results on their way. All may be undefined.
/// Shapes   scale_in [N or 1, I], scale_out [N or 1, O], noise [H', W'] or [N, 1, H', W'], bias [O]
struct WinogradFinish {
    at::Tensor scale_in{}, scale_out{}, noise{}, bias{};
    std::optional<BiasActOptions> activation{};
};

/// Whether winograd_conv2d() is the faster way: float32 on the CPU, 3x3 taps, pictures that are not small. `doubles`: as
/// with a filter.
[[nodiscard]] bool winograd_serves(const at::Tensor& x, const at::Tensor& weight, bool doubles);

/// act(scale_out * conv(scale_in * x) + noise + bias), without gradients. Shapes: x [N, I, H, W]
[[nodiscard]] at::Tensor winograd_finished(
    const at::Tensor& x, const WinogradWeights& weights, const WinogradFinish& finish,
    const kernels::WinogradKernels& kernels = *usable_winograd_kernels().front());

/// The gradient of the weights of y = scale_out * conv(scale_in * x), from that of y. With a filter the channels of y are
/// its four phases one by one, as at::pixel_unshuffle() gives them: P = 4, else 1.
/// Shapes   gradient [N, P O, H, W], x [N, I, H, W], scale_in [N or 1, I], scale_out [N or 1, P O] or undefined; returns
///          [O, I, 3, 3]
[[nodiscard]] at::Tensor winograd_weight_gradient(
    const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& filter, const at::Tensor& scale_in,
    const at::Tensor& scale_out, const kernels::WinogradKernels& kernels = *usable_winograd_kernels().front());

/// conv2d_resample() with Resample::none, or with a filter Resample::up_2x.
/// Differentiable in x and weight, any number of times; `cache` may be null
[[nodiscard]] at::Tensor winograd_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& filter,
                                         const c10::intrusive_ptr<WinogradCache>& cache);

}  // namespace cameo::ops
