// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>

namespace cameo {

/// Meshes are written in metres; one world unit of a head is this many unless told otherwise.
inline constexpr double default_metres_per_unit = 0.37;

/// Triangles in host memory.
/// Shapes   normals, colours and uv are empty or as long as positions; triangles index them
/// Units    positions: world units, axes of the world (right-handed, y up, face to +z). normals: length 1, outwards.
///          colours: sRGB in [0, 1]. uv: [0, 1], (0, 0) the upper left corner of the texture. Triangles run
///          anticlockwise seen from outside
struct Mesh {
    std::vector<std::array<float, 3>> positions, normals, colours;
    std::vector<std::array<float, 2>> uv;
    std::vector<std::array<std::uint32_t, 3>> triangles;
    double metres_per_unit = default_metres_per_unit;

    friend bool operator==(const Mesh&, const Mesh&) = default;
};

/// Passes when the counts agree, every index is in range, no triangle uses a vertex twice, every number is finite,
/// colours are in [0, 1], normals have length 1 (within 1e-3) and the scale is above 0.
/// Errors   invalid_argument: naming the part and its index
CAMEO_API void check(const Mesh& mesh, std::string_view subject = "mesh");

/// Whether every edge belongs to two triangles that run along it in opposite directions: no holes, one orientation.
/// Errors   none for a mesh that passes check()
[[nodiscard]] CAMEO_API bool is_watertight(const Mesh& mesh);

/// The volume inside a watertight mesh, in world units cubed; negative when its triangles face inwards.
[[nodiscard]] CAMEO_API double signed_volume(const Mesh& mesh) noexcept;

/// Normals of the vertices from the triangles around them, weighted by area; a vertex without area gets (0, 0, 1).
[[nodiscard]] CAMEO_API std::vector<std::array<float, 3>> vertex_normals(const Mesh& mesh);

}  // namespace cameo
