// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/importance_sampling.hpp>

#include <string>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;

namespace {

at::Tensor refined(const at::Tensor& depth, const at::Tensor& weights, const at::Tensor& draws) {
    return ops::importance_depths(depth.view({1, -1, depth.size(-1), 1}), weights.view({1, -1, weights.size(-1), 1}),
                                  draws.view({1, -1, draws.size(-1)}))
        .squeeze(3)
        .squeeze(0);
}

}  // namespace

TEST_CASE("trap 12: D - 3 weights for D - 1 places, pooled, averaged and raised; the last bin is never hit",
          "[ops][importance]") {
    const auto t = at::tensor({2.0, 2.2, 2.4, 2.6, 2.8, 3.0}, at::kDouble);
    const auto w = at::tensor({.1, .5, .2, .05, 0.}, at::kDouble);
    const auto u = at::tensor({0., .25, .5, .75, .999, 0.999999999}, at::kDouble);
    const auto expected = at::tensor({2.1, 2.1985304, 2.2970608, 2.4354198, 2.6985112}, at::kDouble);
    const auto found = refined(t, w, u)[0];
    CHECK(difference(found.narrow(0, 0, 5), expected) < 1e-6);
    CHECK(found[5].item<double>() < 2.7);  // the last bin's middle is 2.9
}

TEST_CASE("further depths are the published ones for every shape of weights", "[golden][ops][importance]") {
    const auto golden = support::golden_arrays("eg3d/cameras.npz");
    if (!golden) return;
    for (const std::string set : {"imp", "imp4", "imp5"}) {
        INFO(set);
        CHECK(difference(refined((*golden)[set + "_t"], (*golden)[set + "_w"], (*golden)[set + "_u"]),
                         (*golden)[set + "_out"]) < 1e-5);
    }
}

TEST_CASE("no gradient flows through further depths", "[ops][importance]") {
    const auto depth = at::linspace(1, 2, 6, at::kDouble).view({1, 1, 6, 1}).requires_grad_(true);
    const auto weights = at::rand({1, 1, 5, 1}, at::kDouble).requires_grad_(true);
    CHECK_FALSE(ops::importance_depths(depth, weights, at::rand({1, 1, 3}, at::kDouble)).requires_grad());
}

TEST_CASE("too few samples and shapes that do not fit are refused", "[ops][importance]") {
    const auto depth = at::zeros({1, 2, 4, 1}), weights = at::zeros({1, 2, 3, 1}), draws = at::zeros({1, 2, 5});
    CHECK_NOTHROW(ops::importance_depths(depth, weights, draws));
    CHECK_THROWS_MATCHES(ops::importance_depths(depth, at::zeros({1, 2, 4, 1}), draws), Error,
                         support::is_error(Errc::shape_mismatch));
    CHECK_THROWS_MATCHES(ops::importance_depths(at::zeros({1, 2, 3, 1}), at::zeros({1, 2, 2, 1}), draws), Error,
                         support::is_error(Errc::invalid_argument, "at least 4 samples"));
}
