// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/camera_file.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <cameo/core/error.hpp>

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using namespace cameo::io;
using support::is_error;

namespace {

std::vector<NamedCamera> some_cameras() {
    return {{"00000/img00000000.png", {orbit_degrees(20, 10, 2.7, {0, 0, 0.2}), intrinsics_from_focal(4.2647)}},
            {"views/a b.png", {look_at({0.7, -0.4, 2.3}, {0.1, 0.2, -0.3}), {4.2, 0, 0.45, 0, 3.9, 0.55, 0, 0, 1}}},
            {"\u00fc.png", {look_at({0, 0.3, -2}, {0, 0, 0}), {4.2, 0, 0.45, 0, 3.9, 0.55, 0, 0, 1}}},
            {"x.png", {look_at({-2, 0.1, 0}, {0, 0, 0}), intrinsics_from_focal(1.0 / 3)}}};
}

double difference(const Camera& a, const Camera& b) {
    const auto x = label(a), y = label(b);
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
    return largest;
}

/// {"labels": [["a.png", [...]]]} with the numbers of a camera, of which one is replaced by `word`.
std::string label_text(std::size_t index, const std::string& word) {
    const auto numbers = label(some_cameras()[0].camera);
    std::string text = R"({"labels": [["ok.png", [)";
    const auto append = [&](bool replace) {
        for (std::size_t i = 0; i < numbers.size(); ++i)
            text += (i == 0 ? "" : ",") + (replace && i == index ? word : std::to_string(numbers[i]));
    };
    append(false);
    text += R"(]], ["a.png", [)";
    append(true);
    return text + "]]]}";
}

std::string transforms(const std::string& more, const std::string& frame_more = "") {
    return R"({"w": 800, "h": 400, )" + more + R"("frames": [{"file_path": "./train/r_0", )" + frame_more +
           R"("transform_matrix": [[1,0,0,0],[0,1,0,0.5],[0,0,1,3],[0,0,0,1]]}]})";
}

void refused(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK_THROWS_MATCHES(parse_cameras(text, "c.json"), Error, is_error(Errc::bad_file, part));
}

void refused_colmap(const std::string& cameras, const std::string& images, const std::string& part) {
    INFO(cameras << images);
    CHECK_THROWS_MATCHES(parse_colmap(cameras, images, "model"), Error, is_error(Errc::bad_file, part));
}

}  // namespace

TEST_CASE("labels come back as they were, number for number", "[io][camera_file]") {
    const support::TemporaryFolder folder;
    const auto path = folder.path() / "dataset.json";
    auto cameras = some_cameras();
    cameras[1].camera.intrinsics[1] = 0.01;  // labels hold a skew too
    write_cameras(path, cameras);
    CHECK(read_cameras(path) == cameras);
    CHECK(parse_cameras(camera_labels_json(cameras), "x") == cameras);
    CHECK(parse_cameras(camera_labels_json({}), "x").empty());
    CHECK_THROWS_MATCHES(write_cameras(path, cameras), Error, is_error(Errc::io_failure));
    CHECK_NOTHROW(write_cameras(path, {}, {.overwrite = Overwrite::yes}));
    CHECK(read_cameras(path).empty());
}

TEST_CASE("every format brings the same cameras back", "[io][camera_file]") {
    const support::TemporaryFolder folder;
    const auto format = GENERATE(CameraFormat::transforms, CameraFormat::matrices, CameraFormat::colmap);
    const auto axes = GENERATE(Axes::opencv, Axes::opengl, Axes::blender);
    const auto path = folder.path() / "cameras";
    write_cameras(path, some_cameras(), {.format = format, .axes = axes, .width = 700, .height = 512});
    const auto back = read_cameras(path);
    REQUIRE(back.size() == some_cameras().size());
    for (std::size_t i = 0; i < back.size(); ++i) {
        CHECK(back[i].name == some_cameras()[i].name);
        CHECK(difference(back[i].camera, some_cameras()[i].camera) < 1e-12);
    }
}

