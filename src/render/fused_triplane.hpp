// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <cameo/render/fused_triplane_renderer.hpp>

#include "kernels/triplane_kernels.hpp"

namespace cameo::detail {

/// The arithmetic that this machine can do, the fastest first.
[[nodiscard]] const std::vector<const kernels::TriplaneKernels*>& usable_triplane_kernels();

/// render_triplane() with a choice. `spent` [N, R, 2] int32, if there is one, gets how many samples of each ray were decoded
/// and how many got a colour.
[[nodiscard]] RayFeatures render_triplane(const TriplaneField& field, const RayBundle& rays, const TriplaneDraws& draws,
                                          double density_bias, const Context& context,
                                          const kernels::TriplaneKernels& kernels, const TriplaneSavings& savings = {},
                                          at::Tensor* spent = nullptr);

/// triplane_density() with a choice.
void triplane_density(const TriplaneField& field, std::int64_t count, const TriplanePoints& points, float* out,
                      const Context& context, const kernels::TriplaneKernels& kernels);

}  // namespace cameo::detail
