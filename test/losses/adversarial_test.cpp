// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/adversarial.hpp>

#include <cmath>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;
using support::scalar;

TEST_CASE("the blur of a point is the taps' outer product, 61 of them with sigma 10", "[losses][adversarial]") {
    auto picture = at::zeros({1, 2, 81, 81}, at::kDouble);
    picture.select(2, 40).select(2, 40).fill_(1.0);
    const auto blurred = losses::blurred(picture, 10.0);
    const auto k = at::arange(-30, 31, at::kDouble);
    auto taps = at::exp2(-(k / 10.0).square());
    taps = taps / taps.sum();
    const auto middle = blurred.slice(2, 10, 71).slice(3, 10, 71);
    CHECK(difference(middle, at::outer(taps, taps).expand({1, 2, 61, 61})) < 1e-9);
    CHECK(scalar(blurred.select(2, 9).abs().max()) == 0.0);
    CHECK(scalar(blurred.select(1, 0).sum()) == Approx(1.0));
}

TEST_CASE("a blur whose taps would be one changes nothing", "[losses][adversarial]") {
    const auto picture = at::rand({1, 3, 8, 8});
    CHECK(support::same(losses::blurred(picture, 0.0), picture));
    CHECK(support::same(losses::blurred(picture, 0.33), picture));
}

TEST_CASE("the penalty of a linear judge is its weights' squared norm, and has its gradient", "[losses][adversarial]") {
    auto weight = at::tensor({1.0, -2.0, 3.0}, at::kDouble).requires_grad_(true);
    auto other = at::tensor({0.5, 0.5}, at::kDouble).requires_grad_(true);
    auto x = at::rand({4, 3}, at::kDouble).requires_grad_(true), y = at::rand({4, 2}, at::kDouble).requires_grad_(true);
    const auto logits = (at::matmul(x, weight) + at::matmul(y, other)).unsqueeze(1);
    const auto both = losses::gradient_penalty(logits, {x, y});
    CHECK(difference(both, at::full({4}, 14.5, at::kDouble)) < 1e-12);
    both.sum().backward();
    CHECK(difference(weight.grad(), 8 * weight) < 1e-12);  // 4 rows, twice each weight
    CHECK(difference(losses::gradient_penalty(logits, {y}), at::full({4}, 0.5, at::kDouble)) < 1e-12);
}

TEST_CASE("what looks real costs nothing as real and much as fake", "[losses][adversarial]") {
    const auto logits = at::tensor({30.0, 0.0}, at::kDouble).view({2, 1});
    CHECK(scalar(losses::should_look_real(logits)[0][0]) < 1e-12);
    CHECK(scalar(losses::should_look_fake(logits)[0][0]) == Approx(30.0));
    CHECK(scalar(losses::should_look_real(logits)[1][0]) == Approx(std::log(2.0)));
}
