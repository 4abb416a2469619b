// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/cameras.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/mesh.hpp>
#include <cameo/core/splats.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/ops/splatting.hpp>
#include <cameo/pipeline/head_mesh.hpp>

namespace cameo {

/// Flat Gaussians spread evenly over a mesh, with its normals and colours (grey without): where a fit begins.
/// Shapes   returns `count` of them, float32
/// Errors   invalid_argument: check(mesh), a mesh without triangles, a count below 1
[[nodiscard]] CAMEO_API SplatTensors splats_on(const Mesh& mesh, std::int64_t count, std::uint64_t seed = 0);

struct SplatFitOptions {
    std::int64_t steps = 400;
    Vector3 background{};
    double spacing = 0.01;  ///< between neighbouring Gaussians, world units: the measure of their steps
};

/// Gaussians changed until they look like pictures, by Adam on the squared error, a picture a step.
/// Shapes   pictures [N, 3, H, W] in [0, 1], N cameras
/// Errors   shape_mismatch; those of ops::splat(); cancelled
/// Threads  as ops::splat(): equal arguments give equal bits
[[nodiscard]] CAMEO_API SplatTensors fit_splats(const SplatTensors& start, const at::Tensor& pictures,
                                                const Cameras& cameras, const SplatFitOptions& options,
                                                const Context& context);

struct HeadSplatsOptions {
    std::int64_t count = 20'000;  ///< Gaussians
    std::int64_t steps = 400, views = 48;
    double yaw = 60.0, pitch = 25.0;  ///< views are spread so far to each side, in degrees
    std::uint64_t seed = 0;           ///< of where views and Gaussians fall
    HeadMeshOptions surface{.side = 128, .all_parts = true};
};

struct HeadSplats {
    GaussianSplats splats;
    /// In dB, against the model's raw image over 16 views that the fit did not see; blurred as little as in the fit.
    double psnr = 0.0;
};

/// The head as Gaussians, fitted to the model's own raw images.
/// Errors   those of head_mesh()
[[nodiscard]] CAMEO_API HeadSplats head_splats(const Eg3d& model, const Eg3d::Scene& scene,
                                               const HeadSplatsOptions& options, const Context& context);

/// In host memory and back. Shapes: float32
[[nodiscard]] CAMEO_API GaussianSplats to_splats(const SplatTensors& tensors);

}  // namespace cameo
