// SPDX-License-Identifier: Apache-2.0
#include "bench/statistics.hpp"

#include "support/catch.hpp"

using namespace cameo::apps::bench;

TEST_CASE("a median is the value in the middle, or the mean of two", "[apps][bench]") {
    CHECK(median({3.0}) == 3.0);
    CHECK(median({5.0, 1.0, 3.0}) == 3.0);
    CHECK(median({4.0, 1.0, 2.0, 100.0}) == 3.0);
    CHECK((spread_of({5.0, 1.0, 3.0}) == Spread{3.0, 1.0, 5.0}));
}
