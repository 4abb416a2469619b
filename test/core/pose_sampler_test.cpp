// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/pose_sampler.hpp>

#include <numbers>
#include <string_view>

#include <ATen/ATen.h>

#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/numpy_random.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::is_error;

namespace {

struct OnePose {  // a pose, not a distribution: nothing to draw it with
    static constexpr std::string_view name() noexcept { return "one"; }
    [[nodiscard]] at::Tensor sample(std::int64_t count) const { return at::eye(4).expand({count, 4, 4}); }
    friend bool operator==(const OnePose&, const OnePose&) = default;
};

constexpr PoseSphere sphere{.h = 1.4, .v = 1.7, .h_deviation = 0.4, .v_deviation = 0.2, .radius = 2.7};

}  // namespace

TEST_CASE("only what can be drawn from is a pose sampler", "[core][pose_sampler]") {
    STATIC_REQUIRE(PoseSampler<GaussianPoses>);
    STATIC_REQUIRE(PoseSampler<LookAtPoses>);
    STATIC_REQUIRE(PoseSampler<UniformPoses>);
    STATIC_REQUIRE_FALSE(PoseSampler<OnePose>);
    STATIC_REQUIRE_FALSE(PoseSampler<PoseSphere>);
}

TEMPLATE_TEST_CASE("poses are rigid, on the sphere, and follow the random numbers", "[core][pose_sampler]",
                   GaussianPoses, LookAtPoses, UniformPoses) {
    TestType sampler;
    sampler.sphere = sphere;
    StreamSource<CounterRandom> random{CounterRandom(3)};
    auto again = random;
    const auto poses = sampler.sample(20, random, at::kDouble);
    CHECK(poses.sizes() == at::IntArrayRef{20, 4, 4});
    CHECK(support::same(sampler.sample(20, again, at::kDouble), poses));
    CHECK(random.stream().position() == 40);
    CHECK_NOTHROW(to_cameras({poses, at::eye(3, at::kDouble).expand({20, 3, 3})}));
    const at::Tensor position = poses.narrow(1, 0, 3).select(2, 3);
    CHECK(support::difference(position.norm(2, 1), at::full({20}, 2.7, at::kDouble)) < 1e-14);
    CHECK(support::scalar(position.std(0).min()) > 0.01);
}

TEMPLATE_TEST_CASE("without deviation numbers are drawn all the same", "[core][pose_sampler]", GaussianPoses,
                   LookAtPoses, UniformPoses) {
    TestType sampler;
    sampler.sphere = {.h = 1.2, .v = 1.3, .radius = 2};
    StreamSource<CounterRandom> random{CounterRandom(3)};
    const auto poses = sampler.sample(3, random, at::kDouble);
    CHECK(random.stream().position() == 6);
    const auto expected = orbit(1.2, 1.3, 2);
    for (std::int64_t i = 0; i < 48; ++i)
        CHECK(support::scalar(poses.flatten()[i]) == expected[static_cast<std::size_t>(i % 16)]);
}

TEST_CASE("uniform poses stay within their deviations", "[core][pose_sampler]") {
    StreamSource<CounterRandom> random{CounterRandom(3)};
    const auto poses = UniformPoses{sphere}.sample(500, random, at::kDouble);
    const auto height = poses.select(1, 1).select(1, 3) / 2.7;
    CHECK(height.max().item<double>() <= 1 - 2 * 1.5 / std::numbers::pi + 1e-12);
    CHECK(height.min().item<double>() >= 1 - 2 * 1.9 / std::numbers::pi - 1e-12);
}

TEST_CASE("counts and spheres that cannot be are refused", "[core][pose_sampler]") {
    StreamSource<CounterRandom> random;
    CHECK_THROWS_MATCHES(GaussianPoses{}.sample(-1, random), Error, is_error(Errc::invalid_argument, "count"));
    CHECK_THROWS_MATCHES(GaussianPoses{{.radius = 0}}.sample(1, random), Error,
                         is_error(Errc::invalid_argument, "radius"));
    CHECK(UniformPoses{}.sample(0, random).sizes() == at::IntArrayRef{0, 4, 4});
}

TEST_CASE("poses are those of the published samplers", "[core][pose_sampler][golden]") {
    const auto arrays = support::golden_arrays("eg3d/cameras.npz");
    if (!arrays) return;
    const auto arguments = (*arrays)["sampler_args"];
    const auto number = [&](std::int64_t i) { return arguments[i].item<double>(); };
    const PoseSphere published{number(0), number(1), number(2), number(3), number(4)};
    const auto target = (*arrays)["lookat_position"].to(at::kDouble);

    StreamSource<NumpyRandom> first{NumpyRandom(81)};
    CHECK(support::difference(GaussianPoses{published}.sample(8, first), (*arrays)["pose_gaussian"]) < 1e-6);
    StreamSource<NumpyRandom> second{NumpyRandom(82)};
    const LookAtPoses look_at_poses{published,
                                    {target[0].item<double>(), target[1].item<double>(), target[2].item<double>()}};
    CHECK(support::difference(look_at_poses.sample(8, second), (*arrays)["pose_lookat"]) < 1e-6);
    StreamSource<NumpyRandom> third{NumpyRandom(83)};
    CHECK(support::difference(UniformPoses{published}.sample(8, third), (*arrays)["pose_uniform"]) < 1e-6);
}

TEST_CASE("fixed poses and focal lengths are the published ones", "[core][camera][golden]") {
    const auto arrays = support::golden_arrays("eg3d/cameras.npz");
    if (!arrays) return;
    const auto angles = (*arrays)["pose_fixed_hv"];
    const auto poses = (*arrays)["pose_fixed_lookat"];
    for (std::int64_t i = 0; i < angles.size(0); ++i) {
        const auto pose = orbit(angles[i][0].item<double>(), angles[i][1].item<double>(), 2.7, {0, 0, 0.2});
        const auto actual = at::tensor(at::ArrayRef<double>(pose.data(), pose.size()), at::kDouble).reshape({4, 4});
        INFO("pose " << i);
        // Near the poles the reference, in float32, loses digits: cos(phi) near 1.
        const auto tolerance = angles[i][1].item<double>() < 0.1 || angles[i][1].item<double>() > 3.1 ? 1e-3 : 2e-6;
        CHECK(support::difference(actual, poses[i]) < tolerance);
    }
    const auto degrees = (*arrays)["fov_degrees"];
    for (std::int64_t i = 0; i < degrees.size(0); ++i) {
        const auto k = intrinsics_from_focal(focal_from_published_fov(degrees[i].item<double>()));
        const auto actual = at::tensor(at::ArrayRef<double>(k.data(), k.size()), at::kDouble).reshape({3, 3});
        CHECK(support::relative_difference(actual, (*arrays)["fov_intrinsics"][i]) < 1e-6);
    }
}
