// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/plane_sampling.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;
using support::normal_numbers;

namespace {

// Three planes of one channel whose value is a + 2 b at plane coordinates (a, b): bilinear sampling gives it back.
at::Tensor ramps(std::int64_t size) {
    const auto centre = (at::arange(size, at::kDouble) + 0.5) * (2.0 / static_cast<double>(size)) - 1;
    return (centre.view({1, size}) + 2 * centre.view({size, 1})).expand({1, 3, 1, size, size}).contiguous();
}

const at::Tensor point = at::tensor({0.11, -0.2, 0.3}, at::kDouble).view({1, 1, 3});

}  // namespace

TEST_CASE("trap 1: the third plane samples (z, x)", "[ops][planes]") {
    const auto values = ops::sample_planes(ramps(16), point, official_plane_axes, 1.0).view({3});
    CHECK(values[0].item<double>() == Approx(2 * (0.11 + 2 * -0.2)));
    CHECK(values[1].item<double>() == Approx(2 * (0.11 + 2 * 0.3)));
    CHECK(values[2].item<double>() == Approx(2 * (0.3 + 2 * 0.11)));
    const auto corrected = ops::sample_planes(ramps(16), point, corrected_plane_axes, 1.0).view({3});
    CHECK(corrected[2].item<double>() == Approx(2 * (0.3 + 2 * -0.2)));
}

TEST_CASE("trap 2: planes lie as the checkpoint's axes say, whatever they are", "[ops][planes]") {
    // Any invertible axes: coordinates are the first two of point * inverse(matrix).
    const PlaneAxes axes{{{2, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 1, 0, 0, 0, 1, 1, 0, 0}, {1, 1, 0, 0, 1, 0, 0, 0, 1}}};
    const auto values = ops::sample_planes(ramps(32), point, axes, 1.0).view({3});
    CHECK(values[0].item<double>() == Approx(2 * (0.11 / 2 + 2 * -0.2)));
    CHECK(values[1].item<double>() == Approx(2 * (-0.2 + 2 * 0.3)));
    CHECK(values[2].item<double>() == Approx(2 * (0.11 + 2 * (-0.2 - 0.11))));
    PlaneAxes singular = official_plane_axes;
    singular[1] = {1, 0, 0, 1, 0, 0, 0, 0, 1};
    CHECK_THROWS_MATCHES(ops::sample_planes(ramps(4), point, singular, 1.0), Error,
                         support::is_error(Errc::invalid_argument, "for plane 1"));
}

TEST_CASE("trap 43: texels lie at half positions over the box, and outside is zero", "[ops][planes]") {
    at::Tensor planes = at::zeros({1, 3, 1, 4, 4}, at::kDouble);
    planes[0][0][0][1][2] = 1.0;  // row 1, column 2: x = 0.125, y = -0.125 in a box of side 1
    const auto at_point = [&](double x, double y, double side) {
        const auto place = at::tensor({x, y, 9.0}, at::kDouble).view({1, 1, 3});
        return ops::sample_planes(planes, place, official_plane_axes, side)[0][0][0][0].item<double>();
    };
    CHECK(at_point(0.125, -0.125, 1.0) == Approx(1.0));
    CHECK(at_point(0.25, -0.25, 2.0) == Approx(1.0));
    CHECK(at_point(0.25, -0.125, 1.0) == Approx(0.5));
    planes.fill_(1.0);
    CHECK(at_point(0.375, 0.0, 1.0) == Approx(1.0));
    CHECK(at_point(0.5, 0.0, 1.0) == Approx(0.5));  // half of the tap lies outside
    CHECK(at_point(0.7, 0.0, 1.0) == 0.0);
}

TEST_CASE("plane features are the published ones", "[golden][ops][planes]") {
    const auto golden = support::golden_arrays("eg3d/cameras.npz");
    if (!golden) return;
    PlaneAxes axes{};
    const auto stored = (*golden)["plane_axes"].to(at::kDouble).contiguous();
    for (std::size_t i = 0; i < 27; ++i) axes[i / 9][i % 9] = stored.const_data_ptr<double>()[i];
    CHECK(axes == official_plane_axes);
    const auto planes = (*golden)["planes"], points = (*golden)["plane_points"];
    CHECK(difference(ops::sample_planes(planes, points, axes, 1.0), (*golden)["plane_features"]) < 1e-5);
    CHECK(difference(ops::sample_planes(planes, points, axes, 1.6), (*golden)["plane_features_warp1.6"]) < 1e-5);
}

TEST_CASE("trap 45: the mean of the planes, for one scene or several", "[ops][planes]") {
    const auto planes = normal_numbers({2, 3, 4, 8, 8}, 1), points = normal_numbers({2, 5, 3}, 2) * 0.3;
    const auto all = ops::sample_planes(planes, points, official_plane_axes, 1.0);
    CHECK(difference(ops::sample_planes_mean(planes, points, official_plane_axes, 1.0), all.mean(1)) < 1e-14);
    const auto shared = ops::sample_planes(planes.narrow(0, 0, 1), points, official_plane_axes, 1.0);
    CHECK(shared.sizes() == all.sizes());
    CHECK(difference(shared[0], all[0]) < 1e-14);
    CHECK_THROWS_MATCHES(ops::sample_planes(planes, normal_numbers({3, 5, 3}, 3), official_plane_axes, 1.0), Error,
                         support::is_error(Errc::shape_mismatch, "planes: expected"));
    CHECK_THROWS_MATCHES(ops::sample_planes(planes, points, official_plane_axes, 0.0), Error,
                         support::is_error(Errc::invalid_argument, "box side"));
}

TEST_CASE("plane features have the gradients of finite differences, once, and refuse a second time", "[ops][planes]") {
    const auto planes = normal_numbers({1, 3, 2, 4, 4}, 4), points = normal_numbers({2, 3, 3}, 5) * 0.3;
    const auto loss = [&] { return ops::sample_planes_mean(planes, points, official_plane_axes, 1.0).pow(3).sum(); };
    CHECK(support::gradient_error(loss, {planes, points}, 1e-7) < 1e-5);
    const auto gradients = support::gradients_of(loss(), {planes, points});
    CHECK_THROWS((gradients[0].pow(2).sum() + gradients[1].pow(2).sum()).backward());
}
