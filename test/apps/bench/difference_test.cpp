// SPDX-License-Identifier: Apache-2.0
#include "bench/difference.hpp"

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;
using apps::bench::difference;

TEST_CASE("differences are told as largest, relative and PSNR over the range of what was expected", "[apps][bench]") {
    const auto expected = at::tensor({-1.0f, 0.0f, 3.0f, 0.0f}), actual = at::tensor({-1.0f, 0.1f, 3.0f, -0.1f});
    const auto found = difference(expected, actual);
    CHECK(found.max_abs == Approx(0.1).epsilon(1e-6));
    CHECK(found.rel_l2 == Approx(std::sqrt(0.02 / 10.0)).epsilon(1e-6));
    CHECK(*found.psnr_db == Approx(10 * std::log10(16.0 / 0.005)).epsilon(1e-6));
    const auto none = difference(expected, expected);
    CHECK(none.max_abs == 0.0);
    CHECK(none.rel_l2 == 0.0);
    CHECK_FALSE(none.psnr_db);
    CHECK_THROWS_MATCHES(difference(expected, actual.view({2, 2})), Error, support::is_error(Errc::shape_mismatch));
}
