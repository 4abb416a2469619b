// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/texture.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <cameo/core/parallel.hpp>
#include <cameo/shape/iso_surface.hpp>
#include <cameo/shape/uv_atlas.hpp>

#include "grids.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;

namespace {

constexpr double radius = 0.35;

Mesh ball() {
    auto mesh = iso_surface(
        support::sampled_grid(40, 1.0,
                              [](double x, double y, double z) { return radius - std::sqrt(x * x + y * y + z * z); }),
        0.0F);
    mesh.normals = vertex_normals(mesh);
    return with_atlas(mesh, {.size = 256});
}

/// What is painted on the ball, smooth in the place.
std::array<double, 3> paint(const Vector3& p) { return {127.5 + 300 * p[0], 127.5 + 300 * p[1], 127.5 + 300 * p[2]}; }

/// A ball's picture by closed form; `nothing` where it is not.
Image picture_of_ball(const Camera& camera, std::uint8_t nothing) {
    constexpr std::int64_t side = 160;
    Image image(side, side, 3, srgb8);
    for (std::int64_t y = 0; y < side; ++y)
        for (std::int64_t x = 0; x < side; ++x) {
            const auto ray =
                pixel_ray(camera, (static_cast<double>(x) + 0.5) / side, (static_cast<double>(y) + 0.5) / side);
            double b = 0, c = -radius * radius;
            for (std::size_t i = 0; i < 3; ++i) {
                b += ray.origin[i] * ray.direction[i];
                c += ray.origin[i] * ray.origin[i];
            }
            const auto inside = b * b - c;
            const auto empty = static_cast<double>(nothing);
            std::array<double, 3> colour{empty, empty, empty};
            if (inside > 0) {
                const auto t = -b - std::sqrt(inside);
                colour = paint({ray.origin[0] + t * ray.direction[0], ray.origin[1] + t * ray.direction[1],
                                ray.origin[2] + t * ray.direction[2]});
            }
            for (std::size_t k = 0; k < 3; ++k)
                image.row<std::uint8_t>(y)[static_cast<std::size_t>(3 * x) + k] =
                    static_cast<std::uint8_t>(std::clamp(colour[k], 0.0, 255.0));
        }
    return image;
}

std::vector<TextureView> views_at(const std::vector<double>& yaws, std::uint8_t nothing) {
    std::vector<TextureView> views;
    for (const auto yaw : yaws)
        for (const double pitch : {-45.0, 0.0, 45.0}) {
            const Camera camera{orbit_degrees(yaw, pitch, 2.7), intrinsics_from_focal(3)};
            views.push_back({camera, picture_of_ball(camera, nothing)});
        }
    return views;
}

/// The texture's value at a vertex, from the nearest texel.
std::array<double, 3> at_vertex(const Image& texture, const std::array<float, 2>& uv) {
    const auto place = [&](float c) {
        return std::min(static_cast<std::int64_t>(double{c} * static_cast<double>(texture.width())),
                        texture.width() - 1);
    };
    const auto row = texture.row<std::uint8_t>(place(uv[1]));
    const auto x = static_cast<std::size_t>(3 * place(uv[0]));
    return {static_cast<double>(row[x]), static_cast<double>(row[x + 1]), static_cast<double>(row[x + 2])};
}

}  // namespace

TEST_CASE("a texture is what was painted, whatever stands behind the edges", "[shape][texture]") {
    const auto mesh = ball();
    const auto views = views_at({0, 60, 120, 180, 240, 300}, GENERATE(std::uint8_t{0}, std::uint8_t{255}));
    const auto texture = baked_texture(mesh, views, 256);
    double worst = 0, sum = 0;
    for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
        const auto& p = mesh.positions[i];
        const auto expected = paint({p[0], p[1], p[2]});
        const auto found = at_vertex(texture, mesh.uv[i]);
        for (std::size_t k = 0; k < 3; ++k) {
            worst = std::max(worst, std::abs(found[k] - expected[k]));
            sum += std::abs(found[k] - expected[k]) / 3;
        }
    }
    CHECK(sum / static_cast<double>(mesh.positions.size()) < 3);
    CHECK(worst < 20);  // a texel of a border vertex may be its neighbour's
}

TEST_CASE("what no view sees has the vertices' colours", "[shape][texture]") {
    auto mesh = ball();
    mesh.colours.assign(mesh.positions.size(), {1, 0, 0.2F});
    const auto texture = baked_texture(mesh, views_at({0}, 255), 256);
    std::size_t behind = 0;
    for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
        if (mesh.positions[i][2] > -0.3F) continue;
        const auto found = at_vertex(texture, mesh.uv[i]);
        CHECK((found == std::array{255.0, 0.0, 51.0}));
        ++behind;
    }
    CHECK(behind > 50);
}

TEST_CASE("textures have the same bits on any number of threads, and bad input is refused", "[shape][texture]") {
    const auto mesh = ball();
    const auto views = views_at({20}, 0);
    const auto before = thread_count();
    set_thread_count(1);
    const auto alone = baked_texture(mesh, views, 64);
    set_thread_count(3);
    const auto together = baked_texture(mesh, views, 64);
    set_thread_count(before);
    CHECK((alone == together));
    auto bare = mesh;
    bare.uv.clear();
    CHECK_THROWS_MATCHES(baked_texture(bare, views, 64), Error, support::is_error(Errc::invalid_argument, "uv"));
    CHECK_THROWS_MATCHES(baked_texture(mesh, views, 4), Error, support::is_error(Errc::invalid_argument, "8 to 8192"));
    const std::vector<TextureView> grey{{views[0].camera, Image(8, 8, 1, srgb8)}};
    CHECK_THROWS_MATCHES(baked_texture(mesh, grey, 64), Error, support::is_error(Errc::invalid_argument, "3 channels"));
}
