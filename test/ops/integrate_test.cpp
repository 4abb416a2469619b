// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/integrate.hpp>

#include <cmath>
#include <limits>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/numpy_random.hpp>
#include <cameo/core/random.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;
using support::normal_numbers;

namespace {

constexpr ops::IntegrateOptions eg3d{.rule = ops::Rule::midpoint, .density_bias = -1.0};

at::Tensor clamped(const RayFeatures& seen, const at::Tensor& depth) {
    return ops::clamp_depth(seen.depth, depth.min(), depth.max());
}

RaySamples line(std::initializer_list<double> depth, std::initializer_list<double> density,
                std::initializer_list<double> colour, at::ScalarType type = at::kDouble) {
    const auto row = [&](std::initializer_list<double> values) {
        return at::tensor(at::ArrayRef<double>(values), type).view({1, 1, -1, 1});
    };
    return {row(depth), row(density), row(colour)};
}

}  // namespace

TEST_CASE("trap 11: the activation acts on the average of two densities", "[ops][integrate]") {
    const auto seen = ops::integrate(line({2.3, 2.5, 2.6, 2.9}, {-2, .5, 3, 6}, {.1, .2, .6, .9}), eg3d);
    const auto weights = seen.sample_weights.view({3});
    CHECK(weights[0].item<double>() == Approx(0.0315368).epsilon(1e-5));
    CHECK(weights[1].item<double>() == Approx(0.1040738).epsilon(1e-5));
    CHECK(weights[2].item<double>() == Approx(0.5645946).epsilon(1e-5));
    CHECK(seen.weight.item<double>() == Approx(0.7002052).epsilon(1e-5));
    CHECK(2 * seen.feature.item<double>() - 1 == Approx(-0.0603880).epsilon(1e-5));
    CHECK(2 * (seen.feature.item<double>() + 1 - seen.weight.item<double>()) - 1 == Approx(0.5392016).epsilon(1e-5));
    CHECK(seen.depth.item<double>() == Approx(2.7045096).epsilon(1e-6));
}

TEST_CASE("marching gives the published numbers, also for empty, opaque and broken rays", "[golden][ops][integrate]") {
    const auto golden = support::golden_arrays("eg3d/cameras.npz");
    if (!golden) return;
    const auto* const name = GENERATE("zero", "minus50", "minus200", "huge1e4", "huge1e30", "inf", "minusinf", "random",
                                      "one_empty_ray", "nan_density", "cancel", "badorder");
    INFO(name);
    const auto get = [&](const std::string& what) { return (*golden)["march." + std::string(name) + "." + what]; };
    const auto ordered = std::string(name) != "badorder";
    const auto depth = (ordered ? (*golden)["march.t"].expand({3, 8}) : get("t")).reshape({1, 3, 8, 1});
    const auto seen =
        ops::integrate({depth, get("density").view({1, 3, 8, 1}), (*golden)["march.colors"].unsqueeze(0)}, eg3d);
    CHECK(difference(seen.sample_weights.view({3, 7}), get("weights")) < 1e-5);
    CHECK(difference(clamped(seen, depth).view({3}), get("depth")) < 1e-5);
    CHECK(difference((seen.feature * 2 - 1)[0], get("color")) < 1e-5);
    if (ordered) CHECK(difference(((seen.feature + 1 - seen.weight) * 2 - 1)[0], get("color_white")) < 1e-5);
}

TEST_CASE("gradients of marching are the published ones, and 0 where those are undefined", "[golden][ops][integrate]") {
    const auto golden = support::golden_arrays("eg3d/cameras.npz");
    if (!golden) return;
    const auto* const name = GENERATE("random", "one_empty_ray", "minus200", "huge1e4");
    INFO(name);
    const auto colour = (*golden)["march.colors"].unsqueeze(0).requires_grad_(true);
    const auto density = (*golden)["march." + std::string(name) + ".density"].view({1, 3, 8, 1}).requires_grad_(true);
    const auto depth = (*golden)["march.t"].expand({3, 8}).reshape({1, 3, 8, 1}).requires_grad_(true);
    const auto seen = ops::integrate({depth, density, colour}, eg3d);
    StreamSource random{NumpyRandom(111)};
    const auto a = random.normal({3, 4}), b = random.normal({3, 1});
    (((seen.feature * 2 - 1)[0] * a).sum() + (clamped(seen, depth)[0] * b).sum()).backward();
    const auto check = [&](const char* what, const at::Tensor& gradient) {
        INFO(what);
        const auto expected = (*golden)["march_grad." + std::string(name) + "." + what];
        const auto found = gradient.view(expected.sizes());
        CHECK(at::isfinite(found).all().item<bool>());
        const auto undefined = expected.isnan();
        CHECK(difference(found.masked_fill(undefined, 0), expected.masked_fill(undefined, 0)) <
              1e-5 * std::max(1.0, expected.nan_to_num().abs().max().item<double>()));
        if (std::string(what) == "density")
            CHECK(difference(found.masked_select(undefined), at::zeros_like(found.masked_select(undefined))) == 0);
    };
    check("color", colour.grad());
    check("density", density.grad());
    check("t", depth.grad());
}

