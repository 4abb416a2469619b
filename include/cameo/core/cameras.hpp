// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// A batch of cameras, as tensors that gradients flow through.
/// Shapes   world_from_camera [N, 4, 4], intrinsics [N, 3, 3]; one floating point type, one device
/// Units    as Camera
/// Quirk    a value whose tensors share memory with those it was made of, as tensors do
struct CAMEO_API Cameras {
    at::Tensor world_from_camera, intrinsics;

    [[nodiscard]] std::int64_t size() const { return world_from_camera.size(0); }
    [[nodiscard]] at::TensorOptions options() const { return world_from_camera.options(); }

    /// On another device or in another floating point type.
    [[nodiscard]] Cameras to(const at::TensorOptions& options) const;

    /// Cameras first to first + count - 1. Errors: invalid_argument: outside the batch
    [[nodiscard]] Cameras slice(std::int64_t first, std::int64_t count) const;
};

/// Checks shapes, type and device; looks at no number, so it never waits for a GPU. For numbers: check(to_cameras(..)).
/// Errors   shape_mismatch; invalid_argument: another type, two types or two devices
CAMEO_API void check(const Cameras& cameras);

/// From camera labels and back, differentiable both ways.
/// Shapes   labels [N, 25]
/// Errors   shape_mismatch; invalid_argument: labels that are not floating point
[[nodiscard]] CAMEO_API Cameras cameras_from_labels(const at::Tensor& labels);
[[nodiscard]] CAMEO_API at::Tensor labels(const Cameras& cameras);

/// From plain cameras, each of which passes check(), and back: rounded to the type of `options`; the way back copies to
/// the host. Errors: those of check(), naming the camera's index
[[nodiscard]] CAMEO_API Cameras cameras(std::span<const Camera> cameras, const at::TensorOptions& options = {});
[[nodiscard]] CAMEO_API std::vector<Camera> to_cameras(const Cameras& cameras);

}  // namespace cameo
