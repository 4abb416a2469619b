// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/camera.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using std::numbers::pi;
using support::is_error;

namespace {

void check_close(const Matrix4& actual, const Matrix4& expected, double tolerance) {
    for (std::size_t i = 0; i < actual.size(); ++i) {
        INFO("element " << i);
        CHECK(std::abs(actual[i] - expected[i]) <= tolerance);
    }
}

Vector3 position(const Matrix4& pose) { return {pose[3], pose[7], pose[11]}; }

/// A camera that looks from somewhere at somewhere, with nothing zero or equal by chance.
Camera some_camera() { return {look_at({0.7, -0.4, 2.3}, {0.1, 0.2, -0.3}), {4.2, 0.1, 0.45, 0, 3.9, 0.55, 0, 0, 1}}; }

}  // namespace

TEST_CASE("the published look-at poses come out to the digits of the specification", "[core][camera]") {
    check_close(orbit(pi / 2 + 0.4, pi / 2 - 0.2, 2.7, {0, 0, 0.2}),
                {0.9084562, 0.0570519, -0.4140680, 1.0428721, 0, -0.9906409, -0.1364943, 0.3437747, -0.4179800,
                 0.1239991, -0.8999539, 2.4666246, 0, 0, 0, 1},
                6e-8);
    check_close(orbit(1.57, 1.57, 2.7, {0, 0, 0.2}),
                {0.9999996, -0.0000005, 0.0008600, -0.0021501, 0, -0.9999999, -0.0005475, 0.0013688, 0.0008600,
                 0.0005475, -0.9999995, 2.6999988, 0, 0, 0, 1},
                6e-8);
}

TEST_CASE("the frontal camera is at +z with rotation diag(1, -1, -1)", "[core][camera]") {
    check_close(frontal_camera(ffhq_cameras).world_from_camera, {1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1},
                1e-15);
    CHECK(frontal_camera(ffhq_cameras).intrinsics == Matrix3{4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1});
}

TEST_CASE("trap 5: an orbit is centred on the origin wherever it looks", "[core][camera]") {
    const auto h = GENERATE(0.1, 1.0, 2.5, 4.0);
    const auto v = GENERATE(0.3, 1.5, 3.0);
    const auto pose = orbit(h, v, 2.7, {0.1, -0.2, 0.3});
    const auto [x, y, z] = position(pose);
    CHECK(std::hypot(x, y, z) == Approx(2.7).epsilon(1e-14));
    CHECK(y == Approx(2.7 * (1 - 2 * v / pi)).epsilon(1e-13));
    CHECK_NOTHROW(check(Camera{pose, intrinsics_from_focal(1)}));
    const auto seen = project({pose, intrinsics_from_focal(1)}, {0.1, -0.2, 0.3});
    REQUIRE(seen);
    CHECK((*seen)[0] == Approx(0.5).epsilon(1e-12));
    CHECK((*seen)[1] == Approx(0.5).epsilon(1e-12));
}

TEST_CASE("the polar coordinate is clamped at the poles", "[core][camera]") {
    CHECK(orbit(1, 0, 2, {0, 0, 0.5}) == orbit(1, 1e-5, 2, {0, 0, 0.5}));
    CHECK(orbit(1, 4, 2, {0, 0, 0.5}) == orbit(1, pi - 1e-5, 2, {0, 0, 0.5}));
}

TEST_CASE("yaw moves the camera to the head's left and pitch is its elevation", "[core][camera]") {
    const auto left = position(orbit_degrees(30, 0, 2.7));
    CHECK(left[0] == Approx(2.7 * 0.5));  // a face that looks to +z with +y up has its left at +x
    CHECK(left[2] == Approx(2.7 * std::cos(pi / 6)));
    const auto pitch = GENERATE(-60.0, -7.0, 0.0, 20.0, 85.0);
    CHECK(position(orbit_degrees(0, pitch, 2.7))[1] == Approx(2.7 * std::sin(pitch * pi / 180)).margin(1e-14));
    check_close(orbit_degrees(180 / pi * 0.4, 180 / pi * std::asin(0.4 / pi), 2.7, {0, 0, 0.2}),
                orbit(pi / 2 + 0.4, pi / 2 - 0.2, 2.7, {0, 0, 0.2}), 1e-14);
}

