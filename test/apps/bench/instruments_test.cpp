// SPDX-License-Identifier: Apache-2.0
#include "bench/instruments.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace cameo::apps::bench;

TEST_CASE("clocks go forward, and CPU time counts work, not waiting", "[apps][bench]") {
    const auto machine = machine_instruments(1);
    const auto wall = machine.wall(), cpu = machine.cpu();
    const auto rate = machine.witness();
    CHECK(machine.wall() > wall);
    CHECK(machine.cpu() > cpu);
    CHECK(rate >= 0.0);
    CHECK(std::isfinite(rate));
}
