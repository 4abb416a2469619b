// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/iso_surface.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

/// Corners of a cell by the bits x = 4, y = 2, z = 1. Each tetrahedron walks from corner 0 to corner 7 along the axes in
/// one of their orders; where that order is an odd permutation two corners are swapped, so that all are of one hand.
constexpr std::array<std::array<int, 4>, 6> tetrahedra{
    {{0, 4, 6, 7}, {0, 2, 3, 7}, {0, 1, 5, 7}, {0, 6, 2, 7}, {0, 5, 4, 7}, {0, 3, 1, 7}}};

/// Vertices on the lattice's edges and diagonals: each belongs to its lower end and one of seven directions, and only
/// those that begin on two neighbouring layers can be met again.
class VertexLayers {
  public:
    VertexLayers(const DensityGrid& grid, float level, Mesh& mesh)
        : grid_(grid),
          level_(level),
          mesh_(mesh),
          layer_size_(static_cast<std::size_t>(grid.sides[1] * grid.sides[2]) * 7) {
        for (auto& layer : layers_) layer.assign(layer_size_, none);
    }

    /// From now on cells between x and x + 1.
    void advance() {
        std::swap(layers_[0], layers_[1]);
        std::ranges::fill(layers_[1], none);
    }

    /// The vertex between two corners of the cell whose lowest corner is (x, y, z).
    std::uint32_t between(const std::array<std::int64_t, 3>& cell, int a, int b) {
        if (a > b) std::swap(a, b);  // corner bits of an edge's lower end are a subset of the upper end's
        const std::array low{cell[0] + (a >> 2 & 1), cell[1] + (a >> 1 & 1), cell[2] + (a & 1)};
        const auto direction = a ^ b;
        auto& index = layers_[static_cast<std::size_t>(a >> 2 & 1)]
                             [static_cast<std::size_t>((low[1] * grid_.sides[2] + low[2]) * 7 + direction - 1)];
        if (index == none) index = made(low, direction);
        return index;
    }

  private:
    std::uint32_t made(const std::array<std::int64_t, 3>& low, int direction) {
        if (mesh_.positions.size() >= none)
            throw Error(Errc::out_of_memory, "iso-surface: expected fewer than 2^32 - 1 vertices, got more");
        const std::array along{direction >> 2 & 1, direction >> 1 & 1, direction & 1};
        const double at = grid_.at(low[0], low[1], low[2]);
        const double to = grid_.at(low[0] + along[0], low[1] + along[1], low[2] + along[2]);
        // Away from the ends, where triangles would lose their area.
        const auto t = std::clamp((level_ - at) / (to - at), 1e-3, 1 - 1e-3);
        std::array<float, 3> position{};
        for (std::size_t i = 0; i < 3; ++i)
            position[i] =
                static_cast<float>(grid_.origin[i] + grid_.step * (static_cast<double>(low[i]) + t * along[i]));
        mesh_.positions.push_back(position);
        return static_cast<std::uint32_t>(mesh_.positions.size() - 1);
    }

    const DensityGrid& grid_;
    double level_;
    Mesh& mesh_;
    std::size_t layer_size_;
    std::array<std::vector<std::uint32_t>, 2> layers_;
};

/// The triangles of one tetrahedron: corners `inside` first, in an order of the tetrahedron's own hand.
template <class Vertex>
void cut(const std::array<int, 4>& corners, int inside, const Vertex& vertex, Mesh& mesh) {
    // Even permutations that bring the corners whose bits are set to the front.
    static constexpr std::array<std::array<int, 4>, 16> orders{{{0, 1, 2, 3},
                                                                {0, 1, 2, 3},
                                                                {1, 0, 3, 2},
                                                                {0, 1, 2, 3},
                                                                {2, 0, 1, 3},
                                                                {0, 2, 3, 1},
                                                                {1, 2, 0, 3},
                                                                {0, 1, 2, 3},
                                                                {3, 0, 2, 1},
                                                                {0, 3, 1, 2},
                                                                {1, 3, 2, 0},
                                                                {0, 3, 1, 2},
                                                                {2, 3, 0, 1},
                                                                {0, 2, 3, 1},
                                                                {1, 3, 2, 0},
                                                                {0, 1, 2, 3}}};
    const auto add = [&](std::uint32_t a, std::uint32_t b, std::uint32_t c) { mesh.triangles.push_back({a, b, c}); };
    const auto count = std::popcount(static_cast<unsigned>(inside));
    // One corner outside is as one inside, seen from the other side.
    const auto& order = orders[static_cast<std::size_t>(count == 3 ? 15 ^ inside : inside)];
    const auto corner = [&](std::size_t n) { return corners[static_cast<std::size_t>(order[n])]; };
    const auto i = corner(0), j = corner(1), k = corner(2), l = corner(3);
    if (count != 2) {
        const auto ij = vertex(i, j), first = vertex(i, count == 1 ? k : l), second = vertex(i, count == 1 ? l : k);
        add(ij, first, second);
        return;
    }
    const auto ik = vertex(i, k), il = vertex(i, l), jl = vertex(j, l), jk = vertex(j, k);
    add(ik, il, jl);
    add(ik, jl, jk);
}

}  // namespace

