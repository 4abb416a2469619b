// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/context.hpp>
#include <cameo/generate/eg3d.hpp>

namespace cameo {

/// A focal length that shows the whole box.
inline constexpr double box_focal = 2.7;

/// The model's raw images of these views, one by one, without jitter.
/// Shapes   returns [N, 3, side, side], float32 on the CPU. Units: [0, 1], not clamped
[[nodiscard]] at::Tensor raw_views(const Eg3d& model, const Eg3d::Scene& scene, std::span<const Camera> views,
                                   std::int64_t side, const Context& context);

}  // namespace cameo
