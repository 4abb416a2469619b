// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_splats.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/parallel.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/painted_ball.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::scalar;

namespace {

/// Two triangles in the plane z = 0.1, three units of area and one.
Mesh two_triangles() {
    Mesh mesh;
    mesh.positions = {{0, 0, 0.1F}, {2, 0, 0.1F}, {0, 3, 0.1F}, {-1, 0, 0.1F}, {0, -2, 0.1F}};
    mesh.triangles = {{0, 1, 2}, {0, 3, 4}};
    mesh.colours = {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}};
    return mesh;
}

}  // namespace

TEST_CASE("splats begin evenly on the surface, flat along it", "[pipeline][splats]") {
    const auto splats = splats_on(two_triangles(), 400);
    CHECK(splats.count() == 400);
    const auto p = splats.position;
    CHECK(support::difference(p.select(1, 2), at::full({400}, 0.1)) < 1e-6);
    CHECK(scalar((p.select(1, 1) > 0).sum()) == Approx(300).margin(2));  // a share for each share of the area
    // Their thin axis is the normal, whichever way it points.
    for (std::int64_t i = 0; i < 400; i += 37) {
        const auto q = splats.rotation[i].to(at::kDouble);
        const auto w = scalar(q[0]), x = scalar(q[1]), y = scalar(q[2]);
        CHECK(std::abs(1 - 2 * (x * x + y * y)) == Approx(1).margin(1e-6));
        CHECK(w * w + x * x + y * y + scalar(q[3] * q[3]) == Approx(1).margin(1e-6));
        CHECK(scalar(splats.log_scale[i][2]) < scalar(splats.log_scale[i][0]) - 1);
        CHECK(scalar(splats.colour[i][0]) == 1);
    }
    Mesh slanted = two_triangles();
    for (auto& v : slanted.positions) v = {v[0], v[2], -v[1]};  // now the plane y = 0.1, facing +y
    const auto turned = splats_on(slanted, 10).rotation[0].to(at::kDouble);
    const auto w = scalar(turned[0]), x = scalar(turned[1]), y = scalar(turned[2]), z = scalar(turned[3]);
    CHECK(2 * (y * z - w * x) == Approx(1).margin(1e-6));  // where own z goes along y

    CHECK_THROWS_MATCHES(splats_on({}, 5), Error, support::is_error(Errc::invalid_argument, "triangles"));
    CHECK_THROWS_MATCHES(splats_on(two_triangles(), 0), Error, support::is_error(Errc::invalid_argument, "count"));
}

TEST_CASE("a fit comes nearer to the pictures and is the same each time", "[pipeline][splats]") {
    const auto start = splats_on(two_triangles(), 60);
    std::vector<Camera> views;
    for (const double yaw : {-20.0, 0.0, 20.0})
        views.push_back({orbit_degrees(yaw, 0, 6.0), intrinsics_from_focal(1.2)});
    const auto looking = cameras(views, at::kFloat);
    auto wanted = start;
    wanted.colour = at::tensor({0.1, 0.8, 0.4}, at::kFloat).expand({60, 3}).contiguous();
    const ops::SplatOptions size{.width = 32, .height = 32};
    const auto pictures = ops::splat(wanted, looking, size);
    const auto error = [&](const SplatTensors& splats) {
        return scalar((ops::splat(splats, looking, size) - pictures).square().mean());
    };
    const SplatFitOptions options{.steps = 250, .spacing = 0.2};
    const auto fitted = fit_splats(start, pictures, looking, options, {});
    CHECK(error(fitted) < 0.02 * error(start));
    const auto before = thread_count();
    set_thread_count(before == 1 ? 2 : 1);
    const auto again = fit_splats(start, pictures, looking, options, {});
    set_thread_count(before);
    CHECK(support::same(fitted.position, again.position));
    CHECK(support::same(fitted.opacity, again.opacity));
    CHECK_THROWS_MATCHES(fit_splats(start, pictures.narrow(0, 0, 2), looking, options, {}), Error,
                         support::is_error(Errc::shape_mismatch, "pictures"));
}

TEST_CASE("a head's splats look like the model from sides they were not fitted to", "[pipeline][splats]") {
    const auto model = support::ball_generator();
    const auto scene = support::painted_ball(model);
    const HeadSplatsOptions options{.count = 2500, .steps = 100, .views = 16, .surface = {.side = 48}};
    const auto head = head_splats(model, scene, options, {});
    CHECK_NOTHROW(check(head.splats));
    CHECK(head.splats.positions.size() == 2500);
    CHECK(head.psnr > 19);  // the start has 15: 32 px, a ball with edges in a mist, a quarter of the usual steps
    std::size_t near = 0;   // the surface, which is a ball
    for (const auto& p : head.splats.positions) near += std::abs(std::hypot(p[0], p[1], p[2]) - 0.29F) < 0.04F ? 1 : 0;
    CHECK(near > 2400);

    auto wrong = options;
    wrong.views = 0;
    CHECK_THROWS_MATCHES(head_splats(model, scene, wrong, {}), Error,
                         support::is_error(Errc::invalid_argument, "view"));
    wrong = options;
    wrong.surface.level = 1e6F;
    CHECK_THROWS_MATCHES(head_splats(model, scene, wrong, {}), Error,
                         support::is_error(Errc::invalid_argument, "level"));
}
