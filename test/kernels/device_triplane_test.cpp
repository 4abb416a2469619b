// SPDX-License-Identifier: Apache-2.0
// The CUDA renderer's arithmetic, run on this processor, against the reference policy.
#include "kernels/device/triplane.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/ops/rays.hpp>
#include <cameo/render/fused_triplane_renderer.hpp>

#include "core/device_call.hpp"
#include "kernels/host_functions.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using support::scalar;

namespace {

using Importance = ImportanceSampler<StratifiedSampler>;
using OnDevice = cameo::detail::DeviceFunctionsForCpu;

constexpr FixedRange range{2.0, 3.4};

struct Sizes {
    std::int64_t scenes = 1, channels = 4, height = 8, width = 8, hidden = 6, features = 3;
};

TriplaneField field_of(const Sizes& sizes, const PlaneAxes& axes = official_plane_axes, double box_side = 1.0) {
    StreamSource<CounterRandom> random{CounterRandom(8)};
    const auto normal = [&](at::IntArrayRef shape, double deviation) { return random.normal(shape) * deviation; };
    const auto of = [](std::int64_t count) { return 1.0 / std::sqrt(static_cast<double>(count)); };
    return TriplaneField(
        {.planes = normal({sizes.scenes, 3, sizes.channels, sizes.height, sizes.width}, 2),
         .decoder = {normal({sizes.hidden, sizes.channels}, of(sizes.channels)), normal({sizes.hidden}, 1),
                     normal({1 + sizes.features, sizes.hidden}, of(sizes.hidden)), normal({1 + sizes.features}, 1)},
         .axes = axes,
         .box_side = box_side});
}

template <class S, class B>
VolumeRenderer<S, MidpointQuadrature, B> reference(const FusedTriplaneRenderer<S, B>& fused) {
    return {fused.sampler, fused.quadrature, fused.background, fused.density_noise};
}

RayFeatures seen_by(const auto& renderer, const TriplaneField& field, const RayBundle& rays) {
    StreamSource<CounterRandom> random{CounterRandom(5)};
    return renderer.render(field, rays, random, {});
}

/// All close but for a share of rays: a draw at an edge of the importance distribution may fall either way.
void check_agree(const at::Tensor& a, const at::Tensor& b, double bound = 1e-5) {
    REQUIRE(a.sizes() == b.sizes());
    const auto worst = (a - b).abs().amax(2);
    CHECK(scalar(worst.gt(bound).to(at::kDouble).mean()) <= 1e-3);
    CHECK(scalar(worst.max()) <= 2e-3);
}

void check_same_view(const auto& fused, const TriplaneField& field, const RayBundle& rays) {
    const auto expected = seen_by(reference(fused), field, rays);
    const OnDevice device(support::host_functions<false>());
    const auto actual = seen_by(fused, field, rays);
    check_agree(actual.feature, expected.feature);
    check_agree(actual.weight, expected.weight);
    check_agree(actual.depth, expected.depth, 3e-5);
}

std::vector<at::Tensor> gradients(const auto& renderer, const TriplaneView& parts, const at::Tensor& label,
                                  std::int64_t side) {
    std::vector<at::Tensor> leaves{parts.planes,
                                   parts.decoder.hidden_weight,
                                   parts.decoder.hidden_bias,
                                   parts.decoder.output_weight,
                                   parts.decoder.output_bias,
                                   label};
    for (auto& leaf : leaves) leaf = leaf.detach().clone().requires_grad_(true);
    const TriplaneField field({leaves[0], {leaves[1], leaves[2], leaves[3], leaves[4]}, parts.axes, parts.box_side});
    const auto seen = seen_by(renderer, field, ops::rays(cameras_from_labels(leaves[5]), side));
    StreamSource<CounterRandom> random{CounterRandom(6)};
    const auto mix = [&](const at::Tensor& t) { return (t * random.normal(t.sizes())).sum(); };
    (mix(seen.feature) + mix(seen.depth) + mix(seen.weight)).backward();
    std::vector<at::Tensor> result;
    for (const auto& leaf : leaves) result.push_back(leaf.grad());
    return result;
}

double relative_l2(const at::Tensor& a, const at::Tensor& b) {
    return scalar((a - b).to(at::kDouble).norm()) / scalar(b.to(at::kDouble).norm());
}

}  // namespace

