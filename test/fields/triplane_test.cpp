// SPDX-License-Identifier: Apache-2.0
#include <cameo/fields/triplane.hpp>

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/testing/field_laws.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using support::normal_numbers;

TEST_CASE("a tri-plane field keeps the laws of fields", "[fields][triplane]") {
    const auto scenes = GENERATE(1, 2);
    const auto points = normal_numbers({2, 101, 3}, 1).to(at::kFloat) * 0.3;
    CHECK(testing::broken_laws(support::some_field(scenes), points) == std::vector<std::string>{});
}

TEST_CASE("a tri-plane field is the decoder of the planes' mean, and shows its parts", "[fields][triplane]") {
    const auto field = support::some_field(1);
    const auto points = normal_numbers({1, 7, 3}, 2).to(at::kFloat) * 0.3;
    const auto& parts = field.view();
    const auto expected = ops::decode_triplane(
        ops::sample_planes(parts.planes, points, parts.axes, parts.box_side).mean(1), parts.decoder);
    const auto values = field.query(points);
    CHECK(support::difference(values.density, expected.density) < 1e-5);
    CHECK(support::difference(values.feature, expected.feature) < 1e-6);
    CHECK(field.feature_count() == 3);
}

TEST_CASE("a tri-plane field has the gradients of finite differences", "[fields][triplane]") {
    const auto field = support::some_field(1, at::kDouble);
    const auto& parts = field.view();
    const auto points = normal_numbers({1, 4, 3}, 3) * 0.3;
    const auto loss = [&] {
        const auto values = field.query(points);
        return values.density.pow(2).sum() + values.feature.pow(3).sum();
    };
    CHECK(support::gradient_error(loss,
                                  {points, parts.planes, parts.decoder.hidden_weight, parts.decoder.hidden_bias,
                                   parts.decoder.output_weight, parts.decoder.output_bias},
                                  1e-7) < 1e-5);
}

TEST_CASE("parts that do not fit are refused", "[fields][triplane]") {
    auto parts = support::some_field(1).view();
    parts.box_side = -1;
    CHECK_THROWS_MATCHES(TriplaneField(parts), Error, support::is_error(Errc::invalid_argument, "box side"));
    parts.box_side = 1;
    parts.planes = at::zeros({1, 3, 5, 8, 8});
    CHECK_THROWS_MATCHES(TriplaneField(parts), Error,
                         support::is_error(Errc::shape_mismatch, "decoder hidden weight: expected [K, C] with C = 5"));
}
