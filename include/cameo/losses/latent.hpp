// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/generate/parameters.hpp>

namespace cameo::losses {

/// How far latents are from a mean: the root of the sum of squares of each, averaged over the batch.
/// Shapes   ws [N, L, D]; mean [D] or [L, D]; returns a scalar
/// Source   the w-norm of Richardson et al., "Encoding in Style", CVPR 2021
[[nodiscard]] CAMEO_API at::Tensor latent_distance(const at::Tensor& ws, const at::Tensor& mean);

/// How far the rows of latents are from their first row: lengths, averaged over the batch, summed over the rows.
/// Source   the delta loss of Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", SIGGRAPH 2021
[[nodiscard]] CAMEO_API at::Tensor latent_spread(const at::Tensor& ws);

/// How much pictures of noise resemble themselves moved by a pixel, at every scale down to 8 pixels: 0 at best, what
/// keeps noise from drawing the picture.
/// Shapes   noise: any number of [R, R], R a power of two; returns a scalar
/// Source   Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020, appendix D
[[nodiscard]] CAMEO_API at::Tensor noise_correlation(const NamedTensors& noise);

}  // namespace cameo::losses
