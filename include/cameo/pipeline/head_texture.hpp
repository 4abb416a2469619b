// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/core/mesh.hpp>
#include <cameo/generate/eg3d.hpp>

namespace cameo {

struct HeadTextureOptions {
    std::int64_t size = 1024;    ///< of the square texture
    std::int64_t view_side = 0;  ///< of the pictures that it is made of; 0: twice the model's raw image, 192 to 384
};

struct TexturedMesh {
    Mesh mesh;  ///< with uv, its vertices doubled along seams
    Image base_colour;
};

/// A head's mesh with its colours as a texture, baked from the model's raw images of it from all around, which are
/// consistent with each other as upsampled ones are not.
/// Errors   those of with_atlas() and baked_texture(); out_of_memory; cancelled
[[nodiscard]] CAMEO_API TexturedMesh textured_head(const Eg3d& model, const Eg3d::Scene& scene, const Mesh& mesh,
                                                   const HeadTextureOptions& options, const Context& context);

}  // namespace cameo