TEST_CASE("device functions see what the reference sees, whatever the range, background and noise",
          "[kernels][device]") {
    const Sizes sizes{.channels = 32, .height = 32, .width = 32, .hidden = 64, .features = 32};
    const auto field = field_of(sizes, official_plane_axes, 1.25);
    const auto rays = ops::rays(support::some_cameras(2), 16);
    check_same_view(FusedTriplaneRenderer<Importance>{{{48, range}, 48}}, field,
                    ops::rays(support::some_cameras(2), 23));
    check_same_view(FusedTriplaneRenderer<Importance, WhiteBackground>{{{24, FixedRange{1.5, 4.0, true}}, 17}}, field,
                    rays);
    check_same_view(FusedTriplaneRenderer<Importance>{{{21, BoxRange{1.25}}, 50}, {-0.5}},
                    field_of(sizes, corrected_plane_axes, 1.25), rays);
    check_same_view(FusedTriplaneRenderer<Importance>{{{16, range}, 16}, {}, {}, 0.7}, field, rays);
    check_same_view(FusedTriplaneRenderer<ImportanceSampler<MidpointSampler>>{{{12, range}, 12}}, field, rays);
    check_same_view(FusedTriplaneRenderer<StratifiedSampler>{{50, range}}, field, rays);
}

TEST_CASE("device functions take any sizes: channels, hidden units, features, oblong planes, scenes",
          "[kernels][device]") {
    const auto sizes = GENERATE(Sizes{2, 4, 8, 8, 6, 3}, Sizes{1, 1, 5, 9, 1, 1}, Sizes{2, 17, 12, 7, 33, 40},
                                Sizes{1, 48, 16, 16, 128, 64});
    check_same_view(FusedTriplaneRenderer<>{{{11, range}, 13}}, field_of(sizes),
                    ops::rays(support::some_cameras(2), 17));
}

TEST_CASE("device functions sample planes whose axes select no coordinate", "[kernels][device]") {
    const PlaneAxes skewed{
        {{1, 0.25, 0, -0.5, 1, 0, 0, 0, 2}, {1, 0, 0, 0, 0.5, 1, 0, 1, 0}, {0, 0, 1, 1, 0, 0.125, 0, 1, 0}}};
    check_same_view(FusedTriplaneRenderer<>{{{16, range}, 16}},
                    field_of({.channels = 8, .height = 16, .width = 16}, skewed),
                    ops::rays(support::some_cameras(1), 20));
}

TEST_CASE("rays that meet nothing, stand in the cube or have no range are the device's as the reference's",
          "[kernels][device]") {
    const auto field = field_of({});
    const FusedTriplaneRenderer<> fused{{{12, BoxRange{1.0}}, 9}};
    const auto at_place = [](double x, double y, double z, double focal) {
        auto result = cameras(std::vector{Camera{orbit_degrees(0, 0, 2.0), intrinsics_from_focal(focal)}});
        result.world_from_camera = result.world_from_camera.clone();
        result.world_from_camera[0].select(1, 3).narrow(0, 0, 3).copy_(at::tensor({x, y, z}));
        return ops::rays(result, 9);
    };
    check_same_view(fused, field, at_place(0.1, 0.05, 0.2, 0.7));  // inside
    check_same_view(fused, field, at_place(0.3, 0.2, 2.0, 0.5));   // half of the rays miss
    check_same_view(fused, field, at_place(9, 9, 9, 2.0));         // all of them miss: depths run backwards
}