Mesh iso_surface(const DensityGrid& grid, float level, const Context& context) {
    check(grid);
    if (!std::isfinite(level))
        throw Error(Errc::invalid_argument, "iso-surface: expected a finite level, got " + std::to_string(level));
    Mesh mesh;
    VertexLayers vertices(grid, level, mesh);
    for (std::int64_t x = 0; x + 1 < grid.sides[0]; ++x) {
        context.report("surface", x, grid.sides[0] - 1);
        if (x > 0) vertices.advance();
        for (std::int64_t y = 0; y + 1 < grid.sides[1]; ++y)
            for (std::int64_t z = 0; z + 1 < grid.sides[2]; ++z) {
                int above = 0;
                for (int corner = 0; corner < 8; ++corner)
                    above |= (grid.at(x + (corner >> 2 & 1), y + (corner >> 1 & 1), z + (corner & 1)) > level ? 1 : 0)
                             << corner;
                if (above == 0 || above == 255) continue;
                const std::array cell{x, y, z};
                for (const auto& corners : tetrahedra) {
                    int inside = 0;
                    for (int i = 0; i < 4; ++i) inside |= (above >> corners[static_cast<std::size_t>(i)] & 1) << i;
                    if (inside == 0 || inside == 15) continue;
                    cut(
                        corners, inside, [&](int a, int b) { return vertices.between(cell, a, b); }, mesh);
                }
            }
    }
    if (mesh.triangles.empty()) {
        const auto [low, high] = std::ranges::minmax(grid.values);
        throw Error(Errc::invalid_argument, "iso-surface: expected a level between " + std::to_string(low) + " and " +
                                                std::to_string(high) + ", got " + std::to_string(level) +
                                                ": no surface there");
    }
    context.report("surface", grid.sides[0] - 1, grid.sides[0] - 1);
    return mesh;
}

Mesh largest_component(const Mesh& mesh) {
    std::vector<std::uint32_t> parent(mesh.positions.size());
    std::iota(parent.begin(), parent.end(), 0U);
    const auto root = [&](std::uint32_t v) {
        while (parent[v] != v) v = parent[v] = parent[parent[v]];
        return v;
    };
    for (const auto& [a, b, c] : mesh.triangles) {
        const auto first = root(a);
        parent[root(b)] = first;
        parent[root(c)] = root(first);
    }
    std::vector<std::uint32_t> triangles(mesh.positions.size(), 0);
    for (const auto& triangle : mesh.triangles) ++triangles[root(triangle[0])];
    const auto largest = static_cast<std::uint32_t>(std::ranges::max_element(triangles) - triangles.begin());

    Mesh part;
    part.metres_per_unit = mesh.metres_per_unit;
    std::vector<std::uint32_t> place(mesh.positions.size(), none);
    const auto keep = [](auto& to, const auto& from, std::size_t i) {
        if (!from.empty()) to.push_back(from[i]);
    };
    for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
        if (root(static_cast<std::uint32_t>(i)) != largest) continue;
        place[i] = static_cast<std::uint32_t>(part.positions.size());
        keep(part.positions, mesh.positions, i);
        keep(part.normals, mesh.normals, i);
        keep(part.colours, mesh.colours, i);
        keep(part.uv, mesh.uv, i);
    }
    for (const auto& [a, b, c] : mesh.triangles)
        if (place[a] != none) part.triangles.push_back({place[a], place[b], place[c]});
    return part;
}

}  // namespace cameo