TEST_CASE("a published label is read as the frontal camera that it is", "[io][camera_file]") {
    const auto cameras = parse_cameras(
        R"({"labels": [["00023.png", [0.99994177, 0.010793999, 0.00011557899, 0.0015220992, 0.010792133, -0.99988401,
            0.010748338, -0.012054689, 0.00023158314, -0.010746465, -0.99994224, 2.6999727, 0, 0, 0, 1,
            4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]]]})",
        "dataset.json");
    REQUIRE(cameras.size() == 1);
    CHECK(cameras[0].name == "00023.png");
    const auto& pose = cameras[0].camera.world_from_camera;
    CHECK(std::hypot(pose[3], pose[7], pose[11]) == Approx(2.7).epsilon(1e-6));
    const auto nose = project(cameras[0].camera, {0, 0, 0});
    REQUIRE(nose);
    CHECK((*nose)[0] == Approx(0.5).margin(0.03));
    CHECK((*nose)[1] == Approx(0.5).margin(0.03));
}

TEST_CASE("no labels, or one pair without a list around it, are labels too", "[io][camera_file]") {
    CHECK(parse_cameras(R"({"labels": null})", "x").empty());
    CHECK(parse_cameras(R"({"labels": []})", "x").empty());
    const auto one = parse_cameras(
        R"({"labels": ["a.png", [1,0,0,0, 0,-1,0,0, 0,0,-1,2.7, 0,0,0,1, 4.2647,0,0.5, 0,4.2647,0.5, 0,0,1]]})", "x");
    REQUIRE(one.size() == 1);
    CHECK(one[0].name == "a.png");
    CHECK(difference(one[0].camera, frontal_camera(ffhq_cameras)) < 1e-15);
}

TEST_CASE("a bad label is refused with file and entry", "[io][camera_file]") {
    refused(label_text(3, "\"2\""), "c.json: entry 1 ('a.png'): expected a number, found string");
    refused(label_text(3, "2, 2"), "c.json: entry 1 ('a.png'): expected 25 numbers, found 26");
    refused(label_text(0, "7.5"), "entry 1 ('a.png'): expected an orthonormal rotation");
    refused(label_text(15, "0"), "entry 1 ('a.png'): expected [0, 0, 0, 1]");
    refused(label_text(16, "-1"), "focal lengths above 0");
    refused(label_text(3, "1e999"), "c.json");
    refused(label_text(3, "NaN"), "c.json");
    refused(R"({"labels": [["a.png", 3]]})", "expected 25 numbers, found number");
    refused(R"({"labels": [["a.png"]]})", "entry 0: expected [name, 25 numbers]");
    refused(R"({"labels": [[3, []]]})", "expected a name, found number");
    refused(R"({"labels": [["a\nb", []]]})", "expected a name of 1 to 512 printable bytes");
    refused(R"({"labels": {"a": 1}})", "expected a list or null under 'labels'");
    refused(R"({"label": []})", "expected an object with 'labels', 'frames' or 'cameras'");
    refused("[]", "expected an object");
    refused("", "c.json");
    refused(R"({"labels": [)", "c.json");
}

TEST_CASE("transforms have OpenGL axes and any of the customary intrinsics", "[io][camera_file]") {
    const auto one = [](const std::string& text) { return parse_cameras(text, "t.json").at(0).camera; };
    SECTION("an angle for all frames") {
        const auto camera = one(transforms(R"("camera_angle_x": 1.5707963267948966, )"));
        CHECK(camera.intrinsics[0] == Approx(0.5));
        CHECK(camera.intrinsics[4] == Approx(1));  // square pixels: the picture is half as high
        CHECK(camera.intrinsics[2] == 0.5);
        CHECK(camera.world_from_camera == Matrix4{1, 0, 0, 0, 0, -1, 0, 0.5, 0, 0, -1, 3, 0, 0, 0, 1});
    }
    SECTION("pixels for all frames") {
        const auto camera = one(transforms(R"("fl_x": 1000, "fl_y": 900, "cx": 380, "cy": 210, )"));
        CHECK(camera.intrinsics == Matrix3{1.25, 0, 0.475, 0, 2.25, 0.525, 0, 0, 1});
    }
    SECTION("pixels for a frame go before those for all") {
        const auto camera = one(transforms(R"("fl_x": 1000, )", R"("fl_x": 500, )"));
        CHECK(camera.intrinsics[0] == 0.625);
        CHECK(camera.intrinsics[4] == 1.25);
    }
    SECTION("OPENCV without distortion is a pinhole") {
        CHECK_NOTHROW(one(transforms(R"("fl_x": 9, "camera_model": "OPENCV", "k1": 0, "p2": 0.0, )")));
    }
    SECTION("two angles") {
        const auto camera = one(transforms(R"("camera_angle_x": 1.5707963267948966, "camera_angle_y": 1, )"));
        CHECK(camera.intrinsics[4] == Approx(0.5 / std::tan(0.5)));
    }
}

