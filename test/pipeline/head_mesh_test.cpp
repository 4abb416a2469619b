// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_mesh.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using support::scalar;

namespace {

struct Sitter {
    Eg3d model = support::tiny_eg3d();
    Eg3d::Scene scene = [&] {
        const c10::NoGradGuard no_gradient;
        StreamSource<CounterRandom> random{CounterRandom(3)};
        return model.scene(WLatent(random.normal({1, model.config().num_ws(), model.config().w_dim}, at::kFloat)));
    }();
};

}  // namespace

TEST_CASE("trap 31: the published lattice is sheared, since its divisions are not rounded down", "[pipeline][mesh]") {
    // spec 8.2: N = 4, k = 5 is (0.3125, 1.25, 1) steps from the corner
    const auto point = lattice_points(4, 3.0, Lattice::published, 5, 1)[0][0];
    CHECK(scalar(point[0]) == Approx(0.3125 - 1.5));
    CHECK(scalar(point[1]) == Approx(1.25 - 1.5));
    CHECK(scalar(point[2]) == Approx(1.0 - 1.5));
    const auto regular = lattice_points(4, 3.0, Lattice::regular, 5, 1)[0][0];
    CHECK(scalar(regular[0]) == Approx(0.0 - 1.5));
    CHECK(scalar(regular[1]) == Approx(1.0 - 1.5));
    CHECK(scalar(regular[2]) == Approx(1.0 - 1.5));

    // Beyond 2^24 whole numbers are no longer exact in float32: neighbours share their rows.
    const auto far = lattice_points(512, 511.0, Lattice::published, (1 << 26) + 1, 2)[0];
    CHECK(scalar(far[0][1]) == scalar(far[1][1]));
    CHECK(scalar(far[1][2] - far[0][2]) == 1.0);
}

TEST_CASE("the grid holds the field's raw densities, whatever the budget", "[pipeline][mesh]") {
    const Sitter sitter;
    const auto field = sitter.model.field(sitter.scene);
    const auto grid = density_grid(field, 9, Lattice::regular, {});
    CHECK_NOTHROW(check(grid));
    const c10::NoGradGuard no_gradient;
    for (const auto& [x, y, z] : {std::array<std::int64_t, 3>{0, 0, 0}, {1, 2, 3}, {8, 7, 5}}) {
        const auto at = [&](std::int64_t i) { return static_cast<float>(-0.5 + 0.125 * static_cast<double>(i)); };
        const auto density = field.query(at::tensor({at(x), at(y), at(z)}).view({1, 1, 3})).density;
        CHECK(grid.at(x, y, z) == Approx(scalar(density)).epsilon(1e-5));
    }
    Context small;
    small.memory_budget = 100 * field.point_bytes();
    const auto pieces = density_grid(field, 9, Lattice::regular, small);
    for (std::size_t i = 0; i < grid.values.size(); ++i) CHECK(pieces.values[i] == Approx(grid.values[i]).margin(1e-5));
    small.memory_budget = 1;
    CHECK_THROWS_MATCHES(density_grid(field, 9, Lattice::regular, small), Error,
                         support::is_error(Errc::out_of_memory));
    CHECK_THROWS_MATCHES(density_grid(field, 1, Lattice::regular, {}), Error,
                         support::is_error(Errc::invalid_argument, "2 to 1024"));
}

TEST_CASE("a head's mesh is closed, lies at its level and has the field's colours", "[pipeline][mesh]") {
    const Sitter sitter;
    const auto field = sitter.model.field(sitter.scene);
    auto values = density_grid(field, 33, Lattice::regular, {}).values;
    std::ranges::nth_element(values, values.begin() + 8000);
    HeadMeshOptions options{.side = 33, .level = values[8000], .all_parts = true};
    const auto head = head_mesh(sitter.model, sitter.scene, options, {});
    CHECK(head.level == *options.level);
    CHECK_NOTHROW(check(head.mesh));
    CHECK(is_watertight(head.mesh));
    CHECK(signed_volume(head.mesh) > 0);
    CHECK(head.mesh.normals.size() == head.mesh.positions.size());
    REQUIRE(head.mesh.colours.size() == head.mesh.positions.size());

    // Where no border cuts the surface, densities are at the level but for the curvature within a cell.
    const c10::NoGradGuard no_gradient;
    double worst = 0;
    std::size_t inner = 0;
    const auto spread = head.range[1] - head.range[0];
    for (std::size_t i = 0; i < head.mesh.positions.size(); ++i) {
        const auto& p = head.mesh.positions[i];
        if (std::ranges::any_of(p, [](float c) { return std::abs(c) > 0.4F; })) continue;
        const auto there = field.query(at::tensor({p[0], p[1], p[2]}).view({1, 1, 3}));
        worst = std::max(worst, std::abs(scalar(there.density) - head.level));
        for (std::size_t c = 0; c < 3; ++c)
            CHECK(head.mesh.colours[i][c] ==
                  Approx(std::clamp(scalar(there.feature[0][0][static_cast<std::int64_t>(c)]), 0.0, 1.0)).margin(1e-4));
        ++inner;
    }
    REQUIRE(inner > 50);
    CHECK(worst < 0.1 * spread);

    options.all_parts = false;
    CHECK(head_mesh(sitter.model, sitter.scene, options, {}).mesh.triangles.size() <= head.mesh.triangles.size());
    options.level = 1e6F;
    CHECK_THROWS_MATCHES(head_mesh(sitter.model, sitter.scene, options, {}), Error,
                         support::is_error(Errc::invalid_argument, "level: expected a density between"));
    options.border = 17;
    CHECK_THROWS_MATCHES(head_mesh(sitter.model, sitter.scene, options, {}), Error,
                         support::is_error(Errc::invalid_argument, "border"));
}

TEST_CASE("without a level the surface is where rendered rays end", "[pipeline][mesh]") {
    const Sitter sitter;
    auto solid = sitter.scene;
    // Denser planes: the tiny model's random head is a mist otherwise.
    solid.planes = solid.planes * 40;
    const auto level = surface_level(sitter.model, solid, {});
    const auto range = value_range(density_grid(sitter.model.field(solid), 17, Lattice::regular, {}), -1000);
    CHECK(level > range[0]);
    CHECK(level < range[1]);
}
