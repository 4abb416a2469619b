// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cameo/render/fused_triplane_renderer.hpp>

#include "kernels/module_abi.hpp"

namespace cameo::detail {

/// Whether kernels of the field's device can render it: all in float32 and on one device, a ray of so many samples small
/// enough for a block's memory, and LibTorch not told to be deterministic where gradients are wanted.
[[nodiscard]] bool device_triplane_serves(const TriplaneField& field, const RayBundle& rays, std::int64_t samples,
                                          const cuda::Functions& functions);

/// render_triplane() by a device's kernels. Shapes are checked by the caller.
/// Errors   invalid_argument: axes that are singular; out_of_memory; device_unsupported; cancelled
/// Threads  re-entrant; works on the device's current stream, and does not wait for it
/// Quirk    sums of gradients are added up in any order: their last bits differ from run to run
[[nodiscard]] RayFeatures render_on_device(const TriplaneField& field, const RayBundle& rays,
                                           const TriplaneDraws& draws, double density_bias, const Context& context,
                                           const cuda::Functions& functions);

}  // namespace cameo::detail