TEST_CASE("transforms that are distorted or incomplete are refused", "[io][camera_file]") {
    refused(transforms(R"("fl_x": 1000, "k1": 0.1, )"),
            "entry 0 ('./train/r_0'): expected a camera without distortion, found k1");
    refused(transforms(R"("fl_x": 1000, "is_fisheye": true, )"), "is_fisheye");
    refused(transforms(R"("fl_x": 1000, "camera_model": "OPENCV_FISHEYE", )"), "pinhole camera_model");
    refused(transforms(""), "expected 'fl_x' or 'camera_angle_x', found neither");
    refused(transforms(R"("fl_x": -5, )"), "focal lengths above 0");
    refused(transforms(R"("fl_x": "5", )"), "(fl_x): expected a number, found string");
    refused(R"({"frames": [{"file_path": "a", "fl_x": 5, "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,3]]}]})",
            "expected 'w' and 'h' beside 'fl_x'");
    refused(R"({"camera_angle_x": 1, "frames": [{"file_path": "a"}]})", "expected 'transform_matrix', found none");
    refused(R"({"camera_angle_x": 1, "frames": [{"file_path": "a", "transform_matrix": [[1,0,0],[0,1,0],[0,0,1]]}]})",
            "expected 4 numbers in a row, found 3");
    refused(R"({"camera_angle_x": 1, "frames": [{"file_path": "a", "transform_matrix": [[1,0,0,0]]}]})",
            "expected 4 rows, found 1");
    refused(R"({"camera_angle_x": 1, "frames": [[]]})", "expected an object, found array");
    refused(R"({"frames": 3})", "expected a list under 'frames'");
    refused(transforms(R"("w": 800, "fl_x": 5, )"), "t");  // a key twice
}

TEST_CASE("matrices say which axes they have", "[io][camera_file]") {
    const auto text = [](const std::string& axes) {
        return R"({"axes": )" + axes +
               R"(, "cameras": [{"name": "a", "world_from_camera": [[1,0,0,0],[0,0,-1,-3],[0,1,0,0.5]],
                   "intrinsics": [[2,0,0.5],[0,2,0.5],[0,0,1]]}]})";
    };
    const auto front = parse_cameras(text("\"blender\""), "m.json").at(0).camera;
    CHECK(difference(front, {look_at({0, 0.5, 3}, {0, 0.5, 0}), intrinsics_from_focal(2)}) < 1e-15);
    refused(text("\"maya\""), "expected axes opencv, opengl or blender, found");
    refused(text("7"), "expected axes");
    refused(R"({"cameras": []})", "expected 'axes', found none");
    refused(R"({"axes": "opengl", "cameras": [{"name": "a", "world_from_camera": [], "intrinsics": []}]})", "4 rows");
}

TEST_CASE("COLMAP's text is camera_from_world with shared cameras", "[io][camera_file]") {
    const std::string cameras =
        "# comment\n\n1 SIMPLE_PINHOLE 640 480 500 320 240\r\n7 PINHOLE 100 100 120 130 50 51\n";
    const std::string images =
        "# comment\n1 1 0 0 0 0.1 0.2 0.3 7 a b.png\n10.5 20.5 -1 3 4 5\n2 0 2 0 0 0 0 5 1 c.png\n\n3 1 0 0 0 0 0 0 1 "
        "d.png";
    const auto read = parse_colmap(cameras, images, "model");
    REQUIRE(read.size() == 3);
    CHECK(read[0].name == "a b.png");
    CHECK(read[0].camera.intrinsics == Matrix3{1.2, 0, 0.5, 0, 1.3, 0.51, 0, 0, 1});
    CHECK(read[0].camera.world_from_camera == Matrix4{1, 0, 0, -0.1, 0, 1, 0, -0.2, 0, 0, 1, -0.3, 0, 0, 0, 1});
    CHECK(read[1].camera.intrinsics == Matrix3{500 / 640., 0, 0.5, 0, 500 / 480., 0.5, 0, 0, 1});
    // Half a turn about x, 5 in front of the camera: the frontal camera at +z.
    CHECK(difference(read[1].camera, {look_at({0, 0, 5}, {0, 0, 0}), read[1].camera.intrinsics}) < 1e-15);
    CHECK(read[2].name == "d.png");
}

