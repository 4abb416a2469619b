// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_splats.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/train/adam.hpp>

#include "pipeline/raw_views.hpp"

namespace cameo {
namespace {

constexpr std::int64_t unseen_views = 16;

/// The quaternion that turns z to a unit vector.
std::array<float, 4> turn_from_z(const std::array<float, 3>& to) {
    if (to[2] < -0.9999F) return {0, 1, 0, 0};
    const auto w = std::sqrt((1 + to[2]) / 2);
    return {w, -to[1] / (2 * w), to[0] / (2 * w), 0};
}

/// Directions spread evenly (Halton's points of bases 2 and 3). Every `wide`-th shows the whole box.
std::vector<Camera> spread_views(std::int64_t first, std::int64_t count, std::int64_t wide,
                                 const HeadSplatsOptions& options, const Eg3dConfig& config) {
    const auto halton = [](std::int64_t i, std::int64_t base) {
        double place = 0, share = 1;
        for (; i > 0; i /= base) place += (share /= static_cast<double>(base)) * static_cast<double>(i % base);
        return place;
    };
    std::vector<Camera> views;
    for (auto i = first; i < first + count; ++i) {
        const auto yaw = (2 * halton(i + 1, 2) - 1) * options.yaw, pitch = (2 * halton(i + 1, 3) - 1) * options.pitch;
        const auto is_wide = wide > 0 && i % wide == 0;
        views.push_back({orbit_degrees(yaw, pitch, config.camera_radius, is_wide ? Vector3{} : config.camera_pivot),
                         intrinsics_from_focal(is_wide ? box_focal : ffhq_cameras.focal)});
    }
    return views;
}

}  // namespace

SplatTensors splats_on(const Mesh& mesh, std::int64_t count, std::uint64_t seed) {
    check(mesh);
    if (mesh.triangles.empty()) throw Error(Errc::invalid_argument, "splats: expected a mesh with triangles, got none");
    if (count < 1)
        throw Error(Errc::invalid_argument, "splats: expected a count of at least 1, got " + std::to_string(count));
    using Triple = std::array<float, 3>;
    const auto minus = [](const Triple& a, const Triple& b) { return Triple{a[0] - b[0], a[1] - b[1], a[2] - b[2]}; };
    const auto cross = [](const Triple& a, const Triple& b) {
        return Triple{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    };
    std::vector<double> area_up_to;
    std::vector<Triple> normals;
    double area = 0;
    for (const auto& [a, b, c] : mesh.triangles) {
        auto normal = cross(minus(mesh.positions[b], mesh.positions[a]), minus(mesh.positions[c], mesh.positions[a]));
        const auto length = std::hypot(normal[0], normal[1], normal[2]);
        for (auto& part : normal) part = length > 0 ? part / length : 0.0F;
        if (!(length > 0)) normal = {0, 0, 1};
        normals.push_back(normal);
        area_up_to.push_back(area += static_cast<double>(length) / 2);
    }
    if (!(area > 0)) throw Error(Errc::invalid_argument, "splats: expected a mesh with an area, got none");

    const auto spacing = std::sqrt(area / static_cast<double>(count));
    SplatTensors splats{at::empty({count, 3}, at::kFloat), at::empty({count, 3}, at::kFloat),
                        at::empty({count, 4}, at::kFloat), at::full({count}, 3.0, at::kFloat),
                        at::empty({count, 3}, at::kFloat)};
    auto* const position = splats.position.data_ptr<float>();
    auto* const rotation = splats.rotation.data_ptr<float>();
    auto* const colour = splats.colour.data_ptr<float>();
    CounterRandom random(seed);
    std::size_t triangle = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        // One in each equal share of the area, in the order of the triangles.
        std::array<double, 3> draw{};
        random.uniform(draw);
        const auto place = (static_cast<double>(i) + draw[0]) / static_cast<double>(count) * area;
        while (triangle + 1 < area_up_to.size() && area_up_to[triangle] < place) ++triangle;
        const auto root = std::sqrt(draw[1]);
        const std::array<double, 3> share{1 - root, root * (1 - draw[2]), root * draw[2]};
        for (std::size_t k = 0; k < 3; ++k) {
            double point = 0, tint = mesh.colours.empty() ? 0.5 : 0.0;
            for (std::size_t corner = 0; corner < 3; ++corner) {
                const auto vertex = mesh.triangles[triangle][corner];
                point += share[corner] * static_cast<double>(mesh.positions[vertex][k]);
                if (!mesh.colours.empty()) tint += share[corner] * static_cast<double>(mesh.colours[vertex][k]);
            }
            position[3 * i + static_cast<std::int64_t>(k)] = static_cast<float>(point);
            colour[3 * i + static_cast<std::int64_t>(k)] = static_cast<float>(tint);
        }
        const auto turn = turn_from_z(normals[triangle]);
        std::ranges::copy(turn, rotation + 4 * i);
    }
    const auto flat = at::tensor({0.6 * spacing, 0.6 * spacing, 0.15 * spacing}, at::kFloat).log();
    splats.log_scale.copy_(flat.expand({count, 3}));
    return splats;
}

SplatTensors fit_splats(const SplatTensors& start, const at::Tensor& pictures, const Cameras& cameras,
                        const SplatFitOptions& options, const Context& context) {
    ShapeCheck().bind("N", cameras.size()).expect("pictures", pictures, "[N, 3, H, W]");
    if (options.steps < 0 || !(options.spacing > 0))
        throw Error(Errc::invalid_argument,
                    "splat fit: expected steps of at least 0 and a positive spacing, got others");
    const ops::SplatOptions how{
        .width = pictures.size(3), .height = pictures.size(2), .background = options.background};
    std::vector<Adam> optimisers;
    const auto moving = [&](const char* name, const at::Tensor& from, double rate) {
        auto value = from.detach().clone();
        value.requires_grad_(true);
        optimisers.emplace_back(NamedTensors{{name, value}},
                                AdamOptions{.learning_rate = rate, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-12});
        return value;
    };
    const SplatTensors now{moving("position", start.position, 0.04 * options.spacing),
                           moving("log_scale", start.log_scale, 0.02), moving("rotation", start.rotation, 0.01),
                           moving("opacity", start.opacity, 0.05), moving("colour", start.colour, 0.02)};
    for (std::int64_t step = 0; step < options.steps; ++step) {
        context.report("fit", step, options.steps);
        // A stride without a common divisor with most counts: neighbouring views are far apart in time.
        const auto n = step * 7 % cameras.size();
        const auto done = static_cast<double>(step) / static_cast<double>(options.steps);
        {
            const c10::AutoGradMode with_gradients(true);
            (ops::splat(now, cameras.slice(n, 1), how) - pictures.narrow(0, n, 1)).square().mean().backward();
        }
        for (auto& optimiser : optimisers) {
            optimiser.step(std::pow(0.05, done));
            optimiser.clear_gradients();
        }
    }
    context.report("fit", options.steps, options.steps);
    return {now.position.detach(), now.log_scale.detach(), now.rotation.detach(), now.opacity.detach(),
            now.colour.detach()};
}

HeadSplats head_splats(const Eg3d& model, const Eg3d::Scene& scene, const HeadSplatsOptions& options,
                       const Context& context) {
    if (options.views < 1 || !(options.yaw >= 0 && options.yaw <= 180) || !(options.pitch >= 0 && options.pitch <= 85))
        throw Error(Errc::invalid_argument,
                    "splats: expected at least 1 view, yaw up to 180 and pitch up to 85 degrees, got others");
    const c10::NoGradGuard no_gradient;
    const auto head = head_mesh(model, scene, options.surface, context);
    const auto start = splats_on(head.mesh, options.count, options.seed);
    const auto& config = model.config();
    const auto side = model.raw_resolution({});
    // Seen closer than the raw image is, so that the Gaussians are right for viewers that come closer, too.
    const auto fitting = std::clamp<std::int64_t>(2 * side, 128, 256);
    const auto views = spread_views(unseen_views, options.views, 3, options, config);
    const auto pictures = raw_views(model, scene, views, fitting, context);
    SplatFitOptions fit{.steps = options.steps};
    if (config.white_background) fit.background = {1, 1, 1};
    fit.spacing = std::exp(start.log_scale[0][0].item<double>()) / 0.6;
    const auto fitted = fit_splats(start, pictures, cameras(views, at::kFloat), fit, context);

    const auto unseen = spread_views(0, unseen_views, 0, options, config);
    const auto truth = raw_views(model, scene, unseen, side, context).clamp(0, 1);
    // The fit's blur, which is counted in pixels: the same Gaussians, seen from as far.
    const auto ratio = static_cast<double>(side) / static_cast<double>(fitting);
    const ops::SplatOptions looking{
        .width = side, .height = side, .background = fit.background, .blur = ops::SplatOptions{}.blur * ratio * ratio};
    const auto own = ops::splat(fitted, cameras(unseen, at::kFloat), looking).clamp(0, 1);
    return {to_splats(fitted), -10 * std::log10((own - truth).square().mean().item<double>())};
}

GaussianSplats to_splats(const SplatTensors& tensors) {
    const auto read = [](const at::Tensor& from, auto& to) {
        const auto plain = from.detach().to(at::kCPU, at::kFloat).contiguous();
        to.resize(static_cast<std::size_t>(plain.size(0)));
        if (plain.numel() > 0) std::memcpy(to.data(), plain.const_data_ptr<float>(), plain.nbytes());
    };
    GaussianSplats splats;
    read(tensors.position, splats.positions);
    read(tensors.log_scale, splats.log_scales);
    read(tensors.rotation, splats.rotations);
    read(tensors.opacity, splats.opacities);
    read(tensors.colour, splats.colours);
    return splats;
}

}  // namespace cameo
