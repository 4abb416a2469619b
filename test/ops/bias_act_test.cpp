// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/bias_act.hpp>

#include <cmath>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/gradients.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;
using support::normal_numbers;

TEST_CASE("bias, activation, gain and clamp come in this order", "[ops][bias_act]") {
    const auto x = at::tensor({-3.0, -1.0, 0.5, 4.0}, at::kDouble).view({1, 2, 2});
    const auto bias = at::tensor({1.0, -1.0}, at::kDouble);
    const auto act = [](double value) { return std::sqrt(2.0) * (value > 0 ? value : 0.2 * value); };
    const auto expected = at::tensor({act(-2), act(0), act(-0.5), act(3)}, at::kDouble).view({1, 2, 2});
    CHECK(difference(ops::bias_act(x, bias, {.activation = ops::Activation::leaky_relu}), expected) < 1e-15);
    CHECK(difference(ops::bias_act(x, {}, {}), x) == 0);
    CHECK(difference(ops::bias_act(x, bias, {.activation = ops::Activation::leaky_relu, .gain = 0.5}), expected * 0.5) <
          1e-15);
}

TEST_CASE("trap 25: the clamp comes after the gain", "[ops][bias_act]") {
    const auto x = at::tensor({-1e4, 200.0}, at::kDouble).view({1, 2});
    const auto y = ops::bias_act(x, {}, {.activation = ops::Activation::leaky_relu, .clamp = 256.0});
    CHECK(difference(y, at::tensor({-256.0, 256.0}, at::kDouble).view({1, 2})) == 0);
}

TEST_CASE("half precision is widened, and rounded once at the end", "[ops][bias_act]") {
    const auto x = normal_numbers({2, 3, 4}, 1).to(at::kHalf);
    const auto bias = normal_numbers({3}, 2).to(at::kFloat);
    const ops::BiasActOptions options{.activation = ops::Activation::leaky_relu, .clamp = 1.0};
    const auto y = ops::bias_act(x, bias, options);
    CHECK(support::same(y, ops::bias_act(x.to(at::kFloat), bias.to(at::kHalf).to(at::kFloat), options).to(at::kHalf)));
}

TEST_CASE("the first and second derivatives of activations are those of finite differences", "[ops][bias_act]") {
    const auto activation = GENERATE(ops::Activation::linear, ops::Activation::leaky_relu);
    const auto x = normal_numbers({2, 3, 4}, 3), bias = normal_numbers({3}, 4), weights = normal_numbers({2, 3, 4}, 5);
    const ops::BiasActOptions options{.activation = activation, .gain = 0.7, .clamp = 0.9};
    const auto loss = [&] { return (ops::bias_act(x * x, bias, options).pow(3) * weights).sum(); };
    CHECK(support::gradient_error(loss, {x, bias}) < 1e-6);
    CHECK(support::second_derivative_error(loss, {x, bias}) < 1e-5);
}

TEST_CASE("a bias of another length is refused", "[ops][bias_act]") {
    CHECK_THROWS_MATCHES(ops::bias_act(at::zeros({2, 3}), at::zeros({2})), Error,
                         support::is_error(Errc::shape_mismatch, "bias: expected [C] with C = 3, got [2]"));
    CHECK_THROWS_MATCHES(ops::bias_act(at::zeros({2}), {}), Error, support::is_error(Errc::shape_mismatch));
}