TEST_CASE("trap 6: up is upwards in the image and right is right, though the camera looks with y down",
          "[core][camera]") {
    const Camera camera{look_at({0, 0, 3}, {0, 0, 0}), intrinsics_from_focal(2)};
    CHECK((*project(camera, {0, 0.1, 0}))[1] < 0.5);
    CHECK((*project(camera, {0.1, 0, 0}))[0] > 0.5);
    CHECK_FALSE(project(camera, {0, 0, 4}));
    CHECK_FALSE(project(camera, {0.3, 0, 3}));
}

TEST_CASE("a look-at without a direction or along up is refused", "[core][camera]") {
    CHECK_THROWS_MATCHES(look_at({1, 2, 3}, {1, 2, 3}), Error, is_error(Errc::invalid_argument, "distance"));
    CHECK_THROWS_MATCHES(look_at({0, 3, 0}, {0, 0, 0}), Error, is_error(Errc::invalid_argument, "parallel to up"));
    CHECK_THROWS_MATCHES(look_at({0, -3, 0}, {0, 0, 0}), Error, is_error(Errc::invalid_argument, "parallel to up"));
    CHECK_THROWS_MATCHES(look_at({0, 0, 3}, {0, 0, 0}, {0, 0, 0}), Error, is_error(Errc::invalid_argument, "up"));
    CHECK_THROWS_MATCHES(look_at({NAN, 0, 3}, {0, 0, 0}), Error, is_error(Errc::invalid_argument));
    CHECK_NOTHROW(look_at({0, 3, 0}, {0, 0, 0}, {0, 0, -1}));
    CHECK_THROWS_MATCHES(orbit(1, 1, 0), Error, is_error(Errc::invalid_argument, "radius"));
    CHECK_THROWS_MATCHES(orbit(NAN, 1, 1), Error, is_error(Errc::invalid_argument, "finite"));
    CHECK_THROWS_MATCHES(orbit_degrees(0, 91, 1), Error, is_error(Errc::invalid_argument, "pitch"));
}

TEST_CASE("trap 4: the published field of view keeps its literals", "[core][camera]") {
    CHECK(focal_from_published_fov(18.837) == Approx(4.26339).epsilon(0).margin(5.1e-6));
    CHECK(focal_from_published_fov(18) == Approx(4.46517).epsilon(0).margin(5.1e-6));
    CHECK(focal_from_published_fov(45) == Approx(1.70737).epsilon(0).margin(5.1e-6));
    CHECK(focal_from_published_fov(12) == Approx(6.72869).epsilon(0).margin(5.1e-6));
    const auto bad = GENERATE(0.0, 180.0, -3.0, std::numeric_limits<double>::quiet_NaN());
    CHECK_THROWS_MATCHES(focal_from_published_fov(bad), Error, is_error(Errc::invalid_argument, "field of view"));
    CHECK_THROWS_MATCHES(focal_from_fov(bad), Error, is_error(Errc::invalid_argument, "field of view"));
}

TEST_CASE("the pinhole field of view is that of the image's width", "[core][camera]") {
    CHECK(focal_from_fov(90) == Approx(0.5));
    CHECK(fov_from_focal(4.2647) == Approx(13.374).epsilon(1e-4));
    CHECK(fov_from_focal(focal_from_fov(37)) == Approx(37));
    CHECK_THROWS_MATCHES(fov_from_focal(0), Error, is_error(Errc::invalid_argument, "focal"));
    CHECK_THROWS_MATCHES(intrinsics_from_focal(-1), Error, is_error(Errc::invalid_argument, "focal"));
}

TEST_CASE("a label of 25 numbers is the camera and comes back", "[core][camera]") {
    const auto camera = some_camera();
    const auto numbers = label(camera);
    CHECK(numbers[3] == camera.world_from_camera[3]);
    CHECK(numbers[16] == camera.intrinsics[0]);
    CHECK(camera_from_label(numbers) == camera);
    const std::vector<double> short_by_one(numbers.begin(), numbers.end() - 1);
    CHECK_THROWS_MATCHES(camera_from_label(short_by_one, "entry 7"), Error,
                         is_error(Errc::shape_mismatch, "entry 7: expected 25 numbers, got 24"));
}

