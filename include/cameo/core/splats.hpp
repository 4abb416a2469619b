// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>
#include <cameo/core/mesh.hpp>

namespace cameo {

/// Gaussians in host memory that together look like a head.
/// Shapes   all as long as positions
/// Units    positions and axes as in Mesh. log_scales: logarithms of the standard deviations along each own axis, world
///          units. rotations: quaternions (w, x, y, z) from own axes to the world's, any length but 0. opacities: logits
///          of what a ray through the middle loses. colours: sRGB, in [0, 1] where it makes sense
struct GaussianSplats {
    std::vector<std::array<float, 3>> positions, log_scales, colours;
    std::vector<std::array<float, 4>> rotations;
    std::vector<float> opacities;
    double metres_per_unit = default_metres_per_unit;

    friend bool operator==(const GaussianSplats&, const GaussianSplats&) = default;
};

/// Passes when the counts agree, every number is finite, no rotation is 0 and the scale is above 0.
/// Errors   invalid_argument: naming the part and its index
CAMEO_API void check(const GaussianSplats& splats, std::string_view subject = "splats");

}  // namespace cameo
