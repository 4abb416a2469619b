// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/splatting.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/random.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/gradients.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;
using support::scalar;

namespace {

Cameras looking(const std::vector<Camera>& all, at::ScalarType type = at::kDouble) { return cameras(all, type); }

Camera front(double focal = 4.0) { return {orbit_degrees(0, 0, 2.7), intrinsics_from_focal(focal)}; }

SplatTensors one(const std::array<double, 3>& at, const std::array<double, 3>& scale,
                 const std::array<double, 4>& rotation, double opacity, const std::array<double, 3>& colour) {
    const auto of = [](const auto& values) {
        return at::tensor(at::ArrayRef<double>(values.data(), values.size()), at::kDouble).unsqueeze(0);
    };
    return {of(at), of(scale).log(), of(rotation), at::tensor({std::log(opacity / (1 - opacity))}, at::kDouble),
            of(colour)};
}

SplatTensors joined(const SplatTensors& a, const SplatTensors& b) {
    return {at::cat({a.position, b.position}), at::cat({a.log_scale, b.log_scale}), at::cat({a.rotation, b.rotation}),
            at::cat({a.opacity, b.opacity}), at::cat({a.colour, b.colour})};
}

SplatTensors some(std::int64_t count, at::ScalarType type = at::kDouble) {
    StreamSource<CounterRandom> random{CounterRandom(31)};
    const auto normal = [&](at::IntArrayRef shape) { return random.normal(shape, type); };
    return {normal({count, 3}) * 0.15, normal({count, 3}) * 0.4 - 2.8, normal({count, 4}), normal({count}),
            random.uniform({count, 3}, type)};
}

constexpr ops::SplatOptions exact{.width = 24, .height = 16, .background = {0.1, 0.2, 0.9}, .faintest = 1e-12};

}  // namespace

TEST_CASE("a Gaussian on the axis is the closed form", "[ops][splatting]") {
    // Off the axis by a turn about the line of sight: own x along (cos, sin) of the picture.
    const double turn = 0.7, distance = 2.7, opacity = 0.8;
    const std::array<double, 3> scale{0.2, 0.05, 0.4};
    const auto splats = one({0, 0, 0}, scale, {std::cos(turn / 2), 0, 0, std::sin(turn / 2)}, opacity, {1, 0.5, 0.25});
    const auto image = ops::splat(splats, looking({front()}), exact)[0];
    for (std::int64_t y = 0; y < 16; ++y)
        for (std::int64_t x = 0; x < 24; ++x) {
            // The world's y is up, the picture's down; fx counts in 24 pixels, fy in 16.
            const auto sx = 4.0 * 24 / distance, sy = -4.0 * 16 / distance;
            const auto u = std::array{sx * std::cos(turn) * scale[0], sy * std::sin(turn) * scale[0]};
            const auto v = std::array{-sx * std::sin(turn) * scale[1], sy * std::cos(turn) * scale[1]};
            const auto a = u[0] * u[0] + v[0] * v[0] + 0.3, b = u[0] * u[1] + v[0] * v[1],
                       c = u[1] * u[1] + v[1] * v[1] + 0.3, det = a * c - b * b;
            const auto dx = static_cast<double>(x) + 0.5 - 12, dy = static_cast<double>(y) + 0.5 - 8;
            const auto alpha = opacity * std::exp(-(c * dx * dx - 2 * b * dx * dy + a * dy * dy) / det / 2);
            CHECK(scalar(image[0][y][x]) == Approx(alpha + (1 - alpha) * 0.1).margin(1e-10));
            CHECK(scalar(image[2][y][x]) == Approx(alpha * 0.25 + (1 - alpha) * 0.9).margin(1e-10));
        }
}

TEST_CASE("the nearer Gaussian covers the farther one, in whatever order they stand", "[ops][splatting]") {
    const auto near = one({0, 0, 0.5}, {0.3, 0.3, 0.3}, {1, 0, 0, 0}, 0.6, {1, 0, 0});
    const auto far = one({0, 0, -0.5}, {0.3, 0.3, 0.3}, {1, 0, 0, 0}, 0.7, {0, 1, 0});
    auto options = exact;
    options.width = options.height = 15;  // a pixel in the very middle
    for (const auto& both : {joined(near, far), joined(far, near)}) {
        const auto middle = ops::splat(both, looking({front()}), options).select(3, 7).select(2, 7)[0];
        CHECK(scalar(middle[0]) == Approx(0.6 + 0.4 * 0.3 * 0.1));
        CHECK(scalar(middle[1]) == Approx(0.4 * 0.7 + 0.4 * 0.3 * 0.2));
        CHECK(scalar(middle[2]) == Approx(0.4 * 0.3 * 0.9));
    }
}

