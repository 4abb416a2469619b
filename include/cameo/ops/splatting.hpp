// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/cameras.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// Gaussians in space, as a fit changes them.
/// Shapes   position, log_scale, colour [G, 3], rotation [G, 4], opacity [G]
/// Units    position: world units. log_scale: logarithm of the standard deviation along each own axis, in world units.
///          rotation: a quaternion (w, x, y, z) of any length but 0, own axes to the world's. opacity: logit of what a
///          ray through the middle loses. colour: sRGB, [0, 1] where it makes sense
struct SplatTensors {
    at::Tensor position, log_scale, rotation, opacity, colour;

    [[nodiscard]] std::int64_t count() const { return position.size(0); }
};

namespace ops {

struct SplatOptions {
    std::int64_t width = 64, height = 64;
    Vector3 background{};
    double blur = 0.3;            ///< variance added to every Gaussian in the picture, in square pixels, as viewers do
    double faintest = 1.0 / 255;  ///< what covers less of a pixel is left out
    double densest = 0.99;        ///< no Gaussian covers more of a pixel
};

/// Pictures of Gaussians: each is flattened by the perspective at its middle, and they cover each other from the nearest
/// to the farthest.
/// Shapes   returns [N, 3, height, width]; float32 or float64, on the CPU
/// Errors   shape_mismatch; invalid_argument: sizes or options outside their range; device_unsupported: another device;
///          cancelled
/// Differentiable in the Gaussians, once; cameras are constants. Derivatives leave out that Gaussians overtake each
/// other, and the edges of `faintest` and `densest`
/// Threads  works on all threads of parallel_for; the bits do not depend on their number
/// Source   Zwicker et al., "EWA splatting", 2002; Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field
///          Rendering", 2023
[[nodiscard]] CAMEO_API at::Tensor splat(const SplatTensors& splats, const Cameras& cameras,
                                         const SplatOptions& options, const Context& context = {});

}  // namespace ops
}  // namespace cameo
