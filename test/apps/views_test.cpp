// SPDX-License-Identifier: Apache-2.0
#include "views.hpp"

#include <cmath>
#include <numbers>
#include <string>

#include <cameo/core/camera.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;
using namespace cameo::apps;
using Views = std::vector<ViewAngles>;

TEST_CASE("views are spread evenly, both ends included, pitches row by row", "[apps][views]") {
    CHECK((parse_views("yaw=20") == Views{{20, 0}}));
    CHECK((parse_views("yaw=-30:30:3") == Views{{-30, 0}, {0, 0}, {30, 0}}));
    CHECK((parse_views("pitch=10,yaw=0:90:2") == Views{{0, 10}, {90, 10}}));
    CHECK((parse_views("yaw=-5:5:2,pitch=-10:10:2") == Views{{-5, -10}, {5, -10}, {-5, 10}, {5, 10}}));
    CHECK((parse_views("yaw=30:-30:2") == Views{{30, 0}, {-30, 0}}));
}

TEST_CASE("what is no list of angles is refused with what was written", "[apps][views]") {
    const auto* const text =
        GENERATE("", "yaw", "roll=3", "yaw=1:2", "yaw=1:2:3:4", "yaw=a", "yaw=1,yaw=2", "yaw=1,", "yaw=0:10:0",
                 "yaw=0:10:99999", "yaw=0:10:1", "pitch=91", "yaw=361", "yaw=nan", "yaw=0:1:100,pitch=0:1:100");
    INFO(text);
    CHECK_THROWS_MATCHES(parse_views(text), Error, support::is_error(Errc::invalid_argument, "expected "));
}

// spec: the poses of the image program, as printed there for yaw 0.4, pitch -0.2.
TEST_CASE("the published views stand where the published program puts them", "[apps][views]") {
    Eg3dConfig model;
    model.camera_pivot = {0, 0, 0.2};
    const auto views = published_views(intrinsics_from_focal(4.2647), model);
    REQUIRE(views.size() == 3);
    const Matrix4 expected{0.9084562,  0.0570519, -0.4140680, 1.0428721, 0, -0.9906409, -0.1364943, 0.3437747,
                           -0.4179800, 0.1239991, -0.8999539, 2.4666246, 0, 0,          0,          1};
    for (std::size_t i = 0; i < 16; ++i) CHECK(views[0].world_from_camera[i] == Approx(expected[i]).margin(1e-7));
    CHECK(views[1].world_from_camera[3] == Approx(0).margin(1e-12));
    CHECK(views[2].world_from_camera[3] == Approx(-views[0].world_from_camera[3]));

    const auto front = frontal_view(intrinsics_from_focal(4.2647), model);
    CHECK(front.world_from_camera[11] == Approx(2.7));
    const auto left = camera_at({30, 0}, intrinsics_from_focal(4.2647), model);
    CHECK(left.world_from_camera[3] == Approx(2.7 * 0.5));
}

// spec 1.5 and 1.6
TEST_CASE("the video's views are the published ones, whose pi is 3.14", "[apps][views]") {
    Eg3dConfig model;
    model.camera_pivot = {0, 0, 0.2};
    const auto intrinsics = intrinsics_from_focal(4.2647);
    const auto front = video_frontal_view(intrinsics, model);
    const Matrix4 expected{0.9999996, -0.0000005, 0.0008600,  -0.0021501, 0, -0.9999999, -0.0005475, 0.0013688,
                           0.0008600, 0.0005475,  -0.9999995, 2.6999988,  0, 0,          0,          1};
    for (std::size_t i = 0; i < 16; ++i) CHECK(front.world_from_camera[i] == Approx(expected[i]).margin(1e-7));
    CHECK(front.intrinsics == intrinsics);

    // Frame 30 of 120 is a quarter round but for the literal: h = 1.57 + 0.35 sin(1.57), v = 1.57 - 0.05 + 0.25 cos(1.57).
    const auto quarter = circling_view(30, 120, intrinsics, model);
    const auto v = 1.57 - 0.05 + 0.25 * std::cos(1.57);
    CHECK(quarter.world_from_camera[7] == Approx(2.7 * (1 - 2 * v / std::numbers::pi)).epsilon(1e-12));
    CHECK((quarter.world_from_camera == orbit(1.57 + 0.35 * std::sin(1.57), v, 2.7, {0, 0, 0.2})));
    const auto first = circling_view(0, 120, intrinsics, model), last = circling_view(120, 120, intrinsics, model);
    CHECK(first.world_from_camera[3] != last.world_from_camera[3]);
    CHECK(first.world_from_camera[3] == Approx(last.world_from_camera[3]).margin(5e-3));

    const auto side = turning_view(10, 40, intrinsics, model);
    CHECK((side == camera_at({40, 0}, intrinsics, model)));
}
