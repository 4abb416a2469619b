// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <cameo/core/export.hpp>
#include <cameo/core/mesh.hpp>

namespace cameo {

/// The mesh with about `triangles` triangles, as near to its shape as can be; a closed mesh stays closed. Vertices that
/// are left keep their colours and uv; normals are made anew when there were any. Fewer triangles come back unchanged.
/// Errors   invalid_argument: check(mesh)
/// Quirk    stops before the target where every further collapse would change the topology
[[nodiscard]] CAMEO_API Mesh simplified(const Mesh& mesh, std::size_t triangles);

}  // namespace cameo