TEST_CASE("a device's steps may do their items in any order", "[kernels][device]") {
    const auto field = field_of({.channels = 20, .height = 16, .width = 16, .hidden = 24, .features = 7});
    const auto rays = ops::rays(support::some_cameras(2), 13);
    const FusedTriplaneRenderer<> fused{{{16, range}, 16}};
    const auto label = labels(support::some_cameras(1));
    const auto with = [&](const cuda::Functions& functions) {
        const OnDevice device(functions);
        const auto seen = seen_by(fused, field, rays);
        return std::pair{std::vector{seen.feature, seen.depth, seen.weight}, gradients(fused, field.view(), label, 11)};
    };
    const auto [seen, slopes] = with(support::host_functions<false>());
    const auto [again, backwards] = with(support::host_functions<true>());
    for (std::size_t i = 0; i < seen.size(); ++i) CHECK(support::same(seen[i], again[i]));
    // Sums in memory that teams share come in any order, the rest does not.
    CHECK(relative_l2(backwards[0], slopes[0]) < 1e-6);
    for (std::size_t i = 1; i < slopes.size(); ++i) CHECK(support::same(slopes[i], backwards[i]));
}

TEST_CASE("a device's gradients are the reference's, in planes, decoder and cameras", "[kernels][device]") {
    const auto& axes = GENERATE(official_plane_axes, corrected_plane_axes);
    const auto scenes = GENERATE(1, 2);
    const auto field = field_of(
        {.scenes = scenes, .channels = 20, .height = 12, .width = 12, .hidden = 40, .features = 9}, axes, 1.25);
    const auto label = labels(support::some_cameras(2));
    const auto check_gradients = [&](const auto& fused) {
        const auto expected = gradients(reference(fused), field.view(), label, 14);
        const OnDevice device(support::host_functions<false>());
        const auto actual = gradients(fused, field.view(), label, 14);
        for (std::size_t i = 0; i < actual.size(); ++i) {
            INFO("leaf " << i);
            CHECK(relative_l2(actual[i], expected[i]) < 1e-4);
        }
    };
    check_gradients(FusedTriplaneRenderer<>{{{16, range}, 12}});
    check_gradients(FusedTriplaneRenderer<Importance, WhiteBackground>{{{10, BoxRange{1.25}}, 7}, {-0.25}, {}, 0.3});
    check_gradients(FusedTriplaneRenderer<MidpointSampler>{{19, FixedRange{1.5, 4.0, true}}});
}

TEST_CASE("a device's gradients are those of finite differences", "[kernels][device]") {
    const OnDevice device(support::host_functions<false>());
    auto parts = support::some_field(1).view();
    const FusedTriplaneRenderer<StratifiedSampler> fused{{8, range}};
    const auto rays = ops::rays(support::some_cameras(1), 5);
    const auto loss = [&] {
        const auto seen = seen_by(fused, TriplaneField(parts), rays);
        return seen.feature.square().sum() + 0.1 * seen.depth.sum() + seen.weight.square().sum();
    };
    for (auto* leaf : {&parts.planes, &parts.decoder.hidden_weight, &parts.decoder.output_bias}) {
        leaf->requires_grad_(true);
        loss().backward();
        const auto gradient = leaf->grad().clone();
        leaf->mutable_grad().reset();
        leaf->requires_grad_(false);
        StreamSource<CounterRandom> random{CounterRandom(9)};
        const auto direction = random.normal(leaf->sizes());
        const auto at_step = [&](double step) {
            const auto before = leaf->clone();
            leaf->add_(direction, step);
            const auto value = loss().to(at::kDouble);
            leaf->copy_(before);
            return scalar(value);
        };
        CHECK(scalar((gradient * direction).sum()) == Approx((at_step(1e-2) - at_step(-1e-2)) / 2e-2).epsilon(5e-3));
    }
}

