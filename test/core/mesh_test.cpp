// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/mesh.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "support/errors.hpp"

using namespace cameo;
using support::is_error;

namespace {

/// The corner of a cube with legs of length 1: volume 1/6, triangles anticlockwise from outside.
Mesh tetrahedron() {
    Mesh mesh;
    mesh.positions = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    mesh.triangles = {{0, 2, 1}, {0, 1, 3}, {0, 3, 2}, {1, 2, 3}};
    return mesh;
}

}  // namespace

TEST_CASE("a closed mesh is watertight and has a volume", "[core][mesh]") {
    auto mesh = tetrahedron();
    CHECK_NOTHROW(check(mesh));
    CHECK(is_watertight(mesh));
    CHECK(signed_volume(mesh) == Approx(1.0 / 6));
    for (auto& position : mesh.positions) position[0] += 5;
    CHECK(signed_volume(mesh) == Approx(1.0 / 6));
}

TEST_CASE("a hole, a turned triangle or a doubled one is not watertight", "[core][mesh]") {
    auto mesh = tetrahedron();
    SECTION("hole") { mesh.triangles.pop_back(); }
    SECTION("turned") { std::swap(mesh.triangles[0][0], mesh.triangles[0][1]); }
    SECTION("doubled") { mesh.triangles.push_back(mesh.triangles[0]); }
    CHECK_FALSE(is_watertight(mesh));
}

TEST_CASE("a mesh turned inside out has a negative volume", "[core][mesh]") {
    auto mesh = tetrahedron();
    for (auto& triangle : mesh.triangles) std::swap(triangle[0], triangle[1]);
    CHECK(is_watertight(mesh));
    CHECK(signed_volume(mesh) == Approx(-1.0 / 6));
}

TEST_CASE("vertex normals point outwards, weighted by area", "[core][mesh]") {
    auto mesh = tetrahedron();
    mesh.positions.push_back({9, 9, 9});  // belongs to no triangle
    mesh.normals = vertex_normals(mesh);
    CHECK_NOTHROW(check(mesh));
    const auto leg = static_cast<float>(-1 / std::sqrt(3.0));
    for (std::size_t i = 0; i < 3; ++i) CHECK(mesh.normals[0][i] == Approx(leg));
    CHECK(mesh.normals[1][0] == Approx(1));  // the slanted side's normal (1, 1, 1) and the two sides' (0, -1, -1)
    CHECK(mesh.normals[1][1] == Approx(0).margin(1e-7));
    CHECK(mesh.normals[4] == std::array<float, 3>{0, 0, 1});
}

TEST_CASE("a mesh that contradicts itself is refused with the place", "[core][mesh]") {
    auto mesh = tetrahedron();
    const auto refused = [&](const std::string& part) {
        CHECK_THROWS_MATCHES(check(mesh, "head"), Error, is_error(Errc::invalid_argument, "head: " + part));
    };
    SECTION("index") {
        mesh.triangles[2][1] = 4;
        refused("expected indices below 4, got 4 in triangle 2");
    }
    SECTION("degenerate triangle") {
        mesh.triangles[1] = {3, 1, 3};
        refused("expected three vertices, got one twice in triangle 1");
    }
    SECTION("position") {
        mesh.positions[3][1] = std::numeric_limits<float>::quiet_NaN();
        refused("expected positions to be finite, got another at index 3");
    }
    SECTION("normals, count") {
        mesh.normals.resize(3, {0, 0, 1});
        refused("expected normals for 4 vertices, got 3");
    }
    SECTION("normals, length") {
        mesh.normals = {{0, 0, 1}, {0, 0, 1}, {0, 0, 1.01F}, {0, 0, 1}};
        refused("expected normals of length 1, got another at index 2");
    }
    SECTION("colour") {
        mesh.colours.resize(4);
        mesh.colours[1] = {0, 1.5F, 0};
        refused("expected colours in [0, 1], got another at index 1");
    }
    SECTION("texture coordinates") {
        mesh.uv.resize(4);
        mesh.uv[0][0] = std::numeric_limits<float>::infinity();
        refused("expected uv to be finite, got another at index 0");
    }
    SECTION("scale") {
        mesh.metres_per_unit = 0;
        refused("expected a scale above 0");
    }
}
