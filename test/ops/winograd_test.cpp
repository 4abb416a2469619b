// SPDX-License-Identifier: Apache-2.0
#include "ops/winograd.hpp"

#include <array>
#include <cstdint>
#include <string>

#include <ATen/ATen.h>

#include <c10/core/GradMode.h>

#include <cameo/core/parallel.hpp>
#include <cameo/ops/conv2d_resample.hpp>
#include <cameo/ops/fir.hpp>
#include <cameo/train/adam.hpp>

#include "support/catch.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using ops::WinogradUse;
using support::normal_numbers;

namespace {

double relative_norm(const at::Tensor& found, const at::Tensor& truth) {
    const auto expected = truth.to(at::kDouble);
    return ((found.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
}

// Pictures smaller than a group of tiles, broken tiles, whole ones, several lines in one group.
struct Size {
    std::int64_t pictures, inputs, outputs, height, width;
};
constexpr std::array sizes{Size{2, 5, 7, 9, 13},   Size{1, 16, 33, 32, 32}, Size{1, 8, 8, 64, 64},
                           Size{2, 3, 9, 36, 140}, Size{1, 4, 4, 4, 300},   Size{3, 2, 1, 1, 1}};

at::Tensor floats(at::IntArrayRef shape, int seed) { return normal_numbers(shape, seed).to(at::kFloat); }

}  // namespace

TEST_CASE("tiled convolutions are convolutions", "[ops][winograd]") {
    const auto doubles = GENERATE(false, true);
    const auto size = GENERATE(from_range(sizes));
    const auto x = floats({size.pictures, size.inputs, size.height, size.width}, 1),
               weight = floats({size.outputs, size.inputs, 3, 3}, 2);
    const auto filter = doubles ? ops::fir_filter(std::array{1.0, 3.0, 2.5, 0.5}) : at::Tensor();
    const auto truth = ops::conv2d_resample(x.to(at::kDouble), weight.to(at::kDouble), filter,
                                            doubles ? ops::Resample::up_2x : ops::Resample::none);
    for (const auto* kernels : ops::usable_winograd_kernels()) {
        INFO(kernels->name << ", " << size.height << " x " << size.width << (doubles ? ", doubled" : ""));
        const auto ready = ops::winograd_weights(weight, filter, WinogradUse::forward, *kernels);
        const auto y = ops::winograd_finished(x, ready, {}, *kernels);
        REQUIRE(y.sizes() == truth.sizes());
        CHECK(relative_norm(y, truth) < 1e-5);

        // <conv x, g> = <x, conv' g>
        const auto g = floats(truth.sizes(), 3);
        const auto phases = doubles ? at::pixel_unshuffle(g, 2) : g;
        const auto adjoint = ops::winograd_finished(
            phases, ops::winograd_weights(weight, filter, WinogradUse::adjoint, *kernels), {}, *kernels);
        REQUIRE(adjoint.sizes() == x.sizes());
        const auto one = (truth * g).sum().item<double>(), other = (x.to(at::kDouble) * adjoint).sum().item<double>();
        CHECK(std::abs(one - other) < 1e-5 * truth.norm().item<double>() * g.norm().item<double>());

        // The result is linear in the weights: <conv x, g> = <weight, gradient>, for any weight.
        const auto of_weight = ops::winograd_weight_gradient(phases, x, filter, {}, {}, *kernels);
        REQUIRE(of_weight.sizes() == weight.sizes());
        const auto third = (weight.to(at::kDouble) * of_weight).sum().item<double>();
        CHECK(std::abs(one - third) < 1e-5 * truth.norm().item<double>() * g.norm().item<double>());
    }
}

TEST_CASE("scales, noise, bias and activation on the way are those of separate steps", "[ops][winograd]") {
    const auto doubles = GENERATE(false, true);
    const auto own_noise = GENERATE(false, true);
    const std::int64_t side = doubles ? 2 : 1, height = 19, width = 70;
    const auto x = floats({2, 6, height, width}, 4), weight = floats({5, 6, 3, 3}, 5);
    const auto filter = doubles ? ops::fir_filter() : at::Tensor();
    const auto noise =
        own_noise ? floats({2, 1, side * height, side * width}, 6) : floats({side * height, side * width}, 6);
    const auto in = floats({2, 6}, 7), out = floats({1, 5}, 8), bias = floats({5}, 9);
    const ops::BiasActOptions activation{.activation = ops::Activation::leaky_relu, .gain = 0.7, .clamp = 6.0};
    const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
    auto truth = ops::conv2d_resample(wide(x) * wide(in).view({2, 6, 1, 1}), wide(weight), filter,
                                      doubles ? ops::Resample::up_2x : ops::Resample::none);
    truth = truth * wide(out).view({1, 5, 1, 1}) + wide(noise);
    truth = ops::bias_act(truth, wide(bias), activation);
    for (const auto* kernels : ops::usable_winograd_kernels()) {
        INFO(kernels->name);
        const auto y = ops::winograd_finished(x, ops::winograd_weights(weight, filter, WinogradUse::forward, *kernels),
                                              {in, out, noise, bias, activation}, *kernels);
        CHECK(relative_norm(y, truth) < 1e-5);
        CHECK(y.abs().max().item<double>() <= 6.0);
    }
}

TEST_CASE("what is not a number stays so in its surroundings alone", "[ops][winograd]") {
    auto x = floats({1, 3, 40, 40}, 10);
    x[0][1][20][20] = std::numeric_limits<float>::quiet_NaN();
    const auto weight = floats({2, 3, 3, 3}, 11);
    const auto y = ops::winograd_finished(
        x, ops::winograd_weights(weight, {}, WinogradUse::forward),
        {.activation = ops::BiasActOptions{.activation = ops::Activation::leaky_relu, .clamp = 1.0}});
    CHECK(y[0][0].slice(0, 19, 22).slice(1, 19, 22).isnan().all().item<bool>());
    CHECK_FALSE(y.slice(2, 0, 16).isnan().any().item<bool>());
    CHECK_FALSE(y.slice(2, 28, 40).isnan().any().item<bool>());
}

TEST_CASE("tiled convolutions have the same bits on any number of threads", "[ops][winograd]") {
    const auto x = floats({1, 6, 40, 72}, 12), weight = floats({9, 6, 3, 3}, 13);
    const auto ready = ops::winograd_weights(weight, ops::fir_filter(), WinogradUse::forward);
    const auto before = thread_count();
    set_thread_count(1);
    const auto one = ops::winograd_finished(x, ready, {});
    set_thread_count(3);
    const auto three = ops::winograd_finished(x, ready, {});
    set_thread_count(before);
    CHECK(at::equal(one, three));
}

TEST_CASE("weights made ready follow the weights", "[ops][winograd]") {
    ops::WinogradCache cache;
    const auto weight = floats({4, 3, 3, 3}, 14), x = floats({1, 3, 33, 40}, 15);
    const auto truth = [&] { return at::conv2d(x.to(at::kDouble), weight.to(at::kDouble), {}, 1, 1); };
    const auto found = [&] { return ops::winograd_finished(x, cache.get(weight, {}, WinogradUse::forward), {}); };
    CHECK(relative_norm(found(), truth()) < 1e-5);
    CHECK(
        cache.get(weight, {}, WinogradUse::forward).packed.is_same(cache.get(weight, {}, WinogradUse::forward).packed));

    weight.mul_(-3.0).add_(1.0);
    CHECK(relative_norm(found(), truth()) < 1e-5);
    Adam adam({{"weight", weight}}, {.learning_rate = 0.5});
    weight.mutable_grad() = at::ones_like(weight);
    adam.step();
    weight.mutable_grad() = at::Tensor();
    CHECK(relative_norm(found(), truth()) < 1e-5);

    // Another filter, another use: other weights.
    const auto filter = ops::fir_filter();
    CHECK(cache.get(weight, filter, WinogradUse::forward).phases == 4);
    CHECK(cache.get(weight, filter, WinogradUse::adjoint).inputs == 16);
}
