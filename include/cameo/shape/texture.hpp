// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include <cameo/core/camera.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/core/mesh.hpp>

namespace cameo {

/// A picture of a mesh and where it was taken from. Units: srgb8, three channels
struct TextureView {
    Camera camera;
    Image picture;
};

/// The base colour of a mesh with uv, from pictures of it: each texel takes from every view that sees it, the more the
/// straighter it is seen and the farther it is from an edge behind which something else is; where nothing sees it, from
/// the colours of the vertices (grey without). Both sides of a seam are the same place in space and get the same
/// colour. Texels without a triangle take the nearest one's that has one.
/// Shapes   returns size x size, srgb8, three channels
/// Errors   invalid_argument: check(mesh), no uv, no normals, a size outside 8 to 8 192, a picture of another format,
///          check(camera); cancelled
/// Threads  works on all threads of parallel_for; the bits do not depend on their number
[[nodiscard]] CAMEO_API Image baked_texture(const Mesh& mesh, std::span<const TextureView> views, std::int64_t size,
                                            const Context& context = {});

}  // namespace cameo
