// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/rays.hpp>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/gradients.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::is_error;

namespace {

std::vector<Camera> some_cameras() {
    return {{look_at({0.7, -0.4, 2.3}, {0.1, 0.2, -0.3}), {4.2, 0.1, 0.45, 0, 3.9, 0.55, 0, 0, 1}},
            {orbit_degrees(20, 10, 2.7, {0, 0, 0.2}), intrinsics_from_focal(4.2647)}};
}

RayBundle one_ray(const Vector3& origin, const Vector3& direction) {
    const auto row = [](const Vector3& v) { return at::tensor({v[0], v[1], v[2]}, at::kDouble).reshape({1, 1, 3}); };
    return {row(origin), row(direction)};
}

}  // namespace

TEST_CASE("trap 7: rays go through the centres of pixels, row by row, by intrinsics of the unit image", "[ops][rays]") {
    const auto plain = some_cameras();
    const auto rays = ops::rays(cameras(plain, at::kDouble), {.height = 3, .width = 5});
    CHECK_NOTHROW(check(rays));
    CHECK(rays.direction.sizes() == at::IntArrayRef{2, 15, 3});
    for (std::int64_t n = 0; n < 2; ++n)
        for (std::int64_t ray = 0; ray < 15; ++ray) {
            const auto expected =
                pixel_ray(plain[static_cast<std::size_t>(n)], (static_cast<double>(ray % 5) + 0.5) / 5,
                          (static_cast<double>(ray / 5) + 0.5) / 3);
            for (std::int64_t i = 0; i < 3; ++i) {
                const auto axis = static_cast<std::size_t>(i);
                CHECK(rays.origin[n][ray][i].item<double>() == expected.origin[axis]);
                CHECK(rays.direction[n][ray][i].item<double>() == Approx(expected.direction[axis]).epsilon(1e-13));
            }
        }
}

