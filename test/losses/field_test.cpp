// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/field.hpp>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/gradients.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::scalar;

TEST_CASE("the density of a surface is where its loss has no slope", "[losses][field]") {
    const losses::SurfaceDensity surface{.width = 0.01, .scale = 20.0};
    const auto distance = at::linspace(-0.03, 0.03, 13, at::kDouble).view({1, -1, 1});
    auto density = (distance * (-surface.scale / surface.width)).requires_grad_(true);
    const auto loss = losses::surface_density(density, distance, surface);
    loss.backward();
    CHECK(scalar(density.grad().abs().max()) < 1e-15);
    CHECK(scalar(losses::surface_density(density.detach() + 5, distance, surface)) > scalar(loss));
    auto other = density.detach() + 3;
    CHECK(support::gradient_error([&] { return losses::surface_density(other, distance, surface); }, {other}, 1e-4) <
          1e-6);
}

TEST_CASE("colours count where they are known, and nowhere else", "[losses][field]") {
    auto feature = at::full({1, 3, 5}, 0.25, at::kDouble).requires_grad_(true);
    const auto colour = at::full({1, 3, 3}, 0.75, at::kDouble);
    auto known = at::zeros({1, 3, 1}, at::kDouble);
    CHECK(scalar(losses::point_colour(feature, colour, known)) == 0.0);
    known.select(1, 1).fill_(1.0);
    const auto loss = losses::point_colour(feature, colour, known);
    CHECK(scalar(loss) == Approx(0.5));
    loss.backward();
    CHECK(scalar(feature.grad().select(1, 0).abs().max()) == 0.0);
    CHECK(scalar(feature.grad().select(1, 1).narrow(1, 3, 2).abs().max()) == 0.0);
    CHECK(scalar(feature.grad().select(1, 1).narrow(1, 0, 3).sum()) == Approx(-1.0));
    CHECK_THROWS_MATCHES(losses::point_colour(feature, colour.narrow(1, 0, 2), known), Error,
                         support::is_error(Errc::shape_mismatch, "colour"));
}
