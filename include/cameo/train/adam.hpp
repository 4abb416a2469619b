// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/generate/parameters.hpp>

namespace cameo {

struct AdamOptions {
    double learning_rate = 0.002;
    double beta1 = 0.0, beta2 = 0.99;
    double epsilon = 1e-8;

    /// For parameters that a regularisation phase steps besides, every `interval` steps: with ratio =
    /// interval / (interval + 1) the rate times ratio and the betas to its power, so that the two together move and
    /// forget as one phase did.
    /// Source   Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020, appendix B
    [[nodiscard]] CAMEO_API AdamOptions lazily(std::int64_t interval) const;

    friend bool operator==(const AdamOptions&, const AdamOptions&) = default;
};

/// Adam, with its state in named tensors.
/// Source   Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015
/// Quirk    a parameter without a gradient is left alone, its moments and its count of steps included
class CAMEO_API Adam {
  public:
    Adam(NamedTensors parameters, const AdamOptions& options);

    void clear_gradients();

    /// Follows the gradients with `rate` times the learning rate, after replacing what is not finite in them: NaN by 0,
    /// infinities by +-1e5.
    void step(double rate = 1.0);

    /// The moments under "first.NAME" and "second.NAME", and the counts of steps as "steps": shared memory, so that
    /// copying into them restores the optimiser.
    [[nodiscard]] NamedTensors state() const;

    [[nodiscard]] const NamedTensors& parameters() const noexcept { return parameters_; }
    [[nodiscard]] const AdamOptions& options() const noexcept { return options_; }

  private:
    NamedTensors parameters_;
    AdamOptions options_;
    std::vector<at::Tensor> first_, second_, step_;
    at::Tensor steps_;  // [P] float32; step_ are its elements
};

}  // namespace cameo