TEST_CASE("COLMAP's text that cannot be is refused with its line", "[io][camera_file]") {
    const std::string camera = "1 PINHOLE 100 100 120 130 50 51\n";
    const std::string image = "1 1 0 0 0 0 0 0 1 a.png\n";
    refused_colmap("1 OPENCV 640 480 500 500 320 240 0.1 0 0 0\n", image,
                   "model/cameras.txt: line 1: expected PINHOLE or SIMPLE_PINHOLE (undistort first), found 'OPENCV'");
    refused_colmap("1 PINHOLE 100 100 120 130 50\n", image, "expected a number");
    refused_colmap("1 PINHOLE 100 100 120 130 50 51 9\n", image, "expected the end of the line, found '9'");
    refused_colmap("1 PINHOLE 0 100 120 130 50 51\n", image, "expected a picture with pixels");
    refused_colmap("1 PINHOLE 100 100 120 nan 50 51\n", image, "finite");
    refused_colmap("1 PINHOLE 100 100 0 130 50 51\n", image, "focal lengths above 0");
    refused_colmap(camera + camera, image, "line 2: expected each camera once");
    refused_colmap(camera, "1 1 0 0 0 0 0 0 2 a.png\n", "line 1 ('a.png'): expected a camera of cameras.txt, found 2");
    refused_colmap(camera, "\n1 0 0 0 0 0 0 0 1 a.png\n", "line 2 ('a.png'): expected a rotation");
    refused_colmap(camera, "1 1 0 0 0 0 0 1e999 1 a.png\n", "images.txt: line 1: expected a number");
    refused_colmap(camera, "1 1 0 0 0 0 0 0 1\n", "expected a name");
    refused_colmap(camera, image + "\nx\n", "line 3: expected a number, found 'x'");
}

TEST_CASE("cameras that a format cannot hold are not written", "[io][camera_file]") {
    const support::TemporaryFolder folder;
    const auto path = folder.path() / "out";
    auto cameras = some_cameras();
    const auto refused_to_write = [&](const CameraFileOptions& options, const std::string& part) {
        CHECK_THROWS_MATCHES(write_cameras(path, cameras, options), Error, is_error(Errc::invalid_argument, part));
        CHECK_FALSE(std::filesystem::exists(path));
    };
    SECTION("skew") {
        cameras[1].camera.intrinsics[1] = 0.1;
        refused_to_write({.format = CameraFormat::transforms}, "'views/a b.png': expected no skew");
        refused_to_write({.format = CameraFormat::colmap}, "skew");
    }
    SECTION("no camera") {
        cameras[2].camera.world_from_camera[0] = NAN;
        refused_to_write({}, "expected finite numbers");
    }
    SECTION("name") {
        cameras[0].name = GENERATE(as<std::string>(), "", "a\nb");
        refused_to_write({}, "name of a picture");
    }
    SECTION("a name that COLMAP's lines would cut") {
        cameras[0].name = " a";
        refused_to_write({.format = CameraFormat::colmap}, "name of a picture");
    }
    SECTION("no pixels") { refused_to_write({.format = CameraFormat::transforms, .width = 0}, "0 x 512"); }
}

TEST_CASE("a missing file is told as such", "[io][camera_file]") {
    const support::TemporaryFolder folder;
    CHECK_THROWS_MATCHES(read_cameras(folder.path() / "none.json"), Error, is_error(Errc::io_failure, "none.json"));
    CHECK_THROWS_MATCHES(read_cameras(folder.path()), Error, is_error(Errc::io_failure, "cameras.txt"));
}
