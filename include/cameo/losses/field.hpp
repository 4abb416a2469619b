// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo::losses {

/// The raw density that a surface is given: `scale` times the logit of how far inside a point is. Half way at the
/// surface, steeper the smaller `width`.
struct SurfaceDensity {
    double width = 0.005;  ///< world units
    double scale = 30.0;   ///< raw density at one width's depth
    friend bool operator==(const SurfaceDensity&, const SurfaceDensity&) = default;
};

/// How far raw densities are from a surface's: the cross entropy between inside and outside, 0 at best only far away.
/// Shapes   density, distance [N, M, 1]; returns a scalar
/// Units    distance: signed, negative inside
/// Errors   shape_mismatch
[[nodiscard]] CAMEO_API at::Tensor surface_density(const at::Tensor& density, const at::Tensor& distance,
                                                   const SurfaceDensity& surface);

/// The mean absolute difference of colours where `known` is 1; 0 where it is 1 nowhere.
/// Shapes   feature [N, M, F], F >= 3, its first three are colours; colour [N, M, 3]; known [N, M, 1]
/// Units    colours in [0, 1]
/// Errors   shape_mismatch
[[nodiscard]] CAMEO_API at::Tensor point_colour(const at::Tensor& feature, const at::Tensor& colour,
                                                const at::Tensor& known);

}  // namespace cameo::losses
