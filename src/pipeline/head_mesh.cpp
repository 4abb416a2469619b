// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_mesh.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/random.hpp>
#include <cameo/ops/rays.hpp>
#include <cameo/render/fused_triplane_renderer.hpp>
#include <cameo/shape/iso_surface.hpp>

namespace cameo {
namespace {

constexpr std::int64_t points_at_once = 1 << 17;
constexpr float emptiness = -1000.0F;  // as the published programs fill their border

/// The field's values in pieces that fit the budget, each handed to `take(first, values)`.
template <class Points, class Take>
void query_in_pieces(const TriplaneField& field, std::int64_t count, const Context& context, const Points& points,
                     const Take& take) {
    const auto piece = std::min(points_at_once, ray_chunk(context, count, field.point_bytes()));
    for (std::int64_t first = 0; first < count; first += piece) {
        context.report("densities", first, count);
        const auto here = std::min(piece, count - first);
        take(first, field.query(points(first, here).to(field.view().planes.options())));
    }
    context.report("densities", count, count);
}

std::vector<std::array<float, 3>> colours_of(const TriplaneField& field, const std::vector<std::array<float, 3>>& at,
                                             const Context& context) {
    std::vector<std::array<float, 3>> colours(at.size());
    const auto all = at::from_blob(const_cast<std::array<float, 3>*>(at.data()),
                                   {1, static_cast<std::int64_t>(at.size()), 3}, at::kFloat);
    query_in_pieces(
        field, all.size(1), context,
        [&](std::int64_t first, std::int64_t count) { return all.narrow(1, first, count); },
        [&](std::int64_t first, const FieldValues& values) {
            const auto rgb = values.feature[0].narrow(1, 0, 3).clamp(0.0, 1.0).to(at::kCPU, at::kFloat).contiguous();
            std::memcpy(colours.data() + first, rgb.const_data_ptr<float>(), rgb.nbytes());
        });
    return colours;
}

void check_side(std::int64_t side) {
    if (side < 2 || side > max_grid_side)
        throw Error(Errc::invalid_argument, "lattice: expected 2 to " + std::to_string(max_grid_side) +
                                                " points along a side, got " + std::to_string(side));
}

/// x modulo n as floats have it, for whole n and x from 0 to 2^30: the quotient is never nearer to a whole number than
/// doubles can tell.
float wrapped(float x, float n) {
    const auto wide = static_cast<double>(x);
    return static_cast<float>(wide - static_cast<double>(n) * std::floor(wide / static_cast<double>(n)));
}

/// lattice_points(), coordinate by coordinate. Rounded as float32 tensors round.
void write_lattice(std::int64_t side, double box_side, Lattice lattice, std::int64_t first, std::int64_t count,
                   float* const* axis) {
    const auto step = static_cast<float>(box_side / static_cast<double>(side - 1));
    const auto half = static_cast<float>(box_side / 2), n = static_cast<float>(side);
    const auto place = [&](float i) { return i * step - half; };
    for (std::int64_t i = 0; i < count; ++i) {
        const auto k = first + i;
        axis[2][i] = place(static_cast<float>(k % side));
        if (lattice == Lattice::regular) {
            axis[1][i] = place(static_cast<float>(k / side % side));
            axis[0][i] = place(static_cast<float>(k / (side * side)));
        } else {
            const auto rows = static_cast<float>(k) / n;
            axis[1][i] = place(wrapped(rows, n));
            axis[0][i] = place(wrapped(rows / n, n));
        }
    }
}

}  // namespace

at::Tensor lattice_points(std::int64_t side, double box_side, Lattice lattice, std::int64_t first, std::int64_t count) {
    check_side(side);
    auto points = at::empty({3, count}, at::kFloat);
    float* const axis[3] = {points[0].data_ptr<float>(), points[1].data_ptr<float>(), points[2].data_ptr<float>()};
    write_lattice(side, box_side, lattice, first, count, axis);
    return points.t().contiguous().unsqueeze(0);
}

DensityGrid density_grid(const TriplaneField& field, std::int64_t side, Lattice lattice, const Context& context) {
    const c10::NoGradGuard no_gradient;
    if (field.view().planes.size(0) != 1)
        throw Error(Errc::shape_mismatch,
                    "density grid: expected a field of one scene, got " + std::to_string(field.view().planes.size(0)));
    const auto box = field.view().box_side;
    check_side(side);
    DensityGrid grid{.sides = {side, side, side},
                     .origin = {-box / 2, -box / 2, -box / 2},
                     .step = box / static_cast<double>(side - 1),
                     .values = {}};
    const auto count = side * side * side;
    grid.values.resize(static_cast<std::size_t>(count));
    if (detail::fused_triplane_serves(field)) {
        detail::triplane_density(
            field, count,
            [&](std::int64_t first, std::int64_t here, float* const* axis) {
                write_lattice(side, box, lattice, first, here, axis);
            },
            grid.values.data(), context);
        return grid;
    }
    query_in_pieces(
        field, count, context,
        [&](std::int64_t first, std::int64_t here) { return lattice_points(side, box, lattice, first, here); },
        [&](std::int64_t first, const FieldValues& values) {
            const auto density = values.density.reshape({-1}).to(at::kCPU, at::kFloat).contiguous();
            std::memcpy(grid.values.data() + first, density.const_data_ptr<float>(), density.nbytes());
        });
    return grid;
}

std::int64_t published_border(std::int64_t side) { return 30 * side / 256; }

DensityGrid head_volume(const Eg3d& model, const Eg3d::Scene& scene, std::int64_t side, Lattice lattice,
                        std::int64_t border, const Context& context) {
    auto grid = density_grid(model.field(scene), side, lattice, context);
    close_border(grid, border, emptiness);
    return grid;
}

float surface_level(const Eg3d& model, const Eg3d::Scene& scene, const Context& context) {
    const c10::NoGradGuard no_gradient;
    const auto& config = model.config();
    std::vector<Camera> views;
    for (const double yaw : {-35.0, 0.0, 35.0})
        views.push_back({orbit_degrees(yaw, 0, config.camera_radius, config.camera_pivot),
                         intrinsics_from_focal(ffhq_cameras.focal)});
    const auto options = scene.planes.options();
    const auto looking = cameras(views, options);
    RenderOptions how;
    how.raw_resolution = 48;
    StreamSource<CounterRandom> none;
    const auto seen = model.features(scene, looking, how, none, context);
    const auto rays = ops::rays(looking, how.raw_resolution);
    const auto points = (rays.origin + seen.depth * rays.direction).reshape({1, -1, 3});
    const auto met = (seen.weight > 0.9).reshape({-1});
    if (!met.any().item<bool>())
        throw Error(Errc::invalid_argument, "surface level: expected a head that rays meet, got an empty scene");
    const auto density = model.field(scene).query(points).density.reshape({-1});
    return density.masked_select(met).median().item<float>();
}

HeadMesh head_mesh(const Eg3d& model, const Eg3d::Scene& scene, const HeadMeshOptions& options,
                   const Context& context) {
    if (options.border < 1 || 2 * options.border + 2 > options.side)
        throw Error(Errc::invalid_argument, "border: expected 1 to " + std::to_string(options.side / 2 - 1) +
                                                " layers, got " + std::to_string(options.border));
    auto grid = head_volume(model, scene, options.side, options.lattice, options.border, context);
    HeadMesh head;
    head.range = value_range(grid, emptiness);
    head.level = options.level ? *options.level : surface_level(model, scene, context);
    if (!(head.level > head.range[0] && head.level < head.range[1]))
        throw Error(Errc::invalid_argument, "level: expected a density between " + std::to_string(head.range[0]) +
                                                " and " + std::to_string(head.range[1]) + ", got " +
                                                std::to_string(head.level));
    head.mesh = iso_surface(grid, head.level, context);
    grid.values = {};
    if (!options.all_parts) head.mesh = largest_component(head.mesh);
    head.mesh.normals = vertex_normals(head.mesh);
    if (options.colours) {
        const c10::NoGradGuard no_gradient;
        head.mesh.colours = colours_of(model.field(scene), head.mesh.positions, context);
    }
    return head;
}

}  // namespace cameo
