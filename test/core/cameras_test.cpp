// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/cameras.hpp>

#include <cmath>
#include <vector>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/gradients.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::is_error;

namespace {

std::vector<Camera> some_cameras() {
    return {{look_at({0.7, -0.4, 2.3}, {0.1, 0.2, -0.3}), {4.2, 0.1, 0.45, 0, 3.9, 0.55, 0, 0, 1}},
            {orbit_degrees(20, 10, 2.7, {0, 0, 0.2}), intrinsics_from_focal(4.2647)},
            frontal_camera(shapenet_cameras)};
}

}  // namespace

TEST_CASE("plain cameras become a batch and come back", "[core][cameras]") {
    const auto plain = some_cameras();
    const auto batch = cameras(plain, at::kDouble);
    CHECK(batch.size() == 3);
    CHECK_NOTHROW(check(batch));
    CHECK((to_cameras(batch) == plain));
    CHECK(batch.world_from_camera[1][2][3].item<double>() == plain[1].world_from_camera[11]);
    CHECK(batch.intrinsics[0][0][1].item<double>() == 0.1);
    CHECK(cameras(plain).options().dtype() == at::kFloat);
    CHECK(cameras({}).size() == 0);
    CHECK(to_cameras(cameras({})).empty());
}

TEST_CASE("a plain camera that is none is refused by its number", "[core][cameras]") {
    auto plain = some_cameras();
    plain[2].intrinsics[4] = -1;
    CHECK_THROWS_MATCHES(cameras(plain), Error, is_error(Errc::invalid_argument, "camera 2: expected focal lengths"));
    auto batch = cameras(some_cameras());
    batch.world_from_camera[1][0][0] = NAN;
    CHECK_THROWS_MATCHES(to_cameras(batch), Error, is_error(Errc::invalid_argument, "camera 1: expected finite"));
}

TEST_CASE("labels are the camera's numbers in order", "[core][cameras]") {
    const auto batch = cameras(some_cameras(), at::kDouble);
    const auto numbers = labels(batch);
    CHECK(numbers.sizes() == at::IntArrayRef{3, 25});
    CHECK(numbers[1][11].item<double>() == some_cameras()[1].world_from_camera[11]);
    CHECK(numbers[0][17].item<double>() == 0.1);
    const auto back = cameras_from_labels(numbers);
    CHECK(support::same(back.world_from_camera, batch.world_from_camera));
    CHECK(support::same(back.intrinsics, batch.intrinsics));
}

TEST_CASE("gradients flow from labels to the tensors and back to labels", "[core][cameras]") {
    const auto numbers = labels(cameras(some_cameras(), at::kDouble)).clone();
    const auto weights = at::linspace(-1, 1, 75, at::kDouble).reshape({3, 25});
    const auto loss = [&] { return (labels(cameras_from_labels(numbers)).square() * weights).sum(); };
    CHECK(support::gradient_error(loss, {numbers}) < 1e-8);
}

TEST_CASE("a batch moves to another type and gives a part of itself", "[core][cameras]") {
    const auto batch = cameras(some_cameras(), at::kDouble);
    const auto floats = batch.to(at::kFloat);
    CHECK(floats.intrinsics.scalar_type() == at::kFloat);
    CHECK(support::difference(floats.world_from_camera, batch.world_from_camera) < 1e-6);
    const auto part = batch.slice(1, 2);
    CHECK(part.size() == 2);
    CHECK(to_cameras(part)[0] == some_cameras()[1]);
    CHECK(batch.slice(3, 0).size() == 0);
    CHECK_THROWS_MATCHES(batch.slice(2, 2), Error,
                         is_error(Errc::invalid_argument, "a part of 3, got 2 from number 2"));
    CHECK_THROWS_MATCHES(batch.slice(-1, 1), Error, is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(batch.slice(1, -1), Error, is_error(Errc::invalid_argument));
}

TEST_CASE("tensors that are no cameras are refused", "[core][cameras]") {
    const auto poses = at::eye(4).expand({2, 4, 4});
    CHECK_THROWS_MATCHES(check({poses, at::eye(3).expand({3, 3, 3})}), Error,
                         is_error(Errc::shape_mismatch, "intrinsics: expected [N, 3, 3] with N = 2, got [3, 3, 3]"));
    CHECK_THROWS_MATCHES(check({poses, {}}), Error, is_error(Errc::shape_mismatch, "got no tensor"));
    CHECK_THROWS_MATCHES(check({poses, at::eye(3, at::kDouble).expand({2, 3, 3})}), Error,
                         is_error(Errc::invalid_argument, "expected Float on cpu"));
    CHECK_THROWS_MATCHES(check({poses.to(at::kLong), at::eye(3).expand({2, 3, 3})}), Error,
                         is_error(Errc::invalid_argument, "floating point"));
    CHECK_THROWS_MATCHES(cameras_from_labels(at::zeros({2, 24})), Error,
                         is_error(Errc::shape_mismatch, "camera labels: expected [N, 25], got [2, 24]"));
    CHECK_THROWS_MATCHES(cameras_from_labels(at::zeros({2, 25}, at::kInt)), Error, is_error(Errc::invalid_argument));
}
