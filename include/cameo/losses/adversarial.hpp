// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::losses {

/// The non-saturating losses of logits [N, 1]: softplus(-logits) is small for what looks real, softplus(logits) for what
/// does not.
/// Source   Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014
[[nodiscard]] CAMEO_API at::Tensor should_look_real(const at::Tensor& logits);
[[nodiscard]] CAMEO_API at::Tensor should_look_fake(const at::Tensor& logits);

/// R1: the squared gradient of each picture's logit, all its pictures together, to be differentiated again.
/// Shapes   logits [N, 1]; pictures [N, ...], each with requires_grad and part of the logits' graph; returns [N]
/// Source   Mescheder et al., "Which Training Methods for GANs do actually Converge?", ICML 2018
[[nodiscard]] CAMEO_API at::Tensor gradient_penalty(const at::Tensor& logits, const std::vector<at::Tensor>& pictures);

/// Pictures blurred by taps 2^(-(k / sigma)^2), k from -floor(3 sigma) to floor(3 sigma); unchanged where that is 0.
/// Shapes   picture [N, C, H, W]. Units: sigma in pixels, 0 or more
/// Quirk    not a Gaussian's usual width: its deviation is 0.849 sigma; outside the picture is zero
[[nodiscard]] CAMEO_API at::Tensor blurred(const at::Tensor& picture, double sigma);

}  // namespace cameo::losses
