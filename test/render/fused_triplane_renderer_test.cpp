// SPDX-License-Identifier: Apache-2.0
#include <cameo/render/fused_triplane_renderer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/ops/rays.hpp>
#include <cameo/testing/renderer_laws.hpp>

#include "render/fused_triplane.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/memory.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using support::difference;
using support::scalar;

namespace {

constexpr FixedRange range{2.0, 3.4};

template <class S, class B>
VolumeRenderer<S, MidpointQuadrature, B> reference(const FusedTriplaneRenderer<S, B>& fused) {
    return {fused.sampler, fused.quadrature, fused.background, fused.density_noise};
}

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

RayFeatures seen_by(const auto& renderer, const TriplaneField& field, const RayBundle& rays) {
    StreamSource<CounterRandom> random{CounterRandom(5)};
    return renderer.render(field, rays, random, {});
}

/// Whether all is close but for a share of rays: a draw at an edge of the importance distribution may fall either way.
void check_agree(const at::Tensor& a, const at::Tensor& b, double bound = 1e-5, double free = 1e-3,
                 double free_bound = 2e-3) {
    REQUIRE(a.sizes() == b.sizes());
    const auto worst = (a - b).abs().amax(2);
    CHECK(scalar(worst.gt(bound).to(at::kDouble).mean()) <= free);
    CHECK(scalar(worst.max()) <= free_bound);
}

void check_same_view(const auto& fused, const TriplaneField& field, const RayBundle& rays) {
    StreamSource<CounterRandom> one{CounterRandom(5)}, two{CounterRandom(5)};
    const auto actual = fused.render(field, rays, one, {});
    const auto expected = reference(fused).render(field, rays, two, {});
    check_agree(actual.feature, expected.feature);
    check_agree(actual.weight, expected.weight);
    check_agree(actual.depth, expected.depth, 3e-5);
    CHECK(one.stream() == two.stream());
}

/// Gives the leaves gradients of a loss that looks at all that is seen.
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

/// An ellipsoid with a sharp surface, empty around it, with the colours of some_field(). Units that see the texture take
/// part in the density, so that its bounds are not those of one unit.
TriplaneField sharp_field(const PlaneAxes& axes = official_plane_axes, std::int64_t side = 32) {
    StreamSource<CounterRandom> random{CounterRandom(12)};
    constexpr std::int64_t channels = 8, hidden = 16, features = 5;
    auto planes = random.normal({1, 3, channels, side, side}) * 0.5;
    const auto place = (at::arange(side, at::kFloat) * 2 + 1) / static_cast<double>(side) - 1;
    planes.select(2, 0).copy_((place.square().view({-1, 1}) + place.square()) * 3);
    auto inner = random.normal({hidden, channels}) * 0.3, outer = random.normal({1 + features, hidden}) * 0.3;
    inner[0].zero_();
    inner[0][0] = 400.0;
    outer.select(1, 0).zero_();
    outer[0][0] = -1.0;
    auto inner_bias = random.normal({hidden}), outer_bias = random.normal({1 + features});
    inner_bias[0] = -400.0 * 0.3;
    outer_bias[0] = 60.0;
    return TriplaneField({.planes = planes, .decoder = {inner, inner_bias, outer, outer_bias}, .axes = axes});
}

double largest(const at::Tensor& a, const at::Tensor& b) { return scalar((a - b).abs().max()); }

struct Threads {
    explicit Threads(int count) : before(thread_count()) { set_thread_count(count); }
    ~Threads() { set_thread_count(before); }
    int before;
};

}  // namespace

TEST_CASE("the fused renderer keeps the laws of renderers", "[render][fused]") {
    const auto field = support::some_field(GENERATE(1, 2));
    const auto rays = ops::rays(support::some_cameras(2), 17);
    const std::vector<std::string> none;
    using Importance = ImportanceSampler<StratifiedSampler>;
    CHECK(testing::broken_laws(FusedTriplaneRenderer<StratifiedSampler>{{9, range}}, field, rays) == none);
    CHECK(testing::broken_laws(FusedTriplaneRenderer<Importance>{{{9, range}, 6}}, field, rays) == none);
    CHECK(testing::broken_laws(FusedTriplaneRenderer<Importance>{{{9, range}, 0}}, field, rays) == none);
    CHECK(testing::broken_laws(
              FusedTriplaneRenderer<ImportanceSampler<MidpointSampler>>{{MidpointSampler{9, BoxRange{1.0}}, 6}}, field,
              rays) == none);
    CHECK(testing::broken_laws(FusedTriplaneRenderer<Importance, WhiteBackground>{{{9, range}, 6}, {}, {}, 0.5}, field,
                               rays) == none);
}