TEST_CASE("one number is a square image, and no pixels are refused", "[ops][rays]") {
    const auto batch = cameras(some_cameras());
    const auto square = ops::rays(batch, 4);
    CHECK(support::same(square.direction, ops::rays(batch, {4, 4}).direction));
    CHECK(square.direction.scalar_type() == at::kFloat);
    CHECK_THROWS_MATCHES(ops::rays(batch, 0), Error, is_error(Errc::invalid_argument, "0 x 0"));
    CHECK_THROWS_MATCHES(ops::rays(batch, {4, -1}), Error, is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(ops::rays({batch.intrinsics, batch.intrinsics}, 4), Error, is_error(Errc::shape_mismatch));
}

TEST_CASE("rays are differentiable in poses and intrinsics", "[ops][rays]") {
    const auto batch = cameras(some_cameras(), at::kDouble);
    const auto pose = batch.world_from_camera.clone();
    const auto intrinsics = batch.intrinsics.clone();
    const auto weights = at::linspace(-1, 2, 2 * 12 * 3, at::kDouble).reshape({2, 12, 3});
    const auto loss = [&] {
        const auto rays = ops::rays({pose, intrinsics}, {3, 4});
        return (rays.direction.square() * weights + rays.direction * weights.flip(1) + rays.origin * weights).sum();
    };
    CHECK(support::gradient_error(loss, {pose, intrinsics}) < 1e-8);
}

TEST_CASE("a ray through the cube enters and leaves where geometry says", "[ops][rays]") {
    const auto limits = ops::box_limits(one_ray({0, 0, 2.7}, {0, 0, -1}), 1);
    CHECK(limits.start.sizes() == at::IntArrayRef{1, 1, 1});
    CHECK(support::scalar(limits.start) == Approx(2.2));
    CHECK(support::scalar(limits.end) == Approx(3.2));
    const auto inside = ops::box_limits(one_ray({0.1, 0, 0}, {1, 0, 0}), 1);
    CHECK(support::scalar(inside.start) == Approx(-0.6));
    CHECK(support::scalar(inside.end) == Approx(0.4));
    const auto diagonal = 1 / std::numbers::sqrt3;
    const auto corner = ops::box_limits(one_ray({1, 1, 1}, {-diagonal, -diagonal, -diagonal}), 1);
    CHECK(support::scalar(corner.start) == Approx(0.5 * std::numbers::sqrt3));
    CHECK(support::scalar(corner.end) == Approx(1.5 * std::numbers::sqrt3));
    const auto beside = ops::box_limits(one_ray({0, 1, 2.7}, {0, 0, -1}), 1);
    CHECK(support::scalar(beside.start) == -1);
    CHECK(support::scalar(beside.end) == -2);
}

TEST_CASE("limits are constants for gradients, and chunks of rays have the limits of the whole", "[ops][rays]") {
    const auto batch = cameras(some_cameras());
    batch.world_from_camera.requires_grad_();
    const auto rays = ops::rays(batch, 8);
    CHECK(rays.direction.requires_grad());
    const auto limits = ops::box_limits(rays, 1);
    CHECK_FALSE(limits.start.requires_grad());
    CHECK_FALSE(limits.end.requires_grad());
    for (const auto& [first, count] : {std::pair(0, 13), std::pair(13, 51)}) {
        const auto part = ops::box_limits(rays.slice(first, count), 1);
        CHECK(support::same(part.start, limits.start.narrow(1, first, count)));
        CHECK(support::same(part.end, limits.end.narrow(1, first, count)));
    }
}

TEST_CASE("rays that miss get the smallest start and the largest start of those that hit", "[ops][rays]") {
    const auto column = [](std::vector<double> values) {
        return at::tensor(values, at::kDouble).reshape({1, static_cast<std::int64_t>(values.size()), 1});
    };
    const auto filled = ops::filled_limits({column({2.0, -1, 2.5, NAN, 1.5}), column({3.0, -2, 4.0, 1, NAN})});
    CHECK(support::same(filled.start, column({2, 2, 2.5, 2, 2})));
    CHECK(support::same(filled.end, column({3, 2.5, 4, 2.5, 2.5})));
    const auto none = ops::filled_limits({column({-1, -1, NAN}), column({-2, -2, 5})});
    CHECK(support::same(none.start, column({-1, -1, NAN})));
    CHECK(support::same(none.end, column({-2, -2, 5})));
    CHECK(ops::filled_limits({column({}), column({})}).start.numel() == 0);
}

TEST_CASE("limits without rays, or of no cube, are refused", "[ops][rays]") {
    const auto rays = one_ray({0, 0, 2}, {0, 0, -1});
    CHECK_THROWS_MATCHES(ops::box_limits(rays, 0), Error, is_error(Errc::invalid_argument, "box_side"));
    CHECK_THROWS_MATCHES(ops::box_limits(rays, NAN), Error, is_error(Errc::invalid_argument, "box_side"));
    CHECK_THROWS_MATCHES(ops::box_limits({rays.origin, {}}, 1), Error, is_error(Errc::shape_mismatch, "no tensor"));
    CHECK_THROWS_MATCHES(ops::filled_limits({at::zeros({1, 2, 1}), at::zeros({1, 3, 1})}), Error,
                         is_error(Errc::shape_mismatch, "limits.end"));
}

TEST_CASE("rays are the published ones at every size", "[ops][rays][golden]") {
    const auto arrays = support::golden_arrays("eg3d/cameras.npz");
    if (!arrays) return;
    const auto batch = cameras_from_labels((*arrays)["ray_cameras"]);
    const auto resolution = (*arrays)["ray_resolution"].item<std::int64_t>();
    const auto rays = ops::rays(batch, resolution);
    CHECK(support::same(rays.origin, (*arrays)["ray_origins"]));
    CHECK(support::difference(rays.direction, (*arrays)["ray_directions"]) < 1e-6);
    CHECK(support::difference(ops::rays(batch, 5).direction, (*arrays)["ray_directions_R5"]) < 1e-6);
    CHECK(support::difference(ops::rays(batch, 33).direction, (*arrays)["ray_directions_R33"]) < 1e-6);
}

TEST_CASE("limits are the published ones, at faces, corners, parallels and NaN too", "[ops][rays][golden]") {
    const auto arrays = support::golden_arrays("eg3d/cameras.npz");
    if (!arrays) return;
    const RayBundle rays{(*arrays)["box_origins"].unsqueeze(0), (*arrays)["box_directions"].unsqueeze(0)};
    for (const auto& [name, side] : {std::pair("box", 1.0), std::pair("box16", 1.6)}) {
        INFO(name);
        const auto limits = ops::box_limits(rays, side);
        CHECK(support::difference(limits.start.flatten(), (*arrays)[std::string(name) + "_start"]) < 1e-5);
        CHECK(support::difference(limits.end.flatten(), (*arrays)[std::string(name) + "_end"]) < 1e-5);
    }
}
