// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/triplane_decoder.hpp>

#include <cmath>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::normal_numbers;

namespace {

TriplaneDecoder decoder() {
    return {normal_numbers({5, 3}, 1), normal_numbers({5}, 2), normal_numbers({3, 5}, 3), normal_numbers({3}, 4)};
}

}  // namespace

TEST_CASE("trap 15: colours reach a little beyond 0 and 1 in all channels, densities stay raw", "[ops][decoder]") {
    const auto features = normal_numbers({2, 4, 3}, 5);
    const auto d = decoder();
    const auto values = ops::decode_triplane(features, d);
    const auto hidden = at::log1p(at::exp(at::matmul(features, d.hidden_weight.t()) + d.hidden_bias));
    const auto raw = at::matmul(hidden, d.output_weight.t()) + d.output_bias;
    CHECK(support::difference(values.density, raw.narrow(2, 0, 1)) < 1e-12);
    CHECK(support::difference(values.feature, 1.002 / (1 + at::exp(-raw.narrow(2, 1, 2))) - 0.001) < 1e-12);

    auto extreme = d;
    extreme.output_bias = at::tensor({0.0, 1e3, -1e3}, at::kDouble);
    const auto ends = ops::decode_triplane(features, extreme).feature[0][0];
    CHECK(ends[0].item<double>() == Approx(1.001));
    CHECK(ends[1].item<double>() == Approx(-0.001));
}

TEST_CASE("the decoder has the gradients of finite differences", "[ops][decoder]") {
    const auto features = normal_numbers({1, 3, 3}, 6);
    const auto d = decoder();
    CHECK(support::gradient_error(
              [&] {
                  const auto values = ops::decode_triplane(features, d);
                  return values.density.pow(2).sum() + values.feature.pow(3).sum();
              },
              {features, d.hidden_weight, d.hidden_bias, d.output_weight, d.output_bias}) < 1e-6);
}

TEST_CASE("a decoder of another width is refused", "[ops][decoder]") {
    CHECK_THROWS_MATCHES(ops::decode_triplane(at::zeros({1, 2, 4}, at::kDouble), decoder()), Error,
                         support::is_error(Errc::shape_mismatch, "decoder hidden weight: expected [H, C] with C = 4"));
}
