// SPDX-License-Identifier: Apache-2.0
#include "synth/raster.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <numbers>

using namespace cameo;
using namespace cameo::synth;

namespace {

/// A ball, lit by nothing: its colour is its normal.
struct Ball {
    Vec3 centre;
    float radius;

    Surface surface(Vec3 p) const { return {length(p - centre) - radius, Part::skin}; }
    Vec3 normal(Vec3 p, Part) const { return normalized(p - centre); }
    Lighting lighting(const Hit&) const { return {}; }
    Vec3 shade(const Hit& hit, const Lighting&, Vec3, float, FaceLabel& label) const {
        label = FaceLabel::skin;
        return hit.normal * 0.5F + Vec3{0.5F, 0.5F, 0.5F};
    }
};

Camera some_camera() { return {orbit_degrees(23, -11, 2.7, {0, 0, 0.2}), intrinsics_from_focal(4.2647)}; }

/// Distance along a ray to the ball, in double; negative when it misses.
double expected_distance(const Ball& ball, const Ray& ray) {
    double b = 0, c = 0;
    const double centre[] = {ball.centre.x, ball.centre.y, ball.centre.z};
    for (std::size_t i = 0; i < 3; ++i) {
        const double to = ray.origin[i] - centre[i];
        b += to * ray.direction[i];
        c += to * to;
    }
    const double under = b * b - (c - double{ball.radius} * double{ball.radius});
    return under < 0 ? -1 : -b - std::sqrt(under);
}

}  // namespace

TEST_CASE("a ball's depth and normals are those of the closed form", "[synth][raster]") {
    const Ball ball{{0.03F, -0.02F, 0.06F}, 0.21F};
    constexpr std::int64_t size = 48;
    const Camera camera = some_camera();
    const auto pixels = raster(ball, camera, size, 3, {1, 1, 1});
    int hits = 0;
    for (std::int64_t y = 0; y < size; ++y)
        for (std::int64_t x = 0; x < size; ++x) {
            const Ray ray =
                pixel_ray(camera, (static_cast<double>(x) + 0.5) / size, (static_cast<double>(y) + 0.5) / size);
            const double expected = expected_distance(ball, ray);
            const Seen& seen = pixels[static_cast<std::size_t>(y * size + x)].centre;
            INFO(x << ", " << y);
            // Tracing ends this close to a surface, so an outline may be that much wider.
            const Ball wider{ball.centre, ball.radius + 0.0003F};
            if (seen.hit) REQUIRE(expected_distance(wider, ray) > 0);
            if (!seen.hit) REQUIRE(expected < 0);
            if (expected < 0) continue;
            ++hits;
            const Vec3 outward = normalized(Vec3{static_cast<float>(ray.origin[0] + expected * ray.direction[0]),
                                                 static_cast<float>(ray.origin[1] + expected * ray.direction[1]),
                                                 static_cast<float>(ray.origin[2] + expected * ray.direction[2])} -
                                            ball.centre);
            const bool grazing = std::abs(outward.x * ray.direction[0] + outward.y * ray.direction[1] +
                                          outward.z * ray.direction[2]) < 0.15;
            // What is left of the way is divided by the cosine, which a flat ray leaves uncertain.
            CHECK(std::abs(seen.hit.distance - expected) < (grazing ? 8e-3 : 5e-4));
            CHECK(dot(seen.hit.normal, outward) > (grazing ? 0.99F : 0.9999F));
        }
    CHECK(hits > 500);
}

TEST_CASE("antialiasing gives a ball's outline the area of its disc", "[synth][raster]") {
    const Ball ball{{0, 0, 0.2F}, 0.17F};
    const Camera camera{orbit_degrees(0, 0, 2.7, {0, 0, 0.2}), intrinsics_from_focal(4.2647)};
    constexpr std::int64_t size = 40;
    double area = 0;
    int partial = 0;
    for (const Pixel& pixel : raster(ball, camera, size, 4, {1, 1, 1})) {
        area += pixel.opacity;
        if (pixel.opacity > 0 && pixel.opacity < 1) ++partial;
    }
    // Seen from distance 2.5, the outline is the cone of sine 0.17 / 2.5.
    const double radius = std::tan(std::asin(0.17 / 2.5)) * 4.2647 * size;
    CHECK(area == Approx(std::numbers::pi * radius * radius).epsilon(0.006));
    CHECK(partial > 60);
}

TEST_CASE("what fills a box-wide sky is background, and its rays stop", "[synth][raster]") {
    const Ball ball{{5.0F, 5.0F, 5.0F}, 0.1F};
    for (const Pixel& pixel : raster(ball, some_camera(), 9, 3, {0.25F, 0.5F, 0.75F})) {
        CHECK(pixel.colour == Vec3{0.25F, 0.5F, 0.75F});
        CHECK(pixel.opacity == 0.0F);
        CHECK(pixel.centre.label == FaceLabel::background);
    }
}