TEST_CASE("a device computes only the gradients that are asked for, and none of an empty ray", "[kernels][device]") {
    const OnDevice device(support::host_functions<false>());
    auto parts = support::some_field(1).view();
    const auto rays = ops::rays(support::some_cameras(1), 4);
    const FusedTriplaneRenderer<> fused{{{8, range}, 4}};
    CHECK_FALSE(seen_by(fused, TriplaneField(parts), rays).feature.requires_grad());
    parts.decoder.output_bias.requires_grad_(true);
    seen_by(fused, TriplaneField(parts), rays).weight.sum().backward();
    CHECK(parts.decoder.output_bias.grad().abs().max().item<float>() > 0);
    CHECK_FALSE(parts.planes.grad().defined());

    parts.decoder.output_bias = parts.decoder.output_bias.detach().clone();
    parts.decoder.output_bias[0] = -500.0;
    parts.planes = parts.planes.clone().requires_grad_(true);
    const auto seen = seen_by(fused, TriplaneField(parts), rays);
    REQUIRE(seen.weight.max().item<float>() == 0.0f);
    const auto loss = seen.depth.sum() + seen.feature.sum();
    CHECK_THROWS_MATCHES(support::gradients_of(loss, {parts.planes}), Error,
                         support::is_error(Errc::invalid_argument, "second"));
    loss.backward();
    CHECK(parts.planes.grad().abs().max().item<float>() == 0.0f);
}

TEST_CASE("what a device has no kernels for is left to the reference", "[kernels][device]") {
    static const auto too_small = [] {
        auto functions = support::host_functions<false>();
        functions.render_fits = [](std::int32_t, const kernels::device::Sheets*, const kernels::device::Decoder*,
                                   std::int32_t samples,
                                   std::int32_t backward) -> std::int32_t { return backward == 0 && samples <= 12; };
        return functions;
    }();
    const OnDevice device(too_small);
    const auto field = support::some_field(1);
    const auto rays = ops::rays(support::some_cameras(1), 4);
    const auto is_reference = [&](const auto& fused, const TriplaneField& what) {
        return support::same(seen_by(fused, what, rays).feature, seen_by(reference(fused), what, rays).feature);
    };
    CHECK(is_reference(FusedTriplaneRenderer<>{{{8, range}, 5}}, field));  // 13 samples
    auto parts = field.view();
    parts.planes = parts.planes.clone().requires_grad_(true);
    CHECK(is_reference(FusedTriplaneRenderer<>{{{8, range}, 4}}, TriplaneField(parts)));
    parts.planes = parts.planes.detach().to(at::kDouble);
    CHECK(cameo::detail::fused_triplane_serves(field, rays, 12));
    CHECK_FALSE(cameo::detail::fused_triplane_serves(TriplaneField(parts), rays, 12));
}

TEST_CASE("a device that fails says so by a typed error, and the next picture is made", "[kernels][device]") {
    static cuda::Outcome outcome;
    static const auto failing = [] {
        auto functions = support::host_functions<false>();
        functions.render = [](cuda::Call* call, const kernels::device::Sheets*, const kernels::device::Decoder*,
                              const kernels::device::RayBatch*) {
            std::string_view("out of memory").copy(call->message, sizeof call->message);
            return outcome;
        };
        return functions;
    }();
    const auto field = support::some_field(1);
    const auto rays = ops::rays(support::some_cameras(1), 4);
    const FusedTriplaneRenderer<> fused{{{8, range}, 4}};
    {
        const OnDevice device(failing);
        outcome = cuda::Outcome::out_of_memory;
        CHECK_THROWS_MATCHES(seen_by(fused, field, rays), Error,
                             support::is_error(Errc::out_of_memory, "got \"out of memory\""));
        outcome = cuda::Outcome::no_kernel;
        CHECK_THROWS_MATCHES(seen_by(fused, field, rays), Error, support::is_error(Errc::device_unsupported));
        outcome = cuda::Outcome::failed;
        CHECK_THROWS_MATCHES(seen_by(fused, field, rays), Error, support::is_error(Errc::internal));
    }
    check_same_view(fused, field, rays);
    CHECK_THROWS_MATCHES(cameo::detail::with_device_memory([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "20 GiB"); }),
                         Error, support::is_error(Errc::out_of_memory, "20 GiB"));
}