TEST_CASE("the left rule weighs each sample, and the last one ends the ray", "[ops][integrate]") {
    const ops::IntegrateOptions options{
        .rule = ops::Rule::left, .activation = ops::DensityActivation::relu, .normalize_depth = false};
    const auto seen = ops::integrate(line({1, 1.5, 2.5}, {2, -1, 0.5}, {.25, .5, 1}), options);
    const auto first = 1 - std::exp(-1.0), last = 1 - first;
    CHECK(seen.sample_weights.view({3})[0].item<double>() == Approx(first));
    CHECK(seen.sample_weights.view({3})[1].item<double>() == 0.0);
    CHECK(seen.sample_weights.view({3})[2].item<double>() == Approx(last));
    CHECK(seen.feature.item<double>() == Approx(.25 * first + last));
    CHECK(seen.depth.item<double>() == Approx(first + 2.5 * last));
    CHECK(ops::integrate(line({1, 2}, {-1, -1}, {1, 1}), options).weight.item<double>() == 0.0);
}

TEST_CASE("integrals have the gradients of finite differences", "[ops][integrate]") {
    const auto rule = GENERATE(ops::Rule::midpoint, ops::Rule::left);
    const auto activation = GENERATE(ops::DensityActivation::softplus, ops::DensityActivation::relu);
    const auto depth = std::get<0>(at::sort(normal_numbers({1, 2, 5, 1}, 1).abs() + 1, 2)).contiguous();
    const auto density = normal_numbers({1, 2, 5, 1}, 2), feature = normal_numbers({1, 2, 5, 3}, 3);
    const auto loss = [&] {
        const auto seen =
            ops::integrate({depth, density, feature},
                           {.rule = rule, .activation = activation, .density_bias = 0.3, .last_interval = 0.5});
        return seen.feature.pow(3).sum() + seen.depth.pow(2).sum() + seen.weight.pow(2).sum() +
               seen.sample_weights.pow(2).sum();
    };
    CHECK(support::gradient_error(loss, {depth, density, feature}) < 1e-6);
}

TEST_CASE("trap 13: depth is limited to the samples of the whole batch, empty rays to the farthest",
          "[ops][integrate]") {
    const auto near = at::tensor(2.0), far = at::tensor(3.0);
    const auto infinity = std::numeric_limits<float>::infinity();
    const auto depth = at::tensor({1.0f, 2.5f, 4.0f, infinity, std::numeric_limits<float>::quiet_NaN()});
    CHECK(difference(ops::clamp_depth(depth, near, far), at::tensor({2.0f, 2.5f, 3.0f, 3.0f, 3.0f})) == 0);
}

TEST_CASE("merged samples ascend, and equal depths keep their order", "[ops][integrate]") {
    const auto merged =
        ops::merge_samples(line({1, 3, 5}, {10, 30, 50}, {.1, .3, .5}), line({3, 0, 4}, {31, 1, 40}, {.31, .01, .4}));
    CHECK(difference(merged.depth.view({-1}), at::tensor({0., 1., 3., 3., 4., 5.}, at::kDouble)) == 0);
    CHECK(difference(merged.density.view({-1}), at::tensor({1., 10., 30., 31., 40., 50.}, at::kDouble)) == 0);
    CHECK(difference(merged.feature.view({-1}), at::tensor({.01, .1, .3, .31, .4, .5}, at::kDouble)) == 0);
}

TEST_CASE("integrating names what does not fit", "[ops][integrate]") {
    CHECK_THROWS_MATCHES(ops::integrate(line({1}, {1}, {1})), Error,
                         support::is_error(Errc::invalid_argument, "at least 2 samples"));
    CHECK_THROWS_MATCHES(ops::integrate(line({1, 2}, {1}, {1, 2})), Error,
                         support::is_error(Errc::shape_mismatch, "density"));
}