TEST_CASE("the fused renderer serves tri-plane fields only", "[render][fused]") {
    static_assert(!RendererFor<FusedTriplaneRenderer<>, MidpointQuadrature>);
    CHECK(FusedTriplaneRenderer<>{} == FusedTriplaneRenderer<>{});
    CHECK_FALSE(FusedTriplaneRenderer<>{{{9, range}, 6}} == FusedTriplaneRenderer<>{{{9, range}, 7}});
}

TEST_CASE("fused and reference renderers see the same, whatever the range, background and noise", "[render][fused]") {
    const auto& axes = GENERATE(official_plane_axes, corrected_plane_axes);
    const auto field =
        field_of({.scenes = 1, .channels = 32, .height = 32, .width = 32, .hidden = 64, .features = 32}, axes, 1.25);
    const auto rays = ops::rays(support::some_cameras(2), 40);
    using Importance = ImportanceSampler<StratifiedSampler>;
    check_same_view(FusedTriplaneRenderer<Importance>{{{48, range}, 48}}, field, rays);
    check_same_view(FusedTriplaneRenderer<Importance, WhiteBackground>{{{24, FixedRange{1.5, 4.0, true}}, 17}}, field,
                    rays);
    check_same_view(FusedTriplaneRenderer<Importance>{{{21, BoxRange{1.25}}, 50}, {-0.5}}, field, rays);
    check_same_view(FusedTriplaneRenderer<Importance>{{{16, range}, 16}, {}, {}, 0.7}, field, rays);
    check_same_view(FusedTriplaneRenderer<ImportanceSampler<MidpointSampler>>{{{12, range}, 12}}, field, rays);
    check_same_view(FusedTriplaneRenderer<StratifiedSampler>{{50, range}}, field, rays);
}

TEST_CASE("sizes are free: any channels, hidden units, features, oblong planes, scenes", "[render][fused]") {
    const auto sizes = GENERATE(Sizes{2, 4, 8, 8, 6, 3}, Sizes{1, 1, 5, 9, 1, 1}, Sizes{2, 17, 12, 7, 33, 40},
                                Sizes{1, 48, 16, 16, 128, 64}, Sizes{1, 32, 64, 64, 16, 5});
    const FusedTriplaneRenderer<> fused{{{11, range}, 13}};
    check_same_view(fused, field_of(sizes), ops::rays(support::some_cameras(2), 23));
}

TEST_CASE("planes with axes that select no coordinate are sampled too", "[render][fused]") {
    const PlaneAxes skewed{
        {{1, 0.25, 0, -0.5, 1, 0, 0, 0, 2}, {1, 0, 0, 0, 0.5, 1, 0, 1, 0}, {0, 0, 1, 1, 0, 0.125, 0, 1, 0}}};
    const auto field = field_of({.channels = 8, .height = 16, .width = 16}, skewed);
    check_same_view(FusedTriplaneRenderer<>{{{16, range}, 16}}, field, ops::rays(support::some_cameras(1), 20));
    auto parts = field.view();
    parts.axes[1] = {};
    StreamSource<CounterRandom> random;
    CHECK_THROWS_MATCHES(
        FusedTriplaneRenderer<>{}.render(TriplaneField(parts), ops::rays(support::some_cameras(1), 2), random, {}),
        Error, support::is_error(Errc::invalid_argument, "invertible"));
}

