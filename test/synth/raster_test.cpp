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
    Vec3 quick_normal(Vec3 p, Part part) const { return normal(p, part); }
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
            // An outline is exact but for the rounding of float32.
            if (seen.hit) REQUIRE(expected_distance({ball.centre, ball.radius + 1e-6F}, ray) > 0);
            if (!seen.hit) REQUIRE(expected_distance({ball.centre, ball.radius - 1e-6F}, ray) < 0);
            if (!seen.hit || expected < 0) continue;
            ++hits;
            const Vec3 outward = normalized(Vec3{static_cast<float>(ray.origin[0] + expected * ray.direction[0]),
                                                 static_cast<float>(ray.origin[1] + expected * ray.direction[1]),
                                                 static_cast<float>(ray.origin[2] + expected * ray.direction[2])} -
                                            ball.centre);
            CHECK(std::abs(seen.hit.distance - expected) < 1e-4);
            CHECK(dot(seen.hit.normal, outward) > 0.99999F);
        }
    CHECK(hits > 500);
}

TEST_CASE("a field that promises too much room still gives the true depth", "[synth][raster]") {
    struct Steep : Ball {
        Surface surface(Vec3 p) const { return {1.3F * Ball::surface(p).distance, Part::skin}; }
    };
    const Steep ball{{{0.03F, -0.02F, 0.06F}, 0.21F}};
    constexpr std::int64_t size = 24;
    const Camera camera = some_camera();
    const auto pixels = raster(ball, camera, size, 1, {1, 1, 1});
    int hits = 0;
    for (std::int64_t y = 0; y < size; ++y)
        for (std::int64_t x = 0; x < size; ++x) {
            const double expected = expected_distance(
                ball, pixel_ray(camera, (static_cast<double>(x) + 0.5) / size, (static_cast<double>(y) + 0.5) / size));
            const Seen& seen = pixels[static_cast<std::size_t>(y * size + x)].centre;
            if (!seen.hit || expected < 0) continue;
            ++hits;
            CHECK(std::abs(seen.hit.distance - expected) < 1e-4);
        }
    CHECK(hits > 150);
}

TEST_CASE("a ray that passes close by goes on to what lies behind", "[synth][raster]") {
    struct TwoBalls : Ball {
        Ball behind;
        Surface surface(Vec3 p) const {
            return {std::min(Ball::surface(p).distance, behind.surface(p).distance), Part::skin};
        }
    };
    const TwoBalls scene{{{0.0F, 0.1F, 0.2F}, 0.1F}, {{0.0F, 0.0F, -0.2F}, 0.15F}};
    for (const float room : {1e-5F, 1e-4F, 1e-3F}) {
        const Hit hit = trace(scene, Vec3{0.0F, -room, 2.7F}, Vec3{0.0F, 0.0F, -1.0F}, 0.0F);
        REQUIRE(hit);
        CHECK(hit.distance == Approx(2.9 - std::sqrt(0.0225 - double{room} * double{room})).margin(1e-5));
    }
    // And one that dips in by as little meets the first.
    for (const float depth : {1e-5F, 1e-4F, 1e-3F}) {
        const Hit hit = trace(scene, Vec3{0.0F, depth, 2.7F}, Vec3{0.0F, 0.0F, -1.0F}, 0.0F);
        REQUIRE(hit);
        CHECK(hit.distance == Approx(2.5 - std::sqrt(0.2 * depth - double{depth} * double{depth})).margin(2e-3));
    }
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
