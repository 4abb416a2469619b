// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/depth_sampling.hpp>

#include <ATen/ATen.h>

#include <cameo/core/numpy_random.hpp>
#include <cameo/core/random.hpp>
#include <cameo/ops/rays.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;

TEST_CASE("depths along rays are the published ones", "[golden][ops][depth]") {
    const auto golden = support::golden_arrays("eg3d/cameras.npz");
    if (!golden) return;
    const auto jitter = [](std::int64_t samples) { return StreamSource{NumpyRandom(101)}.uniform({1, 6, samples, 1}); };
    CHECK(difference(ops::spread_depths(jitter(48), 2.25, 3.3).squeeze(3), (*golden)["stratified_fixed"]) < 1e-6);
    CHECK(difference(ops::spread_disparities(jitter(17), 0.5, 3.3).squeeze(3), (*golden)["stratified_disparity"]) <
          1e-5);
    const auto limits = (*golden)["stratified_perray_start_end"];
    const RayLimits each{limits.select(1, 0).view({1, 6, 1}), limits.select(1, 1).view({1, 6, 1})};
    CHECK(difference(ops::spread_depths(jitter(9), each).squeeze(3), (*golden)["stratified_perray"]) < 1e-6);
    const auto none = at::zeros({1, 1, 48, 1});
    CHECK(support::same(ops::spread_depths(none, 2.25, 3.3).view({48}), (*golden)["linspace_2.25_3.3_48"]));
    CHECK(support::same(ops::spread_depths(at::zeros({1, 1, 64, 1}), 0.1, 2.6).view({64}),
                        (*golden)["linspace_0.1_2.6_64"]));
}

TEST_CASE("trap 10: jitter moves samples forward only, the last one beyond the end", "[ops][depth]") {
    const auto even = ops::spread_depths(at::zeros({1, 1, 5, 1}), 1.0, 2.0).view({5});
    CHECK(even[0].item<double>() == Approx(1.0));
    CHECK(even[4].item<double>() == Approx(2.0));
    const auto moved = ops::spread_depths(at::full({1, 1, 5, 1}, 0.999), 1.0, 2.0).view({5});
    CHECK((moved > even).all().item<bool>());
    CHECK(moved[4].item<double>() == Approx(2.0 + 0.999 * 0.25));
}

TEST_CASE("trap 16: rays that miss the box are sampled between the entries of others", "[ops][depth]") {
    // Through the middle, through a corner, and past the cube.
    const RayBundle rays{at::tensor({0., 0., 2., .4, .4, 3., 5., 0., 2.}, at::kDouble).view({1, 3, 3}),
                         at::tensor({0., 0., -1.}, at::kDouble).expand({1, 3, 3})};
    const auto depths = ops::sample_depths(rays, at::zeros({1, 3, 3, 1}, at::kDouble), BoxRange{1.0}).squeeze(3)[0];
    CHECK(difference(depths[0], at::tensor({1.5, 2.0, 2.5}, at::kDouble)) < 1e-12);
    CHECK(difference(depths[1], at::tensor({2.5, 3.0, 3.5}, at::kDouble)) < 1e-12);
    CHECK(difference(depths[2], at::tensor({1.5, 2.0, 2.5}, at::kDouble)) < 1e-12);
}

TEST_CASE("even disparities lie evenly in 1 / depth", "[ops][depth]") {
    const auto depths = ops::spread_disparities(at::zeros({1, 1, 3, 1}, at::kDouble), 1.0, 4.0).view({3});
    CHECK(difference(1 / depths, at::tensor({1.0, 0.625, 0.25}, at::kDouble)) < 1e-12);
}

TEST_CASE("limits and counts that make no sense are refused", "[ops][depth]") {
    const auto jitter = at::zeros({1, 1, 4, 1});
    CHECK_THROWS_MATCHES(ops::spread_depths(jitter, 2.0, 1.0), Error, support::is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(ops::spread_depths(jitter, 1.0, INFINITY), Error, support::is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(ops::spread_disparities(jitter, 0.0, 1.0), Error, support::is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(ops::spread_depths(at::zeros({1, 1, 1, 1}), 1.0, 2.0), Error,
                         support::is_error(Errc::invalid_argument, "at least 2 samples"));
    CHECK_THROWS_MATCHES(ops::spread_depths(at::zeros({1, 4, 1}), 1.0, 2.0), Error,
                         support::is_error(Errc::shape_mismatch));
}