TEST_CASE("rays that meet nothing, stand in the cube or have no range are seen as the reference sees them",
          "[render][fused]") {
    const auto field = field_of({});
    const FusedTriplaneRenderer<> fused{{{12, BoxRange{1.0}}, 9}};
    const auto at_place = [](double x, double y, double z, double focal) {
        Camera camera{orbit_degrees(0, 0, 2.0), intrinsics_from_focal(focal)};
        auto result = cameras(std::vector{camera});
        result.world_from_camera = result.world_from_camera.clone();
        result.world_from_camera[0].select(1, 3).narrow(0, 0, 3).copy_(at::tensor({x, y, z}));
        return ops::rays(result, 9);
    };
    check_same_view(fused, field, at_place(0.1, 0.05, 0.2, 0.7));  // inside
    check_same_view(fused, field, at_place(0.3, 0.2, 2.0, 0.5));   // half of the rays miss
    check_same_view(fused, field, at_place(9, 9, 9, 2.0));         // all of them miss: depths run backwards
}

TEST_CASE("the bits do not depend on the number of threads, and gradients' do not either", "[render][fused]") {
    const auto field = field_of({.channels = 20, .height = 16, .width = 16, .hidden = 24, .features = 7});
    const auto rays = ops::rays(support::some_cameras(2), 33);
    const auto label = labels(support::some_cameras(1));
    const FusedTriplaneRenderer<> fused{{{16, range}, 16}};
    const auto with = [&](int threads) {
        const Threads guard(threads);
        auto all = gradients(fused, field.view(), label, 24);
        const auto seen = seen_by(fused, field, rays);
        all.insert(all.end(), {seen.feature, seen.depth, seen.weight});
        return all;
    };
    const auto one = with(1), two = with(2), three = with(3);
    for (std::size_t i = 0; i < one.size(); ++i) {
        CHECK(support::same(one[i], two[i]));
        CHECK(support::same(one[i], three[i]));
    }
}

TEST_CASE("every kind of arithmetic that this machine has gives the reference's picture", "[render][fused]") {
    const auto field = field_of({.channels = 32, .height = 24, .width = 24, .hidden = 64, .features = 32});
    const auto rays = ops::rays(support::some_cameras(1), 30);
    StreamSource<CounterRandom> random{CounterRandom(7)}, again{CounterRandom(7)};
    const FusedTriplaneRenderer<> fused{{{20, range}, 20}};
    const cameo::detail::TriplaneDraws draws{
        fused.sampler.coarse(rays, random), fused.sampler.draws(rays, random), {}, {}};
    const auto expected = reference(fused).render(field, rays, again, {});
    for (const auto* kernels : cameo::detail::usable_triplane_kernels()) {
        INFO(kernels->name);
        const auto few = rays.slice(0, 16);  // so few that the first layer is better applied to samples
        const auto part = [](const at::Tensor& t) { return t.narrow(1, 0, 16); };
        const auto whole = cameo::detail::render_triplane(field, rays, draws, -1.0, {}, *kernels);
        const auto some = cameo::detail::render_triplane(field, few, {part(draws.depth), part(draws.draws), {}, {}},
                                                         -1.0, {}, *kernels);
        check_agree(whole.feature, expected.feature);
        check_agree(whole.weight, expected.weight);
        check_agree(some.feature, part(expected.feature));

        auto leaf = field.view();
        leaf.planes = leaf.planes.clone().requires_grad_(true);
        leaf.decoder.hidden_weight = leaf.decoder.hidden_weight.clone().requires_grad_(true);
        cameo::detail::render_triplane(TriplaneField(leaf), rays, draws, -1.0, {}, *kernels)
            .feature.square()
            .sum()
            .backward();
        const auto planes = leaf.planes.grad().clone(), weight = leaf.decoder.hidden_weight.grad().clone();
        leaf.planes.mutable_grad().reset();
        leaf.decoder.hidden_weight.mutable_grad().reset();
        StreamSource<CounterRandom> same{CounterRandom(7)};
        reference(fused).render(TriplaneField(leaf), rays, same, {}).feature.square().sum().backward();
        CHECK(relative_l2(planes, leaf.planes.grad()) < 1e-4);
        CHECK(relative_l2(weight, leaf.decoder.hidden_weight.grad()) < 1e-4);
    }
}

