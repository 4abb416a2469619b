// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/rays.hpp>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::is_error;

TEST_CASE("a bundle gives a part of itself", "[core][rays]") {
    const RayBundle rays{at::arange(2 * 5 * 3, at::kFloat).reshape({2, 5, 3}), at::ones({2, 5, 3})};
    CHECK_NOTHROW(check(rays));
    CHECK(rays.cameras() == 2);
    CHECK(rays.rays() == 5);
    const auto part = rays.slice(1, 3);
    CHECK(part.rays() == 3);
    CHECK(support::same(part.origin, rays.origin.narrow(1, 1, 3)));
    CHECK_THROWS_MATCHES(rays.slice(3, 3), Error, is_error(Errc::invalid_argument, "a part of 5"));
}

TEST_CASE("tensors that are no rays are refused", "[core][rays]") {
    const auto ones = at::ones({2, 5, 3});
    CHECK_THROWS_MATCHES(
        check({ones, at::ones({2, 4, 3})}), Error,
        is_error(Errc::shape_mismatch, "rays.origin: expected [N, R, 3] with N = 2, R = 4, got [2, 5, 3]"));
    CHECK_THROWS_MATCHES(check({ones, at::ones({2, 5, 2})}), Error, is_error(Errc::shape_mismatch, "rays.direction"));
    CHECK_THROWS_MATCHES(check({ones.to(at::kDouble), ones}), Error,
                         is_error(Errc::invalid_argument, "expected Float"));
    CHECK_THROWS_MATCHES(check({ones.to(at::kLong), ones.to(at::kLong)}), Error, is_error(Errc::invalid_argument));
}
