// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/picture.hpp>

#include <cmath>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/gradients.hpp"
#include "support/pictures.hpp"
#include "support/sampled.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::normal_numbers;
using support::scalar;

TEST_CASE("differences of constant pictures are their closed forms", "[losses][picture]") {
    const auto zero = at::zeros({2, 3, 16, 8}), third = at::full({2, 3, 16, 8}, 0.3);
    CHECK(support::difference(losses::l2(third, zero), at::full({2}, 0.09)) < 1e-7);
    CHECK(support::difference(losses::l1(third, zero), at::full({2}, 0.3)) < 1e-7);
    CHECK(support::difference(losses::multi_scale_l1(third, zero, 1), at::full({2}, 0.3)) < 1e-7);
    // 16 x 8, 8 x 4; sides of 4 are halved no more.
    CHECK(support::difference(losses::multi_scale_l1(third, zero, 5), at::full({2}, 0.6)) < 1e-6);
    CHECK(scalar(losses::multi_scale_l1(third, third).sum()) == 0.0);

    // A checkerboard differs at its own scale alone.
    const auto board =
        at::where((at::arange(16).view({16, 1}) + at::arange(8)).remainder(2).eq(0), at::ones({}), at::full({}, -1.0))
            .expand({2, 3, 16, 8});
    CHECK(support::difference(losses::multi_scale_l1(board, zero, 3), at::ones({2})) < 1e-7);
}

TEST_CASE("a weight counts pixels, and a mask hides them from every loss", "[losses][picture]") {
    const auto picture = normal_numbers({2, 3, 8, 8}, 1), target = normal_numbers({2, 3, 8, 8}, 2);
    auto left = at::zeros({2, 1, 8, 8}, at::kDouble);
    left.slice(3, 0, 4).fill_(1.0);
    const auto half = [](const at::Tensor& t) { return t.slice(3, 0, 4); };
    CHECK(support::difference(losses::l1(picture, target, left), losses::l1(half(picture), half(target))) < 1e-12);
    CHECK(support::difference(losses::l2(picture, target, 5 * left), losses::l2(half(picture), half(target))) < 1e-12);

    const auto composed = losses::masked(picture, target, left);
    CHECK(support::same(half(composed), half(target) + (half(picture) - half(target))));
    CHECK(support::same(composed.slice(3, 4), target.slice(3, 4)));
    const auto leaf = picture.clone().requires_grad_(true);
    losses::l2(losses::masked(leaf, target, left), target).sum().backward();
    CHECK(scalar(leaf.grad().slice(3, 4).abs().sum()) == 0.0);
    CHECK(scalar(leaf.grad().slice(3, 0, 4).abs().min()) > 0.0);
}

TEST_CASE("gradients of picture losses are those of finite differences", "[losses][picture]") {
    const auto picture = normal_numbers({2, 1, 8, 8}, 3), target = normal_numbers({2, 1, 8, 8}, 4);
    const auto mask = at::rand({2, 1, 8, 8}, at::kDouble);
    const auto each = at::tensor({1.0, 2.0}, at::kDouble);
    CHECK(support::gradient_error([&] { return (losses::l2(picture, target, mask) * each).sum(); }, {picture}) < 1e-7);
    CHECK(support::gradient_error([&] { return (losses::l1(picture, target, mask) * each).sum(); }, {picture}) < 1e-7);
    CHECK(support::gradient_error([&] { return (losses::multi_scale_l1(picture, target) * each).sum(); }, {picture}) <
          1e-7);
    CHECK(support::gradient_error(
              [&] { return (losses::l2(losses::masked(picture, target, mask), target) * each).sum(); }, {picture}) <
          1e-7);
}

TEST_CASE("the published picture terms hold", "[golden][losses]") {
    const auto golden = support::golden_arrays("invert/loss-3dpsp.npz");
    if (!golden) return;
    const auto x = support::symmetric((*golden)["x_u8"]), xm = x.flip(3);
    support::check_sampled(*golden, "item.x512", x, {1e-6});
    const auto y = 0.9 * x.roll(2, 3) + 0.05, ym = 0.8 * xm.roll(-4, 2) - 0.02;
    CHECK(scalar(losses::l2(y, x).mean()) == Approx((*golden)["legacy.loss_l2"].item<double>()).epsilon(1e-5));
    // With the confidence's weight 1 / (sigma + 1) the published mean does not divide by the weights' sum.
    const auto sigma = at::zeros_like(x.narrow(1, 0, 1));
    auto flat = sigma.view(-1);
    const auto index = (*golden)["item.sigma_mirror.index"].to(at::kLong);
    if (index.numel() == flat.numel()) {
        flat.index_copy_(0, index, (*golden)["item.sigma_mirror.value"]);
        const auto weight = 1 / (sigma + 1);
        CHECK(scalar((losses::l2(ym, xm, weight) * weight.mean({1, 2, 3})).mean()) ==
              Approx((*golden)["legacy.loss_l2_mirror"].item<double>()).epsilon(1e-5));
    }
}

TEST_CASE("picture losses refuse what does not fit", "[losses][picture]") {
    using support::is_error;
    const auto a = at::zeros({1, 3, 8, 8}), b = at::zeros({1, 3, 8, 4});
    CHECK_THROWS_MATCHES(losses::l1(a, b), Error, is_error(Errc::shape_mismatch, "target"));
    CHECK_THROWS_MATCHES(losses::l2(a, a, b), Error, is_error(Errc::shape_mismatch, "weight"));
    CHECK_THROWS_MATCHES(losses::multi_scale_l1(a, b), Error, is_error(Errc::shape_mismatch, "target"));
    CHECK_THROWS_MATCHES(losses::multi_scale_l1(a, a, 0), Error, is_error(Errc::invalid_argument, "levels"));
    CHECK_THROWS_MATCHES(losses::masked(a, a, a), Error, is_error(Errc::shape_mismatch, "mask"));
}
