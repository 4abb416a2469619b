// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/mesh.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

using Corner = std::array<double, 3>;

Corner corner(const Mesh& mesh, std::uint32_t index) {
    const auto& p = mesh.positions[index];
    return {p[0], p[1], p[2]};
}

Corner difference(const Corner& a, const Corner& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

Corner cross(const Corner& a, const Corner& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Corner& a, const Corner& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

[[noreturn]] void refuse(std::string_view subject, const std::string& what) {
    throw Error(Errc::invalid_argument, std::string(subject) + ": " + what);
}

/// Every element of one attribute, which has one for each vertex or none.
template <class Elements, class Passes>
void check_attribute(std::string_view subject, std::string_view part, const Elements& elements, std::size_t vertices,
                     std::string_view expectation, Passes&& passes) {
    if (!elements.empty() && elements.size() != vertices)
        refuse(subject, "expected " + std::string(part) + " for " + std::to_string(vertices) + " vertices, got " +
                            std::to_string(elements.size()));
    const auto place = std::ranges::find_if_not(elements, passes);
    if (place != elements.end())
        refuse(subject, "expected " + std::string(part) + " " + std::string(expectation) + ", got another at index " +
                            std::to_string(place - elements.begin()));
}

}  // namespace

void check(const Mesh& mesh, std::string_view subject) {
    const auto vertices = mesh.positions.size();
    const auto finite = [](const auto& element) {
        return std::ranges::all_of(element, [](float value) { return std::isfinite(value); });
    };
    check_attribute(subject, "positions", mesh.positions, vertices, "to be finite", finite);
    check_attribute(subject, "uv", mesh.uv, vertices, "to be finite", finite);
    check_attribute(subject, "normals", mesh.normals, vertices, "of length 1", [](const auto& n) {
        return std::abs(std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) - 1) <= 1e-3F;
    });
    check_attribute(subject, "colours", mesh.colours, vertices, "in [0, 1]", [](const auto& colour) {
        return std::ranges::all_of(colour, [](float value) { return value >= 0 && value <= 1; });
    });
    for (std::size_t i = 0; i < mesh.triangles.size(); ++i) {
        const auto& [a, b, c] = mesh.triangles[i];
        if (std::max({a, b, c}) >= vertices)
            refuse(subject, "expected indices below " + std::to_string(vertices) + ", got " +
                                std::to_string(std::max({a, b, c})) + " in triangle " + std::to_string(i));
        if (a == b || b == c || c == a)
            refuse(subject, "expected three vertices, got one twice in triangle " + std::to_string(i));
    }
    if (!(mesh.metres_per_unit > 0) || !std::isfinite(mesh.metres_per_unit))
        refuse(subject, "expected a scale above 0 metres per unit, got " + std::to_string(mesh.metres_per_unit));
}

bool is_watertight(const Mesh& mesh) {
    using Edge = std::pair<std::uint32_t, std::uint32_t>;
    std::vector<Edge> edges;
    edges.reserve(3 * mesh.triangles.size());
    for (const auto& [a, b, c] : mesh.triangles) edges.insert(edges.end(), {{a, b}, {b, c}, {c, a}});
    std::ranges::sort(edges);
    if (std::ranges::adjacent_find(edges) != edges.end()) return false;
    return std::ranges::all_of(edges, [&](const Edge& edge) {
        return std::ranges::binary_search(edges, Edge{edge.second, edge.first});
    });
}

double signed_volume(const Mesh& mesh) noexcept {
    double six_volumes = 0;
    for (const auto& [a, b, c] : mesh.triangles)
        six_volumes += dot(corner(mesh, a), cross(corner(mesh, b), corner(mesh, c)));
    return six_volumes / 6;
}

std::vector<std::array<float, 3>> vertex_normals(const Mesh& mesh) {
    std::vector<Corner> sums(mesh.positions.size(), Corner{});
    for (const auto& triangle : mesh.triangles) {
        const auto a = corner(mesh, triangle[0]);
        const auto area = cross(difference(corner(mesh, triangle[1]), a), difference(corner(mesh, triangle[2]), a));
        for (const auto index : triangle)
            for (std::size_t i = 0; i < 3; ++i) sums[index][i] += area[i];
    }
    std::vector<std::array<float, 3>> normals(sums.size());
    std::ranges::transform(sums, normals.begin(), [](const Corner& sum) -> std::array<float, 3> {
        const auto length = std::sqrt(dot(sum, sum));
        if (!(length > 0)) return {0, 0, 1};
        return {static_cast<float>(sum[0] / length), static_cast<float>(sum[1] / length),
                static_cast<float>(sum[2] / length)};
    });
    return normals;
}

}  // namespace cameo