TEST_CASE("the fused renderer's functions are right to a few units in the last place", "[render][fused]") {
    std::vector<float> x;
    for (double v = -86.0; v < 86.0; v += 0.00037) x.push_back(static_cast<float>(v));
    std::vector<float> y(x.size());
    const auto worst = [&](void (*function)(const float*, std::int64_t, float*), auto&& truth) {
        function(x.data(), static_cast<std::int64_t>(x.size()), y.data());
        double error = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const auto expected = truth(static_cast<double>(x[i]));
            const auto nearest = static_cast<float>(expected);
            const auto unit = static_cast<double>(std::nextafter(nearest, INFINITY)) - static_cast<double>(nearest);
            error = std::max(error, std::abs(static_cast<double>(y[i]) - expected) / unit);
        }
        return error;
    };
    for (const auto* kernels : cameo::detail::usable_triplane_kernels()) {
        INFO(kernels->name);
        CHECK(worst(kernels->exp, [](double v) { return std::exp(v); }) < 2.0);
        CHECK(worst(kernels->softplus, [](double v) { return std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v))); }) <
              3.0);
        CHECK(worst(kernels->sigmoid, [](double v) { return 1.0 / (1.0 + std::exp(-v)); }) < 3.0);
        const float ends[] = {-1e30f, -500.0f, 500.0f, 1e30f, 0.0f};
        float out[5];
        kernels->softplus(ends, 5, out);
        CHECK((out[0] == 0.0f && out[1] == 0.0f && out[2] == 500.0f && out[3] == 1e30f));
        kernels->sigmoid(ends, 5, out);
        CHECK((out[0] < 1e-37f && out[1] < 1e-37f && out[2] == 1.0f && out[3] == 1.0f && out[4] == 0.5f));
    }
}

TEST_CASE("fused gradients are the reference's, in planes, decoder and cameras", "[render][fused]") {
    const auto& axes = GENERATE(official_plane_axes, corrected_plane_axes);
    const auto scenes = GENERATE(1, 2);
    const auto field = field_of(
        {.scenes = scenes, .channels = 20, .height = 12, .width = 12, .hidden = 40, .features = 9}, axes, 1.25);
    const auto label = labels(support::some_cameras(2));
    const auto check_gradients = [&](const auto& fused) {
        const auto actual = gradients(fused, field.view(), label, 14);
        const auto expected = gradients(reference(fused), field.view(), label, 14);
        for (std::size_t i = 0; i < actual.size(); ++i) {
            INFO("leaf " << i);
            CHECK(relative_l2(actual[i], expected[i]) < 1e-4);
        }
    };
    check_gradients(FusedTriplaneRenderer<>{{{16, range}, 12}});
    check_gradients(FusedTriplaneRenderer<ImportanceSampler<StratifiedSampler>, WhiteBackground>{
        {{10, BoxRange{1.25}}, 7}, {-0.25}, {}, 0.3});
    check_gradients(FusedTriplaneRenderer<MidpointSampler>{{19, FixedRange{1.5, 4.0, true}}});
}

TEST_CASE("fused gradients are those of finite differences", "[render][fused]") {
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
        const auto expected = (at_step(1e-2) - at_step(-1e-2)) / 2e-2;
        CHECK(scalar((gradient * direction).sum()) == Approx(expected).epsilon(5e-3));
    }
}

TEST_CASE("gradients of a fused gradient are refused", "[render][fused]") {
    auto parts = support::some_field(1).view();
    parts.planes.requires_grad_(true);
    const auto seen =
        seen_by(FusedTriplaneRenderer<>{{{8, range}, 4}}, TriplaneField(parts), ops::rays(support::some_cameras(1), 4));
    CHECK_THROWS_MATCHES(support::gradients_of(seen.feature.square().sum(), {parts.planes}), Error,
                         support::is_error(Errc::invalid_argument, "second"));
}

TEST_CASE("only what is asked for has a gradient, and without grad mode nothing has", "[render][fused]") {
    auto parts = support::some_field(1).view();
    const auto rays = ops::rays(support::some_cameras(1), 4);
    const FusedTriplaneRenderer<> fused{{{8, range}, 4}};
    CHECK_FALSE(seen_by(fused, TriplaneField(parts), rays).feature.requires_grad());
    parts.decoder.output_bias.requires_grad_(true);
    seen_by(fused, TriplaneField(parts), rays).weight.sum().backward();
    CHECK(parts.decoder.output_bias.grad().abs().max().item<float>() > 0);
    CHECK_FALSE(parts.planes.grad().defined());
    const c10::NoGradGuard guard;
    CHECK_FALSE(seen_by(fused, TriplaneField(parts), rays).feature.requires_grad());
}

