// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_mesh.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stop_token>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/parallel.hpp>

#include "render/fused_triplane.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/memory.hpp"
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
    // Fields that the kernels do not serve are asked in pieces.
    const auto& parts = field.view();
    const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
    const TriplaneField other({.planes = wide(parts.planes),
                               .decoder = {wide(parts.decoder.hidden_weight), wide(parts.decoder.hidden_bias),
                                           wide(parts.decoder.output_weight), wide(parts.decoder.output_bias)},
                               .axes = parts.axes,
                               .box_side = parts.box_side});
    Context small;
    small.memory_budget = 100 * other.point_bytes();
    const auto pieces = density_grid(other, 9, Lattice::regular, small);
    for (std::size_t i = 0; i < grid.values.size(); ++i) CHECK(pieces.values[i] == Approx(grid.values[i]).margin(1e-5));
    small.memory_budget = 1;
    CHECK_THROWS_MATCHES(density_grid(field, 9, Lattice::regular, small), Error,
                         support::is_error(Errc::out_of_memory));
    CHECK_THROWS_MATCHES(density_grid(field, 1, Lattice::regular, {}), Error,
                         support::is_error(Errc::invalid_argument, "2 to 1024"));
}

TEST_CASE("the published lattice is that of float32 tensors, bit for bit", "[pipeline][mesh]") {
    const auto side = GENERATE(std::int64_t{7}, std::int64_t{256}, std::int64_t{512});
    const auto count = std::min(side * side * side, std::int64_t{200000});
    const auto first = GENERATE_COPY(std::int64_t{0}, side * side * side - count);
    const auto k = at::arange(first, first + count, at::kLong);
    const auto rows = k.to(at::kFloat) / static_cast<double>(side);
    const auto index = at::stack(
        {(rows / static_cast<double>(side)).remainder(side), rows.remainder(side), k.remainder(side).to(at::kFloat)},
        1);
    const auto expected = index * (1.25 / static_cast<double>(side - 1)) - 0.625;
    CHECK(support::same(lattice_points(side, 1.25, Lattice::published, first, count)[0], expected));
}

TEST_CASE("densities are the reference field's, through every kernel, folded or not, on any number of threads",
          "[pipeline][mesh]") {
    StreamSource<CounterRandom> random{CounterRandom(12)};
    const auto normal = [&](at::IntArrayRef shape) { return random.normal(shape, at::kFloat); };
    const auto channels = GENERATE(std::int64_t{5}, std::int64_t{16});
    const auto units = GENERATE(std::int64_t{10}, std::int64_t{48});
    const TriplaneField field({.planes = normal({1, 3, channels, 24, 24}) * 2,
                               .decoder = {normal({units, channels}), normal({units}), normal({4, units}), normal({4})},
                               .axes = GENERATE(official_plane_axes, corrected_plane_axes),
                               .box_side = 1.3});
    const c10::NoGradGuard no_gradient;
    for (const std::int64_t side : {3, 41}) {  // few points do not pay folding
        const auto points = lattice_points(side, 1.5, Lattice::regular, 0, side * side * side);  // some outside the box
        const auto expected = field.query(points).density.reshape({-1});
        const auto axes = points[0].t().contiguous();
        const auto give = [&](std::int64_t first, std::int64_t count, float* const* axis) {
            for (std::int64_t j = 0; j < 3; ++j) std::copy_n(axes[j].const_data_ptr<float>() + first, count, axis[j]);
        };
        for (const auto* kernels : cameo::detail::usable_triplane_kernels()) {
            auto values = at::empty_like(expected);
            cameo::detail::triplane_density(field, values.numel(), give, values.data_ptr<float>(), {}, *kernels);
            INFO(kernels->name);
            CHECK(support::relative_difference(values, expected) < 2e-6);
            const auto before = thread_count();
            set_thread_count(before == 1 ? 2 : 1);
            auto again = at::empty_like(expected);
            cameo::detail::triplane_density(field, values.numel(), give, again.data_ptr<float>(), {}, *kernels);
            set_thread_count(before);
            CHECK(support::same(values, again));
        }
    }
}

TEST_CASE("a grid needs little memory beyond itself and can be cancelled", "[pipeline][mesh][memory]") {
    const Sitter sitter;
    const auto field = sitter.model.field(sitter.scene);
    (void)density_grid(field, 16, Lattice::regular, {});
    DensityGrid grid;
    const auto growth = support::resident_growth([&] { grid = density_grid(field, 160, Lattice::regular, {}); });
    CHECK(growth < grid.values.size() * 4 + (std::size_t{8} << 20));
    std::stop_source stop;
    Context context;
    context.stop = stop.get_token();
    context.progress = [&](const Progress&) { stop.request_stop(); };
    CHECK_THROWS_MATCHES(density_grid(field, 160, Lattice::regular, context), Error,
                         support::is_error(Errc::cancelled));
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
