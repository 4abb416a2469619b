// SPDX-License-Identifier: Apache-2.0
#include <cameo/render/sampler.hpp>

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/ops/rays.hpp>
#include <cameo/testing/sampler_laws.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;

namespace {

template <class S>
S with(const DepthRange& range, std::int64_t count) {
    if constexpr (RefiningSampler<S>)
        return {with<decltype(S::first)>(range, count), 9};
    else
        return {count, range};
}

}  // namespace

TEMPLATE_TEST_CASE("samplers keep their laws for all kinds of ranges", "[render][sampler]", StratifiedSampler,
                   MidpointSampler, ImportanceSampler<StratifiedSampler>, ImportanceSampler<MidpointSampler>) {
    const auto rays = ops::rays(support::some_cameras(2), 6);
    for (const auto& range : std::vector<DepthRange>{FixedRange{2.25, 3.3}, FixedRange{0.5, 4.0, true}, BoxRange{1.0}})
        CHECK(testing::broken_laws(with<TestType>(range, 12), rays) == std::vector<std::string>{});
    CHECK(with<TestType>(BoxRange{}, 4) == with<TestType>(BoxRange{}, 4));
    CHECK_FALSE(with<TestType>(BoxRange{}, 4) == with<TestType>(BoxRange{}, 5));
}

TEST_CASE("without jitter samples lie in the middle of where jitter puts them, and no number is drawn",
          "[render][sampler]") {
    const auto rays = ops::rays(support::some_cameras(1), 3);
    StreamSource<CounterRandom> random{CounterRandom(1)};
    const auto depth = MidpointSampler{5, FixedRange{1.0, 2.0}}.coarse(rays, random);
    CHECK(support::difference(depth.select(1, 4).view({5}), at::tensor({1.125, 1.375, 1.625, 1.875, 2.125})) < 1e-6);
    const auto draws = MidpointSampler::draws(rays, 4, random);
    CHECK(support::difference(draws.select(1, 7).view({4}), at::tensor({0.125, 0.375, 0.625, 0.875})) < 1e-7);
    CHECK(random.stream().position() == 0);
}

TEST_CASE("random numbers are drawn in the published shapes and order", "[render][sampler]") {
    const auto rays = ops::rays(support::some_cameras(2), 3);
    const ImportanceSampler sampler{StratifiedSampler{4, FixedRange{1.0, 2.0}}, 3};
    StreamSource<CounterRandom> random{CounterRandom(2)}, by_hand{CounterRandom(2)};
    const auto depth = sampler.coarse(rays, random);
    const auto draws = sampler.draws(rays, random);
    CHECK(support::same(depth, ops::spread_depths(by_hand.uniform({2, 9, 4, 1}), 1.0, 2.0)));
    CHECK(support::same(draws.reshape({18, 3}), by_hand.uniform({18, 3})));
}

TEST_CASE("counts that make no sense are refused", "[render][sampler]") {
    const auto rays = ops::rays(support::some_cameras(1), 2);
    StreamSource<CounterRandom> random;
    CHECK_THROWS_MATCHES((StratifiedSampler{1, {}}.coarse(rays, random)), Error,
                         support::is_error(Errc::invalid_argument, "at least 2, got 1"));
    CHECK_THROWS_MATCHES(MidpointSampler::draws(rays, -1, random), Error,
                         support::is_error(Errc::invalid_argument, "at least 0, got -1"));
}
