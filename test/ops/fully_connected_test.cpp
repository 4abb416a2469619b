// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/fully_connected.hpp>

#include <cmath>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;
using support::normal_numbers;

TEST_CASE("weights are scaled by the rate and the inputs, biases by the rate", "[ops][fully_connected]") {
    const auto x = normal_numbers({3, 4}, 1), weight = normal_numbers({2, 4}, 2), bias = normal_numbers({2}, 3);
    const auto linear = at::matmul(x, weight.t()) * (0.01 / 2) + 0.01 * bias;
    CHECK(difference(ops::fully_connected(x, weight, bias, 0.01), linear) < 1e-14);
    const auto activated = at::leaky_relu(linear, 0.2) * std::sqrt(2.0);
    CHECK(difference(ops::fully_connected(x, weight, bias, 0.01, ops::Activation::leaky_relu), activated) < 1e-14);
    CHECK(difference(ops::fully_connected(x, weight, {}), at::matmul(x, weight.t()) / 2) < 1e-14);
}

TEST_CASE("normalised rows have unit mean square", "[ops][fully_connected]") {
    const auto x = normal_numbers({3, 512}, 4) * 7;
    CHECK(difference(ops::normalize_second_moment(x).square().mean(1), at::ones({3}, at::kDouble)) < 1e-8);
    CHECK(difference(ops::normalize_second_moment(at::zeros({1, 4})), at::zeros({1, 4})) == 0);
}

TEST_CASE("layers are twice differentiable", "[ops][fully_connected]") {
    const auto x = normal_numbers({2, 3}, 5), weight = normal_numbers({2, 3}, 6), bias = normal_numbers({2}, 7);
    CHECK(support::second_derivative_error(
              [&] {
                  const auto y = ops::normalize_second_moment(x);
                  return ops::fully_connected(y, weight, bias, 0.5, ops::Activation::leaky_relu).pow(3).sum();
              },
              {x, weight, bias}) < 1e-6);
}

TEST_CASE("inputs of another width are refused", "[ops][fully_connected]") {
    CHECK_THROWS_MATCHES(ops::fully_connected(at::zeros({1, 3}), at::zeros({2, 4}), {}), Error,
                         support::is_error(Errc::shape_mismatch, "weight: expected [O, I] with I = 3"));
}
