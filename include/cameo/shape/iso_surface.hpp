// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/mesh.hpp>
#include <cameo/shape/density_grid.hpp>

namespace cameo {

/// The surface where the density passes `level`, as triangles; what is denser is inside.
/// Every cell of the lattice is cut into six tetrahedra around its diagonal, in which the surface is a piece of a plane:
/// there are no ambiguous cases, neighbours agree, and the result is a manifold without holes wherever the surface does
/// not leave the lattice (see close_border()).
/// Shapes   vertices in the order of the lattice, so equal grids give equal meshes; no normals and colours
/// Errors   invalid_argument: check(grid); a level that is not finite; no surface: the range of the densities is told.
///          out_of_memory: more than 2^32 - 1 vertices; cancelled
/// Source   Doi and Koide, "An efficient method of triangulating equi-valued surfaces by using tetrahedral cells", 1991
[[nodiscard]] CAMEO_API Mesh iso_surface(const DensityGrid& grid, float level, const Context& context = {});

/// The connected part with the most triangles; vertices keep their order.
/// Errors   none for a mesh that passes check()
[[nodiscard]] CAMEO_API Mesh largest_component(const Mesh& mesh);

}  // namespace cameo