TEST_CASE("numbers that are no camera are refused and named", "[core][camera]") {
    auto camera = some_camera();
    const auto refused = [&](std::string part) {
        CHECK_THROWS_MATCHES(check(camera, "view"), Error, is_error(Errc::invalid_argument, std::move(part)));
    };
    SECTION("NaN") {
        camera.world_from_camera[5] = NAN;
        refused("view: expected finite numbers");
    }
    SECTION("infinite focal length") {
        camera.intrinsics[0] = std::numeric_limits<double>::infinity();
        refused("finite");
    }
    SECTION("last row") {
        camera.world_from_camera[12] = 0.5;
        refused("[0, 0, 0, 1]");
    }
    SECTION("scaled rotation") {
        camera.world_from_camera[0] *= 1.01;
        refused("orthonormal");
    }
    SECTION("reflection, as axes of another convention give") {
        for (const auto i : {2, 6, 10}) camera.world_from_camera[i] = -camera.world_from_camera[i];
        refused("reflection");
    }
    SECTION("lower triangle") {
        camera.intrinsics[3] = 0.1;
        refused("intrinsics");
    }
    SECTION("focal length not positive") {
        camera.intrinsics[4] = 0;
        refused("focal lengths above 0");
    }
    SECTION("rounded to float it still passes") {
        for (auto& value : camera.world_from_camera) value = static_cast<float>(value);
        CHECK_NOTHROW(check(camera));
    }
}

TEST_CASE("trap 44: a mirrored camera sees the mirrored point at the mirrored place", "[core][camera]") {
    const Camera camera{some_camera().world_from_camera, intrinsics_from_focal(4)};
    const auto other = mirrored(camera);
    CHECK_NOTHROW(check(other));
    CHECK(mirrored(other) == camera);
    const auto seen = *project(camera, {0.3, 0.2, -0.1});
    const auto mirror = *project(other, {-0.3, 0.2, -0.1});
    CHECK(mirror[0] == Approx(1 - seen[0]).epsilon(1e-13));
    CHECK(mirror[1] == Approx(seen[1]).epsilon(1e-13));
}

TEST_CASE("axes convert there and back and mean the same camera", "[core][camera]") {
    const auto pose = some_camera().world_from_camera;
    const auto from = GENERATE(Axes::opencv, Axes::opengl, Axes::blender);
    const auto to = GENERATE(Axes::opencv, Axes::opengl, Axes::blender);
    check_close(converted(converted(pose, from, to), to, from), pose, 1e-15);

    const auto gl = converted(pose, Axes::opencv, Axes::opengl);
    CHECK(position(gl) == position(pose));
    for (const std::size_t row : {0, 4, 8}) {
        CHECK(gl[row] == pose[row]);           // right stays right
        CHECK(gl[row + 1] == -pose[row + 1]);  // up is not down
        CHECK(gl[row + 2] == -pose[row + 2]);  // backward is not forward
    }
    // Blender's front view looks along +y at a face that looks to -y: our +z becomes its -y, our up its +z.
    const auto front = converted(look_at({0, 0.5, 3}, {0, 0.5, 0}), Axes::opencv, Axes::blender);
    check_close(front, {1, 0, 0, 0, 0, 0, -1, -3, 0, 1, 0, 0.5, 0, 0, 0, 1}, 1e-15);
}

TEST_CASE("the inverse of a pose takes it back to the identity", "[core][camera]") {
    const auto pose = some_camera().world_from_camera;
    const auto back = inverse(pose);
    Matrix4 product{};
    for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 4; ++j)
            for (std::size_t k = 0; k < 4; ++k) product[4 * i + j] += back[4 * i + k] * pose[4 * k + j];
    check_close(product, Camera{}.world_from_camera, 1e-15);
}

TEST_CASE("a pixel's ray leads to points that project into the pixel", "[core][camera]") {
    const auto camera = some_camera();
    const auto u = GENERATE(0.0, 0.31, 1.0);
    const auto v = GENERATE(0.02, 0.5, 0.9);
    const auto ray = pixel_ray(camera, u, v);
    CHECK(std::hypot(ray.direction[0], ray.direction[1], ray.direction[2]) == Approx(1).epsilon(1e-14));
    Vector3 point{};
    for (std::size_t i = 0; i < 3; ++i) point[i] = ray.origin[i] + 1.7 * ray.direction[i];
    const auto seen = project(camera, point);
    REQUIRE(seen);
    CHECK((*seen)[0] == Approx(u).margin(1e-13));
    CHECK((*seen)[1] == Approx(v).margin(1e-13));
}