TEST_CASE("the fused gradient of an empty ray is 0, not undefined", "[render][fused]") {
    auto parts = support::some_field(1).view();
    parts.decoder.output_bias = parts.decoder.output_bias.clone();
    parts.decoder.output_bias[0] = -500.0;
    parts.planes = parts.planes.clone().requires_grad_(true);
    const auto seen =
        seen_by(FusedTriplaneRenderer<>{{{8, range}, 4}}, TriplaneField(parts), ops::rays(support::some_cameras(1), 4));
    REQUIRE(seen.weight.max().item<float>() == 0.0f);
    (seen.depth.sum() + seen.feature.sum()).backward();
    CHECK(parts.planes.grad().abs().max().item<float>() == 0.0f);
}

TEST_CASE("the fused renderer refuses what makes no sense, and stops when asked to", "[render][fused]") {
    const auto field = support::some_field(3);
    const auto rays = ops::rays(support::some_cameras(2), 4);
    StreamSource<CounterRandom> random;
    const auto refused = [&](const auto& renderer, const TriplaneField& what, Errc code, const std::string& words,
                             const Context& context = {}) {
        CHECK_THROWS_MATCHES(renderer.render(what, rays, random, context), Error, support::is_error(code, words));
    };
    const FusedTriplaneRenderer<> fused{{{8, range}, 4}};
    refused(fused, field, Errc::shape_mismatch, "got [3, 3, 4, 8, 8]");
    refused(FusedTriplaneRenderer<>{{{3, range}, 4}}, support::some_field(1), Errc::invalid_argument, "at least 4");
    Context context;
    context.memory_budget = 100;
    refused(fused, support::some_field(1), Errc::out_of_memory, "", context);
    std::stop_source stop;
    stop.request_stop();
    context = {};
    context.stop = stop.get_token();
    refused(fused, support::some_field(1), Errc::cancelled, "", context);
}

TEST_CASE("types that the fused renderer has no code for are left to the reference", "[render][fused]") {
    const auto field = support::some_field(1, at::kDouble);
    const auto rays = ops::rays(support::some_cameras(1, at::kDouble), 4);
    const FusedTriplaneRenderer<> fused{{{8, range}, 4}};
    CHECK(support::same(seen_by(fused, field, rays).feature, seen_by(reference(fused), field, rays).feature));
}

TEST_CASE("a gradient of a picture of 128 x 128 rays takes at most 64 MiB beyond itself", "[render][fused]") {
    const auto field = field_of({.channels = 32, .height = 256, .width = 256, .hidden = 64, .features = 32});
    auto parts = field.view();
    parts.planes.requires_grad_(true);
    parts.decoder.hidden_weight.requires_grad_(true);
    const auto rays = ops::rays(support::some_cameras(1), 128);
    seen_by(FusedTriplaneRenderer<>{{{8, range}, 8}}, field, rays)
        .feature.sum()
        .backward();  // threads and their scratch
    const auto gradient = parts.planes.numel() * 4;
    parts.planes.mutable_grad().reset();
    const auto seen = seen_by(FusedTriplaneRenderer<>{{{48, range}, 48}}, field, rays);
    const auto growth = support::resident_growth([&] { seen.feature.sum().backward(); });
    INFO(static_cast<double>(growth) / (1 << 20) << " MiB, the planes' gradient included");
    CHECK(static_cast<std::int64_t>(growth) < gradient + (std::int64_t{64} << 20));
}

