// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/uv_atlas.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include <cameo/shape/iso_surface.hpp>

#include "grids.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;

namespace {

double distance_to_ball(double x, double y, double z) { return 0.35 - std::sqrt(x * x + y * y + z * z); }

/// Lies over itself from every side but two, and from those its hole is free.
double distance_to_ring(double x, double y, double z) {
    const auto round = std::sqrt(x * x + y * y) - 0.3;
    return 0.12 - std::sqrt(round * round + z * z);
}

Mesh surface(double (*shape)(double, double, double), std::int64_t side) {
    auto mesh = iso_surface(support::sampled_grid(side, 1.0, shape), 0.0F);
    mesh.normals = vertex_normals(mesh);
    mesh.colours.assign(mesh.positions.size(), {0.5F, 0.25F, 1});
    return mesh;
}

/// The number of the chart that each triangle belongs to: those that share a vertex after the cut.
std::vector<std::uint32_t> charts_of(const Mesh& mesh) {
    std::vector<std::uint32_t> parent(mesh.positions.size());
    std::iota(parent.begin(), parent.end(), 0U);
    const auto root = [&](std::uint32_t v) {
        while (parent[v] != v) v = parent[v] = parent[parent[v]];
        return v;
    };
    for (const auto& [a, b, c] : mesh.triangles) {
        parent[root(b)] = root(a);
        parent[root(c)] = root(a);
    }
    std::vector<std::uint32_t> charts;
    for (const auto& triangle : mesh.triangles) charts.push_back(root(triangle[0]));
    return charts;
}

/// Whether a place is inside a triangle by more than rounding.
bool well_inside(const std::array<std::array<double, 2>, 3>& p, double x, double y) {
    double least = 1, area = 0;
    std::array<double, 3> edge{};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& a = p[(i + 1) % 3];
        const auto& b = p[(i + 2) % 3];
        edge[i] = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
        area += edge[i];
    }
    for (const auto e : edge) least = std::min(least, e / area);
    return least > 1e-3;
}

}  // namespace

TEST_CASE("an atlas keeps the mesh and gives every triangle a place of its own", "[shape][atlas]") {
    const auto [shape, side, size] = GENERATE(table<double (*)(double, double, double), std::int64_t, std::int64_t>(
        {{distance_to_ball, 20, 128}, {distance_to_ring, 33, 256}, {distance_to_ring, 17, 512}}));
    const auto mesh = surface(shape, side);
    const AtlasOptions options{.size = size, .gutter = 2};
    const auto out = with_atlas(mesh, options);
    CHECK_NOTHROW(check(out));
    REQUIRE(out.uv.size() == out.positions.size());
    REQUIRE(out.triangles.size() == mesh.triangles.size());
    for (std::size_t t = 0; t < mesh.triangles.size(); ++t)
        for (std::size_t i = 0; i < 3; ++i) {
            REQUIRE(out.positions[out.triangles[t][i]] == mesh.positions[mesh.triangles[t][i]]);
            REQUIRE(out.normals[out.triangles[t][i]] == mesh.normals[mesh.triangles[t][i]]);
            REQUIRE(out.colours[out.triangles[t][i]] == mesh.colours[mesh.triangles[t][i]]);
        }
    for (const auto& [u, v] : out.uv) REQUIRE((u > 0 && u < 1 && v > 0 && v < 1));

    constexpr auto nobody = std::uint32_t(-1);
    const auto charts = charts_of(out);
    std::vector<std::uint32_t> owner(static_cast<std::size_t>(size * size), nobody);
    std::size_t twice = 0, covered = 0;
    double area = 0;
    for (std::size_t t = 0; t < out.triangles.size(); ++t) {
        std::array<std::array<double, 2>, 3> p;
        for (std::size_t i = 0; i < 3; ++i)
            for (std::size_t k = 0; k < 2; ++k)
                p[i][k] = double{out.uv[out.triangles[t][i]][k]} * static_cast<double>(size);
        area += std::abs((p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[1][1] - p[0][1]) * (p[2][0] - p[0][0])) / 2;
        const auto [xl, xh] = std::minmax({p[0][0], p[1][0], p[2][0]});
        const auto [yl, yh] = std::minmax({p[0][1], p[1][1], p[2][1]});
        for (auto y = static_cast<std::int64_t>(yl); y < std::min(static_cast<std::int64_t>(yh) + 1, size); ++y)
            for (auto x = static_cast<std::int64_t>(xl); x < std::min(static_cast<std::int64_t>(xh) + 1, size); ++x) {
                if (!well_inside(p, static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5)) continue;
                auto& who = owner[static_cast<std::size_t>(y * size + x)];
                twice += who != nobody ? 1 : 0;
                who = charts[t];
                ++covered;
            }
    }
    CHECK(twice == 0);
    CHECK(covered > static_cast<std::size_t>(size * size) / 5);  // not wasted
    CHECK(area < static_cast<double>(size * size));
    std::size_t close = 0;
    for (std::int64_t y = 0; y < size; ++y)
        for (std::int64_t x = 0; x < size; ++x) {
            const auto own = owner[static_cast<std::size_t>(y * size + x)];
            if (own == nobody) continue;
            for (auto ny = std::max<std::int64_t>(y - 2, 0); ny <= std::min(y + 2, size - 1); ++ny)
                for (auto nx = std::max<std::int64_t>(x - 2, 0); nx <= std::min(x + 2, size - 1); ++nx) {
                    const auto other = owner[static_cast<std::size_t>(ny * size + nx)];
                    close += other != nobody && other != own ? 1 : 0;
                }
        }
    CHECK(close == 0);
}

TEST_CASE("atlases are the same each time, and what has no room is refused", "[shape][atlas]") {
    const auto mesh = surface(distance_to_ball, 12);
    CHECK((with_atlas(mesh, {.size = 128}) == with_atlas(mesh, {.size = 128})));
    CHECK_THROWS_MATCHES(with_atlas({}, {}), Error, support::is_error(Errc::invalid_argument, "triangles"));
    CHECK_THROWS_MATCHES(with_atlas(mesh, {.size = 16}), Error,
                         support::is_error(Errc::invalid_argument, "32 to 8192"));
    CHECK_THROWS_MATCHES(with_atlas(mesh, {.gutter = 0}), Error, support::is_error(Errc::invalid_argument, "gutter"));
    // Hundreds of lone triangles, each a chart.
    Mesh confetti;
    for (std::uint32_t i = 0; i < 400; ++i) {
        const auto x = static_cast<float>(i);
        for (const std::array<float, 3> p : {std::array{x, 0.0F, 0.0F}, {x + 0.5F, 0.0F, 0.0F}, {x, 0.5F, 0.0F}})
            confetti.positions.push_back(p);
        confetti.triangles.push_back({3 * i, 3 * i + 1, 3 * i + 2});
    }
    CHECK_NOTHROW(with_atlas(confetti, {.size = 256}));
    CHECK_THROWS_MATCHES(with_atlas(confetti, {.size = 32, .gutter = 2}), Error,
                         support::is_error(Errc::invalid_argument, "room for all charts"));
}
