// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/simplify.hpp>

#include <cstdint>
#include <limits>
#include <vector>

#include <meshoptimizer.h>

namespace cameo {

Mesh simplified(const Mesh& mesh, std::size_t triangles) {
    check(mesh);
    if (mesh.triangles.size() <= triangles) return mesh;
    std::vector<unsigned> indices;
    indices.reserve(3 * mesh.triangles.size());
    for (const auto& triangle : mesh.triangles) indices.insert(indices.end(), triangle.begin(), triangle.end());
    std::vector<unsigned> fewer(indices.size());
    constexpr float any_error = std::numeric_limits<float>::max();
    fewer.resize(meshopt_simplify(fewer.data(), indices.data(), indices.size(), mesh.positions.front().data(),
                                  mesh.positions.size(), sizeof(mesh.positions.front()), 3 * triangles, any_error, 0,
                                  nullptr));

    Mesh result;
    result.metres_per_unit = mesh.metres_per_unit;
    constexpr auto none = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> place(mesh.positions.size(), none);
    for (const auto old : fewer) place[old] = 0;
    for (std::size_t i = 0; i < place.size(); ++i) {
        if (place[i] == none) continue;
        place[i] = static_cast<std::uint32_t>(result.positions.size());
        result.positions.push_back(mesh.positions[i]);
        if (!mesh.colours.empty()) result.colours.push_back(mesh.colours[i]);
        if (!mesh.uv.empty()) result.uv.push_back(mesh.uv[i]);
    }
    for (std::size_t i = 0; i < fewer.size(); i += 3)
        result.triangles.push_back({place[fewer[i]], place[fewer[i + 1]], place[fewer[i + 2]]});
    if (!mesh.normals.empty()) result.normals = vertex_normals(result);
    return result;
}

}  // namespace cameo
