// SPDX-License-Identifier: Apache-2.0
#include <cameo/render/volume_renderer.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/fields/triplane.hpp>
#include <cameo/ops/rays.hpp>
#include <cameo/render/background.hpp>
#include <cameo/render/quadrature.hpp>
#include <cameo/render/sampler.hpp>
#include <cameo/testing/renderer_laws.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using support::difference;

namespace {

constexpr FixedRange range{2.0, 3.4};

template <class S, class B = BlackBackground>
VolumeRenderer<S, MidpointQuadrature, B> renderer(const S& sampler, double noise = 0.0) {
    return {sampler, {}, {}, noise};
}

// Density everywhere the same, features the place itself.
struct ConstantField {
    double raw = 0.0;
    static constexpr std::string_view name() noexcept { return "constant"; }
    FieldValues query(const at::Tensor& points) const {
        return {at::full({points.size(0), points.size(1), 1}, raw, points.options()), points};
    }
    std::int64_t feature_count() const { return 3; }
    std::uint64_t point_bytes() const { return 64; }
};

}  // namespace

TEST_CASE("renderers keep their laws for every sampler, background and noise", "[render][volume]") {
    const auto field = support::some_field(GENERATE(1, 2));
    const auto rays = ops::rays(support::some_cameras(2), 17);
    const std::vector<std::string> none;
    CHECK(testing::broken_laws(renderer(StratifiedSampler{9, range}), field, rays) == none);
    CHECK(testing::broken_laws(renderer(ImportanceSampler{StratifiedSampler{9, range}, 6}), field, rays) == none);
    CHECK(testing::broken_laws(renderer(ImportanceSampler{MidpointSampler{9, BoxRange{1.0}}, 6}), field, rays) == none);
    CHECK(testing::broken_laws(renderer(ImportanceSampler{StratifiedSampler{9, range}, 0}), field, rays) == none);
    CHECK(testing::broken_laws(renderer<ImportanceSampler<StratifiedSampler>, WhiteBackground>({{9, range}, 6}, 0.5),
                               field, rays) == none);
    CHECK(testing::broken_laws(VolumeRenderer<StratifiedSampler, LeftQuadrature, BlackBackground>{{9, range}, {}, {}},
                               field, rays) == none);
}

TEST_CASE("a constant field absorbs as its length says, and is seen at its middle when thin", "[render][volume]") {
    const auto rays = ops::rays(support::some_cameras(1, at::kDouble), 3);
    StreamSource<CounterRandom> random;
    const ConstantField field{std::log(std::expm1(0.01)) + 1};
    const auto seen =
        renderer(ImportanceSampler{MidpointSampler{64, FixedRange{2.0, 3.0}}, 0}).render(field, rays, random, {});
    CHECK(difference(seen.weight, at::full({1, 9, 1}, 1 - std::exp(-0.01), at::kDouble)) < 1e-6);
    const auto middle = 2.5 + 0.5 / 63;  // samples lie half their distance further
    CHECK(difference(seen.depth, at::full({1, 9, 1}, middle, at::kDouble)) < 2e-3);
}

TEST_CASE("depth of one view depends on its companions: empty rays lie as far as the farthest sample of all",
          "[render][volume]") {
    const ConstantField empty{-1e4};
    StreamSource<CounterRandom> random;
    // The second camera stands farther away, so its rays leave the cube at larger depths.
    auto both = support::some_cameras(1);
    Camera far{orbit_degrees(0, 0, 6.0), intrinsics_from_focal(10.0)};
    const auto other = cameras(std::vector{far});
    const Cameras pair{at::cat({both.world_from_camera, other.world_from_camera}),
                       at::cat({both.intrinsics, other.intrinsics})};
    const auto rule = renderer(MidpointSampler{8, BoxRange{1.0}});
    const auto alone = rule.render(empty, ops::rays(both, 4), random, {}).depth;
    const auto together = rule.render(empty, ops::rays(pair, 4), random, {}).depth;
    CHECK(alone.max().item<float>() < 4.0f);
    CHECK(together[0].max().item<float>() > 6.0f);
}

TEST_CASE("a budget without room for a ray is refused, a small one rounds, a larger one changes no bit",
          "[render][volume]") {
    const auto field = support::some_field(1);
    const auto rays = ops::rays(support::some_cameras(1), 17);
    const auto rule = renderer(ImportanceSampler{StratifiedSampler{8, range}, 8});
    const auto seen = [&](std::uint64_t budget) {
        StreamSource<CounterRandom> random{CounterRandom(3)};
        Context context;
        context.memory_budget = budget;
        return rule.render(field, rays, random, context).feature;
    };
    const auto free = seen(0);
    CHECK_THROWS_MATCHES(seen(100), Error, support::is_error(Errc::out_of_memory));
    CHECK(seen(100'000).allclose(free, 1e-4, 1e-5));
    CHECK(support::same(seen(100'000'000), free));
}

TEST_CASE("cancelling stops between chunks", "[render][volume]") {
    std::stop_source stop;
    stop.request_stop();
    Context context;
    context.stop = stop.get_token();
    StreamSource<CounterRandom> random;
    CHECK_THROWS_MATCHES(renderer(MidpointSampler{8, range})
                             .render(support::some_field(1), ops::rays(support::some_cameras(1), 4), random, context),
                         Error, support::is_error(Errc::cancelled));
}

TEST_CASE("pictures have the gradients of finite differences in planes, decoder and cameras", "[render][volume]") {
    const auto field = support::some_field(1, at::kDouble);
    const auto& parts = field.view();
    const auto label = labels(support::some_cameras(1, at::kDouble)).contiguous();
    // Without a second pass: its depths are constants of the backward pass, which finite differences do not know.
    const auto rule = renderer(StratifiedSampler{7, range});
    const auto loss = [&] {
        StreamSource<CounterRandom> random{CounterRandom(4)};
        const auto seen = rule.render(field, ops::rays(cameras_from_labels(label), 3), random, {});
        return seen.feature.pow(2).sum() + seen.depth.sum() + seen.weight.pow(2).sum();
    };
    CHECK(support::gradient_error(loss, {parts.planes, parts.decoder.hidden_weight, parts.decoder.output_bias}, 1e-6) <
          1e-5);
    CHECK(support::gradient_error(loss, {label}, 1e-7) < 1e-4);
}

TEST_CASE("the gradient of an empty ray's depth is 0, not undefined", "[render][volume]") {
    auto parts = support::some_field(1).view();
    parts.decoder.output_bias = parts.decoder.output_bias.clone();
    parts.decoder.output_bias[0] = -500.0;
    parts.planes = parts.planes.clone().requires_grad_(true);
    StreamSource<CounterRandom> random;
    const auto seen = renderer(ImportanceSampler{StratifiedSampler{8, range}, 4})
                          .render(TriplaneField(parts), ops::rays(support::some_cameras(1), 4), random, {});
    REQUIRE(seen.weight.max().item<float>() == 0.0f);
    (seen.depth.sum() + seen.feature.sum()).backward();
    CHECK(parts.planes.grad().abs().max().item<float>() == 0.0f);
}