TEST_CASE("what is behind the camera or too faint is not there", "[ops][splatting]") {
    const auto behind = one({0, 0, 3}, {0.3, 0.3, 0.3}, {1, 0, 0, 0}, 0.9, {1, 1, 1});
    const auto faint = one({0, 0, 0}, {0.3, 0.3, 0.3}, {1, 0, 0, 0}, 0.003, {1, 1, 1});
    auto options = exact;
    options.faintest = 1.0 / 255;
    for (const auto& unseen : {behind, faint}) {
        const auto image = ops::splat(unseen, looking({front()}), options)[0];
        for (std::int64_t c = 0; c < 3; ++c)
            CHECK(difference(image[c],
                             at::full({16, 24}, options.background[static_cast<std::size_t>(c)], at::kDouble)) == 0);
    }
}

TEST_CASE("gradients of splatting are central differences", "[ops][splatting]") {
    auto splats = some(7);
    std::vector<at::Tensor> inputs{splats.position, splats.log_scale, splats.rotation, splats.opacity, splats.colour};
    for (auto& input : inputs) input.requires_grad_(true);
    const auto views = looking({{orbit_degrees(25, 10, 2.7, {0, 0, 0.2}), {4.1, 0.2, 0.45, 0, 3.8, 0.52, 0, 0, 1}},
                                {orbit_degrees(-60, -5, 2.2), intrinsics_from_focal(3)}});
    StreamSource<CounterRandom> random{CounterRandom(32)};
    const auto mix = random.normal({2, 3, 16, 24}, at::kDouble);
    const auto loss = [&] { return (ops::splat(splats, views, exact) * mix).sum(); };
    CHECK(support::gradient_error(loss, inputs) < 1e-6);
}

TEST_CASE("splatting gives the same bits on any number of threads, and float32 is near to float64",
          "[ops][splatting]") {
    auto splats = some(300, at::kFloat);
    std::vector<at::Tensor> inputs{splats.position, splats.log_scale, splats.rotation, splats.opacity, splats.colour};
    for (auto& input : inputs) input.requires_grad_(true);
    const auto options = ops::SplatOptions{.width = 70, .height = 50, .background = {1, 1, 1}};
    const auto view = looking({front()}, at::kFloat);
    const auto all = [&] {
        const auto image = ops::splat(splats, view, options);
        auto results = torch::autograd::grad({(image * image).sum()}, inputs);
        results.push_back(image.detach());
        return results;
    };
    const auto before = thread_count();
    set_thread_count(1);
    const auto alone = all();
    set_thread_count(3);
    const auto together = all();
    set_thread_count(before);
    for (std::size_t i = 0; i < alone.size(); ++i) CHECK(support::same(alone[i], together[i]));

    const auto wide = [](const at::Tensor& t) { return t.detach().to(at::kDouble); };
    const auto exactly = ops::splat({wide(splats.position), wide(splats.log_scale), wide(splats.rotation),
                                     wide(splats.opacity), wide(splats.colour)},
                                    looking({front()}), options);
    CHECK(scalar((alone.back() - exactly).abs().gt(1e-4).to(at::kDouble).mean()) < 1e-3);  // but for faint edges
}

TEST_CASE("what splatting cannot do is said", "[ops][splatting]") {
    auto splats = some(3);
    const auto view = looking({front()});
    auto wrong = splats;
    wrong.rotation = at::zeros({3, 3}, at::kDouble);
    CHECK_THROWS_MATCHES(ops::splat(wrong, view, exact), Error, support::is_error(Errc::shape_mismatch, "rotation"));
    wrong = splats;
    wrong.colour = wrong.colour.to(at::kFloat);
    CHECK_THROWS_MATCHES(ops::splat(wrong, view, exact), Error, support::is_error(Errc::invalid_argument, "colour"));
    auto options = exact;
    options.width = 0;
    CHECK_THROWS_MATCHES(ops::splat(splats, view, options), Error, support::is_error(Errc::invalid_argument, "16384"));
    options = exact;
    options.densest = 1;
    CHECK_THROWS_MATCHES(ops::splat(splats, view, options), Error,
                         support::is_error(Errc::invalid_argument, "densest"));

    splats.colour.requires_grad_(true);
    const auto loss = ops::splat(splats, view, exact).square().sum();
    const auto second = [&] { (void)torch::autograd::grad({loss}, {splats.colour}, {}, true, /*create_graph=*/true); };
    CHECK_THROWS_MATCHES(second(), Error, support::is_error(Errc::invalid_argument, "first derivatives"));
}
