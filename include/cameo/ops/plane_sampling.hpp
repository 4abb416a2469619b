// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <ATen/core/Tensor.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// Three matrices whose rows are a plane's axes: its two coordinates are the first two of point * inverse(matrix).
using PlaneAxes = std::array<Matrix3, 3>;

/// Planes (x, y), (x, z) and (z, x), as in every published checkpoint.
/// Quirk    the third plane is the second one transposed; none spans y and z
inline constexpr PlaneAxes official_plane_axes{
    {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {1, 0, 0, 0, 0, 1, 0, 1, 0}, {0, 0, 1, 1, 0, 0, 0, 1, 0}}};

/// Planes (x, y), (x, z) and (z, y), the authors' correction; some derived models use it.
inline constexpr PlaneAxes corrected_plane_axes{
    {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {1, 0, 0, 0, 0, 1, 0, 1, 0}, {0, 0, 1, 0, 1, 0, 1, 0, 0}}};

namespace ops {

/// Each plane's features at the points' projections: bilinear between texel centres, zero outside.
/// Shapes   planes [P, 3, C, H, W], points [N, M, 3] with P = N or P = 1; returns [N, 3, M, C]
/// Units    points: world units; the cube of side `box_side` about the origin covers the planes
/// Errors   shape_mismatch; invalid_argument: a side that is not positive, axes that are singular
/// Differentiable in planes and points, once; a second time is refused by LibTorch
[[nodiscard]] CAMEO_API at::Tensor sample_planes(const at::Tensor& planes, const at::Tensor& points,
                                                 const PlaneAxes& axes, double box_side);

/// The mean over the three planes of the same, [N, M, C], without ever holding all three.
[[nodiscard]] CAMEO_API at::Tensor sample_planes_mean(const at::Tensor& planes, const at::Tensor& points,
                                                      const PlaneAxes& axes, double box_side);

}  // namespace ops
}  // namespace cameo
