// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/core/mesh.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/shape/density_grid.hpp>

namespace cameo {

/// Where densities are taken.
enum class Lattice : std::uint8_t {
    regular,   ///< on a regular grid over the box
    published  ///< where the published programs take them, for files that equal theirs
};

/// Points of a lattice over a cube about the origin, from flat index `first` on.
/// Shapes   [1, count, 3], float32
/// Quirk    the published lattice is sheared by up to a step, since its indices are divided without rounding down, and
///          beyond 2^24 points coarsened by float32
/// Source   spec of EG3D inference, section 8.2
[[nodiscard]] CAMEO_API at::Tensor lattice_points(std::int64_t side, double box_side, Lattice lattice,
                                                  std::int64_t first, std::int64_t count);

/// Raw densities of a field over its box, `side` points along each edge: on the CPU through the fused renderer's
/// kernels, of which colours are left out; elsewhere in pieces that fit the budget.
/// Threads  works on all threads of parallel_for; the bits do not depend on their number
/// Errors   invalid_argument: a side outside 2 to max_grid_side; a field of several scenes; out_of_memory; cancelled
[[nodiscard]] CAMEO_API DensityGrid density_grid(const TriplaneField& field, std::int64_t side, Lattice lattice,
                                                 const Context& context);

/// Layers of each face that the published image program leaves empty: 30 of 256.
[[nodiscard]] CAMEO_API std::int64_t published_border(std::int64_t side);

/// density_grid() of a head with `border` empty layers: what volume files hold.
[[nodiscard]] CAMEO_API DensityGrid head_volume(const Eg3d& model, const Eg3d::Scene& scene, std::int64_t side,
                                                Lattice lattice, std::int64_t border, const Context& context);

/// The density at which this head's surface lies: the median over rays, from three sides, of the density where the
/// rendered depth says that the ray ends.
/// Errors   invalid_argument: no ray meets anything
[[nodiscard]] CAMEO_API float surface_level(const Eg3d& model, const Eg3d::Scene& scene, const Context& context);

struct HeadMeshOptions {
    std::int64_t side = 256;  ///< points along an edge of the box
    Lattice lattice = Lattice::regular;
    std::optional<float> level{};  ///< raw density of the surface; by default surface_level()
    std::int64_t border = 2;       ///< layers of the box's faces that count as empty, so that the mesh closes
    bool all_parts = false;        ///< keep what floats beside the head
    bool colours = true;
};

struct HeadMesh {
    Mesh mesh;  ///< watertight, with normals and, if asked for, colours
    float level = 0.0F;
    std::array<float, 2> range{};  ///< of the densities inside the border
};

/// The head as a mesh.
/// Shapes   ws: one latent
/// Errors   shape_mismatch: several latents; invalid_argument: a level outside the densities, telling their range;
///          out_of_memory; cancelled
[[nodiscard]] CAMEO_API HeadMesh head_mesh(const Eg3d& model, const Eg3d::Scene& scene, const HeadMeshOptions& options,
                                           const Context& context);

}  // namespace cameo