TEST_CASE("what a picture leaves out costs no more than what is promised, with every kind of arithmetic",
          "[render][fused]") {
    const auto field = GENERATE(sharp_field(), support::some_field(1));
    const auto rays = ops::rays(support::some_cameras(2), 24);
    constexpr std::int64_t first = 24, second = 20, samples = first + second;
    const auto few = GENERATE(false, true);  // then the first layer is applied to samples
    const auto some = few ? rays.slice(0, 8) : rays;
    StreamSource<CounterRandom> random{CounterRandom(7)};
    const FusedTriplaneRenderer<> fused{{{first, range}, second}};
    const cameo::detail::TriplaneDraws draws{
        fused.sampler.coarse(some, random), fused.sampler.draws(some, random), {}, {}};
    constexpr double rounding = 2e-6;
    for (const auto* kernels : cameo::detail::usable_triplane_kernels()) {
        INFO(kernels->name);
        const auto with = [&](const TriplaneSavings& savings, at::Tensor& spent) {
            return cameo::detail::render_triplane(field, some, draws, -1.0, {}, *kernels, savings, &spent);
        };
        at::Tensor all, spent;
        const auto whole = with({}, all);
        CHECK(scalar(all.select(2, 0).min()) == samples);
        for (const double eps : {1e-6, 1e-3, 1e-2, 0.3}) {
            INFO("eps " << eps);
            const auto pale = with({.colour = eps}, spent);
            CHECK(largest(pale.feature, whole.feature) <= 1.001 * samples * eps + rounding);
            CHECK((support::same(pale.depth, whole.depth) && support::same(pale.weight, whole.weight)));
            CHECK(support::same(spent.select(2, 0), all.select(2, 0)));
            CHECK(scalar(spent.select(2, 1).sum()) <= scalar(all.select(2, 1).sum()));

            const auto dark = with({.light = eps}, spent);
            CHECK(largest(dark.feature, whole.feature) <= 1.001 * eps + rounding);
            CHECK(largest(dark.weight, whole.weight) <= eps + rounding);
            CHECK(scalar(spent.select(2, 0).min()) >= first);
            CHECK(scalar(spent.select(2, 0).sum()) <= scalar(all.select(2, 0).sum()));

            const auto both = with({.colour = eps, .light = eps, .empty = true}, spent);
            CHECK(largest(both.feature, whole.feature) <= 1.001 * (samples + 1) * eps + 2 * rounding);
        }
        const auto sparse = with({.empty = true}, spent);
        CHECK(largest(sparse.weight, whole.weight) <= (few ? rounding : 0.0));  // bounds need the first layer on texels
        CHECK(largest(sparse.feature, whole.feature) <= rounding);
    }
}

TEST_CASE("light that is gone and space that is empty are not sampled, colours that nobody sees not made",
          "[render][fused]") {
    const auto& axes = GENERATE(official_plane_axes, corrected_plane_axes);
    const auto field = sharp_field(axes);
    const auto rays = ops::rays(support::some_cameras(1), 64);
    StreamSource<CounterRandom> random{CounterRandom(7)};
    const FusedTriplaneRenderer<> fused{{{24, range}, 24}};
    const cameo::detail::TriplaneDraws draws{
        fused.sampler.coarse(rays, random), fused.sampler.draws(rays, random), {}, {}};
    for (const auto* kernels : cameo::detail::usable_triplane_kernels()) {
        INFO(kernels->name);
        at::Tensor spent;
        const auto means = [&](const TriplaneSavings& savings) {
            (void)cameo::detail::render_triplane(field, rays, draws, -1.0, {}, *kernels, savings, &spent);
            return spent.to(at::kDouble).mean(at::IntArrayRef{0, 1});
        };
        const auto all = means({}), pale = means({.colour = 1e-3}), dark = means({.light = 1e-3}),
                   sparse = means({.empty = true}), sampled = means({.occupancy = 1.0});
        CHECK(scalar(all[0]) == 48.0);
        CHECK(scalar(pale[1]) < scalar(all[1]));
        CHECK(scalar(dark[0]) < 47.0);
        CHECK(scalar(sparse[0]) < 47.0);
        CHECK(scalar(sparse[1]) == scalar(all[1]));
        CHECK(scalar(sampled[0]) < scalar(sparse[0]));
    }
}

