// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/mesh.hpp>

namespace cameo {

struct AtlasOptions {
    std::int64_t size = 1024;  ///< of the square texture, 32 to 8 192
    std::int64_t gutter = 3;   ///< texels that stay free around each chart
};

/// The mesh with a place in a texture for every triangle: charts are grown over neighbours that face the same way as
/// long as their flat pictures do not overlap, and packed at one scale, the largest that fits. Triangles keep their
/// order; vertices are doubled along the charts' borders.
/// Shapes   uv as long as positions; no texel's middle lies in two triangles, and middles that lie in triangles of two
///          charts are more than `gutter` apart
/// Errors   invalid_argument: check(mesh), no triangles, options outside their range, more charts than the texture has
///          room for; cancelled
[[nodiscard]] CAMEO_API Mesh with_atlas(const Mesh& mesh, const AtlasOptions& options = {},
                                        const Context& context = {});

}  // namespace cameo
