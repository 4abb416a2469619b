// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/minibatch_stddev.hpp>

#include <cmath>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::normal_numbers;

TEST_CASE("the added channel is the mean deviation of every N / size-th picture", "[ops][minibatch_stddev]") {
    const auto x = normal_numbers({8, 3, 2, 2}, 1);
    const auto y = ops::append_minibatch_stddev(x, 4);
    REQUIRE(y.sizes() == at::IntArrayRef({8, 4, 2, 2}));
    CHECK(support::difference(y.narrow(1, 0, 3), x) == 0);
    for (const std::int64_t first : {0, 1}) {
        using at::indexing::None, at::indexing::Slice;
        const auto group = x.index({Slice(first, None, 2)});
        const auto expected = (group.var(0, false) + 1e-8).sqrt().mean();
        for (std::int64_t member = first; member < 8; member += 2)
            CHECK(support::difference(y[member][3], expected.expand({2, 2})) < 1e-14);
    }
}

TEST_CASE("a single picture deviates by the floor alone", "[ops][minibatch_stddev]") {
    const auto y = ops::append_minibatch_stddev(normal_numbers({1, 3, 2, 2}, 2));
    CHECK(y[0][3][0][0].item<double>() == Approx(1e-4));
}

TEST_CASE("the deviation is twice differentiable", "[ops][minibatch_stddev]") {
    const auto x = normal_numbers({4, 2, 1, 2}, 3);
    const auto loss = [&] { return ops::append_minibatch_stddev(x, 2).pow(3).sum(); };
    CHECK(support::gradient_error(loss, {x}) < 1e-6);
    CHECK(support::second_derivative_error(loss, {x}) < 1e-5);
}

TEST_CASE("groups that do not divide the batch are refused", "[ops][minibatch_stddev]") {
    CHECK_THROWS_MATCHES(ops::append_minibatch_stddev(at::zeros({6, 1, 1, 1}), 4), Error,
                         support::is_error(Errc::invalid_argument, "divides 6 pictures, got 4"));
}
