// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/iso_surface.hpp>

#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <stop_token>
#include <utility>

#include <cameo/core/counter_random.hpp>

#include "shape/grids.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;
using support::sampled_grid;

namespace {

/// V - E + F: 2 for a sphere, 0 for a torus, and their sum for several parts.
std::int64_t euler_number(const Mesh& mesh) {
    std::set<std::pair<std::uint32_t, std::uint32_t>> edges;
    for (const auto& t : mesh.triangles)
        for (std::size_t i = 0; i < 3; ++i) edges.insert(std::minmax(t[i], t[(i + 1) % 3]));
    return static_cast<std::int64_t>(mesh.positions.size()) - static_cast<std::int64_t>(edges.size()) +
           static_cast<std::int64_t>(mesh.triangles.size());
}

double ball(double x, double y, double z) { return 0.3 - std::sqrt(x * x + y * y + z * z); }

}  // namespace

TEST_CASE("a ball's surface is closed, faces outwards, and has its volume", "[shape][iso]") {
    const auto mesh = iso_surface(sampled_grid(41, 1.0, ball), 0.0F);
    CHECK_NOTHROW(check(mesh));
    CHECK(is_watertight(mesh));
    CHECK(euler_number(mesh) == 2);
    CHECK(signed_volume(mesh) == Approx(4.0 / 3.0 * std::numbers::pi * 0.027).epsilon(0.01));
    for (const auto& p : mesh.positions) CHECK(std::hypot(p[0], p[1], p[2]) == Approx(0.3).margin(1e-3));
    const auto normals = vertex_normals(mesh);
    for (std::size_t i = 0; i < normals.size(); ++i) {
        const auto& p = mesh.positions[i];
        CHECK((normals[i][0] * p[0] + normals[i][1] * p[1] + normals[i][2] * p[2]) / 0.3F > 0.9F);
    }
}

TEST_CASE("where densities are linear the surface is exact", "[shape][iso]") {
    const auto plane = [](double x, double y, double z) { return 0.3 * x - 0.5 * y + 0.8 * z + 0.05; };
    const auto mesh = iso_surface(sampled_grid(12, 1.0, plane), 0.125F);
    for (const auto& p : mesh.positions) CHECK(plane(p[0], p[1], p[2]) == Approx(0.125).margin(2e-4));
    for (const auto& n : vertex_normals(mesh)) {
        CHECK(n[0] == Approx(-0.3 / std::sqrt(0.98)).margin(0.02));
        CHECK(n[2] == Approx(-0.8 / std::sqrt(0.98)).margin(0.02));
    }
}

TEST_CASE("a torus keeps its hole", "[shape][iso]") {
    const auto mesh = iso_surface(
        sampled_grid(40, 1.0,
                     [](double x, double y, double z) { return 0.1 - std::hypot(std::hypot(x, y) - 0.28, z); }),
        0.0F);
    CHECK(is_watertight(mesh));
    CHECK(euler_number(mesh) == 0);
    CHECK(signed_volume(mesh) == Approx(2 * std::numbers::pi * std::numbers::pi * 0.28 * 0.01).epsilon(0.03));
}

// Noise meets every case of every cell, the ambiguous ones of cubes and values at the level itself among them.
TEST_CASE("the surface of noise is a manifold without holes", "[shape][iso]") {
    CounterRandom random(5);
    DensityGrid grid{.sides = {14, 11, 9}, .origin = {}, .step = 0.5, .values = std::vector<float>(14 * 11 * 9)};
    std::vector<double> numbers(grid.values.size());
    random.normal(numbers);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        grid.values[i] = std::round(static_cast<float>(2 * numbers[i])) / 2;
    close_border(grid, 1, -100);
    const auto mesh = iso_surface(grid, 0.5F);
    CHECK_NOTHROW(check(mesh));
    CHECK(is_watertight(mesh));
    CHECK(signed_volume(mesh) > 0);
    const auto part = largest_component(mesh);
    CHECK_NOTHROW(check(part));
    CHECK(is_watertight(part));
    CHECK(part.triangles.size() < mesh.triangles.size());
}

TEST_CASE("the largest of two balls stays, with what belongs to its vertices", "[shape][iso]") {
    const auto two = [](double x, double y, double z) {
        return std::max(0.2 - std::hypot(x - 0.2, y, z), 0.1 - std::hypot(x + 0.3, y, z));
    };
    auto both = iso_surface(sampled_grid(40, 1.0, two), 0.0F);
    CHECK(euler_number(both) == 4);
    for (const auto& p : both.positions) both.colours.push_back({p[0] > 0 ? 1.0F : 0.0F, 0, 0});
    const auto one = largest_component(both);
    CHECK(euler_number(one) == 2);
    CHECK(signed_volume(one) == Approx(4.0 / 3.0 * std::numbers::pi * 0.008).epsilon(0.02));
    REQUIRE(one.colours.size() == one.positions.size());
    for (const auto& colour : one.colours) CHECK(colour[0] == 1.0F);
}

TEST_CASE("a level outside the densities is refused with their range, and work can be stopped", "[shape][iso]") {
    const auto grid = sampled_grid(8, 1.0, ball);
    CHECK_THROWS_MATCHES(iso_surface(grid, 7.0F), Error,
                         support::is_error(Errc::invalid_argument, "got 7.000000: no surface"));
    CHECK_THROWS_MATCHES(iso_surface(grid, NAN), Error, support::is_error(Errc::invalid_argument, "finite level"));
    std::stop_source stop;
    stop.request_stop();
    Context context;
    context.stop = stop.get_token();
    CHECK_THROWS_MATCHES(iso_surface(grid, 0.0F, context), Error, support::is_error(Errc::cancelled));
}
