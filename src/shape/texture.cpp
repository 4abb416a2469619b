// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/texture.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>

#include "shape/texel_triangle.hpp"

namespace cameo {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t depth_side = 512;
constexpr double own_colour = 1e-4;  // weight of the vertices' colours: they count where nothing else does

double dot(const Vector3& a, const Vector3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vector3 as_vector(const std::array<float, 3>& v) { return {v[0], v[1], v[2]}; }

/// How far the mesh is along the camera's z, seen through one view.
class DepthMap {
  public:
    DepthMap(const Mesh& mesh, const Camera& camera)
        : camera_(camera),
          camera_from_world_(inverse(camera.world_from_camera)),
          depth_(depth_side * depth_side, infinity) {
        for (const auto& triangle : mesh.triangles) {
            std::array<std::array<double, 2>, 3> corners;
            std::array<double, 3> inverse_depth{};
            bool before = true;
            for (std::size_t i = 0; i < 3; ++i) {
                const auto point = as_vector(mesh.positions[triangle[i]]);
                const auto place = project(camera, point);
                before = before && place.has_value();
                if (!before) break;
                corners[i] = {(*place)[0] * depth_side, (*place)[1] * depth_side};
                inverse_depth[i] = 1 / along(point);
            }
            if (!before) continue;
            for_texels_in(corners, triangle, depth_side, [&](std::int64_t x, std::int64_t y, const auto& share) {
                const auto z =
                    1 / (share[0] * inverse_depth[0] + share[1] * inverse_depth[1] + share[2] * inverse_depth[2]);
                auto& nearest = depth_[static_cast<std::size_t>(y * depth_side + x)];
                nearest = std::min(nearest, z);
                return true;
            });
        }
    }

    /// 1 where a point is seen, less near an edge, 0 where something is before it or it is outside the picture.
    [[nodiscard]] double visibility(const Vector3& point, const Vector2& place, double tolerance) const {
        const auto x = static_cast<std::int64_t>(std::floor(place[0] * depth_side));
        const auto y = static_cast<std::int64_t>(std::floor(place[1] * depth_side));
        constexpr std::int64_t margin = 4;
        if (x < margin || y < margin || x >= depth_side - margin || y >= depth_side - margin) return 0;
        const auto z = along(point);
        double nearest = infinity;  // a triangle's edge may miss a pixel's middle
        for (std::int64_t dy = -1; dy <= 1; ++dy)
            for (std::int64_t dx = -1; dx <= 1; ++dx)
                nearest = std::min(nearest, depth_[static_cast<std::size_t>((y + dy) * depth_side + x + dx)]);
        if (z > nearest + tolerance) return 0;
        // Pictures blend what is on both sides of an edge.
        std::int64_t other = 0;
        for (const auto dy : {-margin, std::int64_t{0}, margin})
            for (const auto dx : {-margin, std::int64_t{0}, margin}) {
                const auto there = depth_[static_cast<std::size_t>((y + dy) * depth_side + x + dx)];
                other += std::abs(there - z) > 4 * tolerance ? 1 : 0;
            }
        return other == 0 ? 1 : 0.02;
    }

  private:
    [[nodiscard]] double along(const Vector3& p) const {
        const auto& m = camera_from_world_;
        return m[8] * p[0] + m[9] * p[1] + m[10] * p[2] + m[11];
    }

    Camera camera_;
    Matrix4 camera_from_world_;
    std::vector<double> depth_;
};

/// Between the four nearest pixels, in [0, 255].
std::array<double, 3> colour_at(const Image& picture, const Vector2& place) {
    const auto axis = [](double at, std::int64_t side) {
        const auto x = std::clamp(at * static_cast<double>(side) - 0.5, 0.0, static_cast<double>(side - 1));
        const auto low = std::min(static_cast<std::int64_t>(x), std::max<std::int64_t>(side - 2, 0));
        return std::pair{low, x - static_cast<double>(low)};
    };
    const auto [x, u] = axis(place[0], picture.width());
    const auto [y, v] = axis(place[1], picture.height());
    const auto x1 = std::min(x + 1, picture.width() - 1), y1 = std::min(y + 1, picture.height() - 1);
    const auto above = picture.row<std::uint8_t>(y), below = picture.row<std::uint8_t>(y1);
    std::array<double, 3> colour{};
    for (std::size_t c = 0; c < 3; ++c) {
        const auto of = [&](const auto& row, std::int64_t column) {
            return static_cast<double>(row[static_cast<std::size_t>(3 * column) + c]);
        };
        colour[c] =
            (1 - v) * ((1 - u) * of(above, x) + u * of(above, x1)) + v * ((1 - u) * of(below, x) + u * of(below, x1));
    }
    return colour;
}

/// Gives empty texels the colour of the nearest that is not: from texel to texel, row by row.
void fill_empty(std::vector<std::array<std::uint8_t, 3>>& texels, std::vector<std::uint8_t>& full, std::int64_t size) {
    std::vector<std::int64_t> front;
    for (std::int64_t i = 0; i < size * size; ++i)
        if (full[static_cast<std::size_t>(i)] != 0) front.push_back(i);
    for (std::vector<std::int64_t> next; !front.empty(); front.swap(next), next.clear())
        for (const auto i : front) {
            const auto reach = [&](std::int64_t to) {
                if (full[static_cast<std::size_t>(to)] != 0) return;
                full[static_cast<std::size_t>(to)] = 1;
                texels[static_cast<std::size_t>(to)] = texels[static_cast<std::size_t>(i)];
                next.push_back(to);
            };
            if (i % size > 0) reach(i - 1);
            if (i % size < size - 1) reach(i + 1);
            if (i >= size) reach(i - size);
            if (i < size * (size - 1)) reach(i + size);
        }
}

}  // namespace

Image baked_texture(const Mesh& mesh, std::span<const TextureView> views, std::int64_t size, const Context& context) {
    check(mesh);
    const auto refuse = [](const std::string& expected, const std::string& got) {
        throw Error(Errc::invalid_argument, "texture: expected " + expected + ", got " + got);
    };
    if (mesh.uv.empty()) refuse("a mesh with uv", "none");
    if (mesh.normals.empty()) refuse("a mesh with normals", "none");
    if (size < 8 || size > 8192) refuse("a size of 8 to 8192", std::to_string(size));
    std::vector<DepthMap> maps;
    for (const auto& view : views) {
        check(view.camera, "texture view");
        if (view.picture.format() != srgb8 || view.picture.channels() != 3)
            refuse("pictures of 3 channels, 8 bit sRGB", to_string(view.picture.format()));
    }
    for (const auto& view : views) {
        context.report("visibility", static_cast<std::int64_t>(maps.size()), static_cast<std::int64_t>(views.size()));
        maps.emplace_back(mesh, view.camera);
    }

    Vector3 low{infinity, infinity, infinity}, high{-infinity, -infinity, -infinity};
    for (const auto& p : mesh.positions)
        for (std::size_t i = 0; i < 3; ++i) {
            low[i] = std::min(low[i], double{p[i]});
            high[i] = std::max(high[i], double{p[i]});
        }
    const auto tolerance = 0.008 * std::max({high[0] - low[0], high[1] - low[1], high[2] - low[2]});

    // Which triangle each texel belongs to, then all texels at once.
    std::vector<std::uint32_t> owner(static_cast<std::size_t>(size * size));
    std::vector<std::array<float, 3>> shares(owner.size());
    std::vector<std::uint8_t> full(owner.size(), 0);
    const auto corners_of = [&](std::uint32_t t) {
        std::array<std::array<double, 2>, 3> corners;
        for (std::size_t i = 0; i < 3; ++i)
            for (std::size_t k = 0; k < 2; ++k)
                corners[i][k] = double{mesh.uv[mesh.triangles[t][i]][k]} * static_cast<double>(size);
        return corners;
    };
    for (std::uint32_t t = 0; t < mesh.triangles.size(); ++t)
        for_texels_in(corners_of(t), mesh.triangles[t], size, [&](std::int64_t x, std::int64_t y, const auto& share) {
            const auto i = static_cast<std::size_t>(y * size + x);
            owner[i] = t;
            shares[i] = {static_cast<float>(share[0]), static_cast<float>(share[1]), static_cast<float>(share[2])};
            full[i] = 1;
            return true;
        });
    // Slivers may lie between all middles of texels: those that a corner or the middle falls into are theirs if nobody
    // else's.
    constexpr std::array<std::array<float, 3>, 4> inside{
        {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1.0F / 3, 1.0F / 3, 1.0F / 3}}};
    for (std::uint32_t t = 0; t < mesh.triangles.size(); ++t) {
        const auto corners = corners_of(t);
        for (const auto& share : inside) {
            std::array<std::int64_t, 2> place{};
            for (std::size_t k = 0; k < 2; ++k)
                place[k] =
                    std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(double{share[0]} * corners[0][k] +
                                                                                  double{share[1]} * corners[1][k] +
                                                                                  double{share[2]} * corners[2][k])),
                                             0, size - 1);
            const auto i = static_cast<std::size_t>(place[1] * size + place[0]);
            if (full[i] != 0) continue;
            owner[i] = t;
            shares[i] = share;
            full[i] = 1;
        }
    }
    std::vector<std::array<std::uint8_t, 3>> texels(owner.size(), {128, 128, 128});
    context.report("texture", 0, 1);
    parallel_for(0, size, 4, [&](std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first * size); i < static_cast<std::size_t>(last * size); ++i) {
            if (full[i] == 0) continue;
            Vector3 point{}, normal{}, sum{};
            for (std::size_t corner = 0; corner < 3; ++corner) {
                const auto vertex = mesh.triangles[owner[i]][corner];
                for (std::size_t k = 0; k < 3; ++k) {
                    point[k] += double{shares[i][corner]} * double{mesh.positions[vertex][k]};
                    normal[k] += double{shares[i][corner]} * double{mesh.normals[vertex][k]};
                    sum[k] += own_colour * double{shares[i][corner]} * 255 *
                              (mesh.colours.empty() ? 0.5 : double{mesh.colours[vertex][k]});
                }
            }
            double weight = own_colour;
            for (std::size_t n = 0; n < maps.size(); ++n) {
                const auto& m = views[n].camera.world_from_camera;
                const Vector3 towards{m[3] - point[0], m[7] - point[1], m[11] - point[2]};
                const auto straight =
                    dot(normal, towards) / std::sqrt(std::max(dot(normal, normal) * dot(towards, towards), 1e-30));
                if (!(straight > 0.05)) continue;
                const auto place = project(views[n].camera, point);
                if (!place) continue;
                const auto seen = maps[n].visibility(point, *place, tolerance);
                if (seen == 0) continue;
                const auto share = seen * std::pow(straight, 4);
                const auto colour = colour_at(views[n].picture, *place);
                for (std::size_t k = 0; k < 3; ++k) sum[k] += share * colour[k];
                weight += share;
            }
            for (std::size_t k = 0; k < 3; ++k)
                texels[i][k] = static_cast<std::uint8_t>(std::lround(std::clamp(sum[k] / weight, 0.0, 255.0)));
        }
    });
    fill_empty(texels, full, size);
    Image texture(size, size, 3, srgb8);
    const auto values = texture.values<std::uint8_t>();
    for (std::size_t i = 0; i < texels.size(); ++i)
        std::ranges::copy(texels[i], values.begin() + static_cast<std::ptrdiff_t>(3 * i));
    context.report("texture", 1, 1);
    return texture;
}

}  // namespace cameo