TEST_CASE("bounds of densities hold wherever a point lies, and leave what they cannot know", "[render][fused]") {
    // Where nothing is proven every sample is decoded: axes that look along no coordinate, and noise.
    const PlaneAxes skewed{
        {{1, 0.25, 0, -0.5, 1, 0, 0, 0, 2}, {1, 0, 0, 0, 0.5, 1, 0, 1, 0}, {0, 0, 1, 1, 0, 0.125, 0, 1, 0}}};
    const auto rays = ops::rays(support::some_cameras(1), 40);
    StreamSource<CounterRandom> random{CounterRandom(3)};
    const FusedTriplaneRenderer<> fused{{{24, range}, 24}};
    cameo::detail::TriplaneDraws draws{fused.sampler.coarse(rays, random), fused.sampler.draws(rays, random), {}, {}};
    const auto& kernels = *cameo::detail::usable_triplane_kernels().front();
    at::Tensor spent;
    const auto least = [&](const TriplaneField& field) {
        (void)cameo::detail::render_triplane(field, rays, draws, -1.0, {}, kernels, {.empty = true}, &spent);
        return scalar(spent.select(2, 0).min());
    };
    CHECK(least(sharp_field(skewed)) == 48.0);
    CHECK(least(sharp_field()) < 48.0);
    draws.noise = random.normal({1, rays.rays(), 24, 1});
    draws.fine_noise = random.normal({1, rays.rays(), 24, 1});
    CHECK(least(sharp_field()) == 48.0);
}

TEST_CASE("a renderer that saves keeps the laws of renderers, on any number of threads", "[render][fused]") {
    const auto field = GENERATE(sharp_field(), support::some_field(2));
    const auto rays = ops::rays(support::some_cameras(field.view().planes.size(0)), 17);
    const auto savings = GENERATE(TriplaneSavings{.colour = 1e-5}, TriplaneSavings{.light = 1e-4},
                                  TriplaneSavings{.empty = true}, TriplaneSavings{.occupancy = 0.5});
    using Importance = ImportanceSampler<StratifiedSampler>;
    const FusedTriplaneRenderer<Importance, WhiteBackground> two{{{9, range}, 6}, {}, {}, 0.0, savings};
    const FusedTriplaneRenderer<StratifiedSampler> one{{13, range}, {}, {}, 0.0, savings};
    CHECK(testing::broken_laws(two, field, rays) == std::vector<std::string>{});
    CHECK(testing::broken_laws(one, field, rays) == std::vector<std::string>{});
    const auto with = [&](int threads) {
        const Threads guard(threads);
        return seen_by(two, field, rays);
    };
    const auto a = with(1), b = with(3);
    CHECK(
        (support::same(a.feature, b.feature) && support::same(a.depth, b.depth) && support::same(a.weight, b.weight)));
}

TEST_CASE("where gradients are wanted nothing is left out", "[render][fused]") {
    auto parts = sharp_field().view();
    parts.planes = parts.planes.clone().requires_grad_(true);
    const auto rays = ops::rays(support::some_cameras(1), 12);
    const FusedTriplaneRenderer<> plain{{{16, range}, 12}};
    auto saving = plain;
    saving.savings = {.colour = 0.2, .light = 0.5, .occupancy = 3.0};
    const auto gradient = [&](const auto& renderer) {
        const auto seen = seen_by(renderer, TriplaneField(parts), rays);
        seen.feature.square().sum().backward();
        const auto found = parts.planes.grad().clone();
        parts.planes.mutable_grad().reset();
        return std::vector{seen.feature.detach(), found};
    };
    const auto a = gradient(plain), b = gradient(saving);
    CHECK((support::same(a[0], b[0]) && support::same(a[1], b[1])));
    const c10::NoGradGuard guard;
    CHECK(largest(seen_by(saving, TriplaneField(parts), rays).feature, a[0]) > 0.0);
}

TEST_CASE("savings that make no sense are refused", "[render][fused]") {
    const auto rays = ops::rays(support::some_cameras(1), 4);
    const auto refused = [&](const TriplaneSavings& savings, const std::string& words) {
        FusedTriplaneRenderer<> fused{{{8, range}, 4}};
        fused.savings = savings;
        CHECK_THROWS_MATCHES(seen_by(fused, support::some_field(1), rays), Error,
                             support::is_error(Errc::invalid_argument, words));
    };
    refused({.colour = -1e-9}, "colour");
    refused({.light = 1.0}, "below 1");
    refused({.light = std::nan("")}, "light");
    refused({.occupancy = INFINITY}, "occupancy");
}
