// SPDX-License-Identifier: Apache-2.0
#include <cameo/measure/sliced_wasserstein.hpp>

#include <cmath>
#include <numbers>
#include <stop_token>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using measure::laplacian_pyramid;
using measure::sliced_wasserstein;
using measure::SlicedWassersteinOptions;

namespace {

at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed) {
    StreamSource<CounterRandom> random{CounterRandom(seed)};
    return random.normal(shape);
}

/// The mean over directions of 147 numbers u of | |(the sum of u over each of three channels)| - 1 |, where u has
/// length 1: what patches of one colour each and patches of noise are apart, but for the Gaussian's sqrt(2 / pi).
double spread_of_flat_patches() {
    const auto u = noise({20000, 3, 49}, 5).to(at::kDouble);
    const auto unit = u / u.square().sum({1, 2}, true).sqrt();
    return (unit.sum(2).square().sum(1).sqrt() - 1).abs().mean().item<double>();
}

}  // namespace

TEST_CASE("a Laplacian pyramid gives its pictures back", "[measure]") {
    const auto images = noise({2, 3, 64, 64}, 1);
    const auto levels = laplacian_pyramid(images, 16);
    REQUIRE(levels.size() == 3);
    CHECK(levels[1].size(2) == 32);
    CHECK(levels[2].size(2) == 16);
    // A doubled level is what its pyramid lacks when its own finest level is left out.
    const auto doubled = [](const at::Tensor& level) {
        auto spread = level.new_zeros({level.size(0), 3, 2 * level.size(2), 2 * level.size(2)});
        spread.slice(2, 0, {}, 2).slice(3, 0, {}, 2).copy_(level);
        const auto taps = at::tensor({1.0F, 4.0F, 6.0F, 4.0F, 1.0F}) / 8.0F;
        const auto row = taps.view({1, 1, 1, 5}).expand({3, 1, 1, 5}),
                   column = taps.view({1, 1, 5, 1}).expand({3, 1, 5, 1});
        const auto padded = at::reflection_pad2d(spread, {2, 2, 2, 2});
        return at::conv2d(at::conv2d(padded, row, {}, 1, at::IntArrayRef{0, 0}, 1, 3), column, {}, 1,
                          at::IntArrayRef{0, 0}, 1, 3);
    };
    auto back = levels[2];
    for (const auto* level : {&levels[1], &levels[0]}) back = doubled(back) + *level;
    CHECK(support::difference(back, images) < 1e-5);

    // One colour alone lives on the coarsest level.
    const auto flat = laplacian_pyramid(at::full({1, 3, 64, 64}, 0.7F), 16);
    CHECK(flat[0].abs().max().item<double>() < 1e-6);
    CHECK(flat[1].abs().max().item<double>() < 1e-6);
    CHECK(support::difference(flat[2], at::full({1, 3, 16, 16}, 0.7F)) < 1e-6);
}

TEST_CASE("equal sets are no distance apart, in whatever order and brightness", "[measure]") {
    const SlicedWassersteinOptions options{.patches = 16, .projections = 20};
    const auto a = noise({12, 3, 32, 32}, 1), b = noise({12, 3, 32, 32}, 2).abs();
    for (const auto& level : sliced_wasserstein(a, a, options)) CHECK(level.distance == 0.0);
    for (const auto& level : sliced_wasserstein(a, a * 3 + 1, options)) CHECK(level.distance < 0.01);
    const auto there = sliced_wasserstein(a, b, options), back = sliced_wasserstein(b, a, options);
    REQUIRE(there.size() == 2);
    CHECK(there[0].side == 32);
    CHECK(there[1].side == 16);
    for (std::size_t i = 0; i < there.size(); ++i) {
        CHECK(there[i].distance > 1.0);
        CHECK(there[i].distance == Approx(back[i].distance));
    }
}

TEST_CASE("patches of one colour are as far from noise as Gaussians of those widths", "[measure]") {
    const SlicedWassersteinOptions options{.patches = 8, .projections = 256};
    const auto grain = noise({3000, 3, 16, 16}, 3), flat = noise({3000, 3, 1, 1}, 4).expand({-1, -1, 16, 16});
    const auto found = sliced_wasserstein(grain, flat.contiguous(), options);
    REQUIRE(found.size() == 1);
    const auto expected = 1000 * std::sqrt(2 / std::numbers::pi) * spread_of_flat_patches();
    CHECK(found[0].distance == Approx(expected).epsilon(0.1));
}

TEST_CASE("sharpness lost is told by the finest level", "[measure]") {
    const SlicedWassersteinOptions options{.patches = 32, .projections = 64};
    // Random blocks, then the same blocks with soft edges.
    const auto blocks = noise({60, 3, 16, 16}, 6).repeat_interleave(4, 2).repeat_interleave(4, 3);
    const auto soft = at::avg_pool2d(at::reflection_pad2d(blocks, {1, 1, 1, 1}), {3, 3}, {1, 1});
    const auto distances = sliced_wasserstein(blocks, soft, options);
    REQUIRE(distances.size() == 3);
    CHECK(distances[0].distance > 3 * distances[2].distance);
}

TEST_CASE("what cannot be compared is refused", "[measure]") {
    const auto of = [](at::IntArrayRef a, at::IntArrayRef b, const SlicedWassersteinOptions& options = {}) {
        return sliced_wasserstein(at::zeros(a), at::zeros(b), options);
    };
    CHECK_THROWS_MATCHES(of({2, 3, 32, 32}, {3, 3, 32, 32}), Error, support::is_error(Errc::shape_mismatch, "other"));
    CHECK_THROWS_MATCHES(of({2, 3, 24, 24}, {2, 3, 24, 24}), Error,
                         support::is_error(Errc::shape_mismatch, "power of two times 16, got 24"));
    CHECK_THROWS_MATCHES(of({2, 3, 16, 16}, {2, 3, 16, 16}, {.coarsest = 4}), Error,
                         support::is_error(Errc::invalid_argument, "patch_side"));
    CHECK_THROWS_MATCHES(of({2, 3, 16, 16}, {2, 3, 16, 16}, {.projections = 0}), Error,
                         support::is_error(Errc::invalid_argument, "projections"));
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_MATCHES(
        sliced_wasserstein(at::zeros({2, 3, 16, 16}), at::zeros({2, 3, 16, 16}), {}, Context{.stop = stop.get_token()}),
        Error, support::is_error(Errc::cancelled));
}
