// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/latent.hpp>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/gradients.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::normal_numbers;
using support::scalar;

TEST_CASE("latent regularisers give the published numbers", "[golden][losses]") {
    const auto golden = support::golden_arrays("invert/loss-3dpsp.npz");
    if (!golden) return;
    const auto check = [&](const std::string& name, auto&& loss) {
        INFO(name);
        const auto ws = (*golden)["wnorm.ws"].requires_grad_(true);
        const auto value = loss(ws);
        value.backward();
        const auto expected = (*golden)[name];
        CHECK(scalar(value) == Approx(scalar(expected[0])).epsilon(1e-5));
        CHECK(scalar(ws.grad().norm()) == Approx(scalar(expected[1])).epsilon(1e-5));
    };
    check("wnorm.value_gradnorm",
          [&](const at::Tensor& ws) { return losses::latent_distance(ws, (*golden)["wnorm.w_bar"]); });
    check("delta.value_gradnorm", [](const at::Tensor& ws) { return losses::latent_spread(ws); });
}

TEST_CASE("latent regularisers vanish where they should, with finite gradients", "[losses]") {
    const auto mean = normal_numbers({5}, 1);
    auto ws = mean.expand({2, 4, 5}).clone().requires_grad_(true);
    auto sum = losses::latent_distance(ws, mean.detach()) + losses::latent_spread(ws);
    CHECK(scalar(sum) == 0.0);
    sum.backward();
    CHECK(ws.grad().isfinite().all().item<bool>());

    const auto some = normal_numbers({2, 4, 5}, 2);
    CHECK(support::gradient_error([&] { return losses::latent_distance(some, mean); }, {some, mean}) < 1e-7);
    CHECK(support::gradient_error([&] { return losses::latent_spread(some); }, {some}) < 1e-7);
    CHECK_THROWS_MATCHES(losses::latent_distance(some, normal_numbers({4}, 1)), Error,
                         support::is_error(Errc::shape_mismatch, "mean"));
}

TEST_CASE("noise that resembles itself is told from noise that does not", "[losses]") {
    // A constant correlates fully at both scales, in both directions.
    CHECK(scalar(losses::noise_correlation({{"flat", at::ones({16, 16})}})) == Approx(4.0));
    // Alternating columns: -1 across and 1 down at the first scale, nothing at the second.
    const auto columns = at::where(at::arange(16).remainder(2).eq(0), at::ones({}), at::full({}, -1.0));
    CHECK(scalar(losses::noise_correlation({{"columns", columns.expand({16, 16})}})) == Approx(2.0));
    CHECK(scalar(losses::noise_correlation({{"white", normal_numbers({64, 64}, 3)}})) < 0.01);

    const auto noise = normal_numbers({16, 16}, 4), direction = normal_numbers({16, 16}, 5);
    const auto position = at::full({}, 0.3, at::kDouble);
    CHECK(support::gradient_error(
              [&] {
                  return losses::noise_correlation(
                      {{"a", noise + position * direction},
                       {"b", direction[0][0] * noise.slice(0, 0, 4).slice(1, 0, 4) + position}});
              },
              {position}) < 1e-7);
    CHECK_THROWS_MATCHES(losses::noise_correlation({}), Error, support::is_error(Errc::invalid_argument));
}
