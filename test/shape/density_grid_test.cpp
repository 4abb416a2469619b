// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/density_grid.hpp>

#include <cmath>

#include "shape/grids.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;

TEST_CASE("a border closes all six faces and nothing else", "[shape][grid]") {
    auto grid = support::sampled_grid(6, 1.0, [](double x, double y, double z) { return 1 + x + 2 * y + 3 * z; });
    const auto before = grid;
    close_border(grid, 2, -1000);
    for (std::int64_t x = 0; x < 6; ++x)
        for (std::int64_t y = 0; y < 6; ++y)
            for (std::int64_t z = 0; z < 6; ++z) {
                const auto inside = [](std::int64_t i) { return i >= 2 && i < 4; };
                CHECK(grid.at(x, y, z) == (inside(x) && inside(y) && inside(z) ? before.at(x, y, z) : -1000.0F));
            }
    const auto range = value_range(grid, -1000);
    CHECK(range[0] == Approx(1 - 6 * 0.1));
    CHECK(range[1] == Approx(1 + 6 * 0.1));
}

TEST_CASE("grids that are none are refused by the part", "[shape][grid]") {
    const auto good = support::sampled_grid(3, 1.0, [](double x, double, double) { return x; });
    CHECK_NOTHROW(check(good));
    auto bad = good;
    bad.sides[1] = 1;
    CHECK_THROWS_MATCHES(check(bad), Error, support::is_error(Errc::invalid_argument, "sides of 2 to 1024"));
    bad = good;
    bad.step = 0;
    CHECK_THROWS_MATCHES(check(bad), Error, support::is_error(Errc::invalid_argument, "step"));
    bad = good;
    bad.values.pop_back();
    CHECK_THROWS_MATCHES(check(bad), Error, support::is_error(Errc::invalid_argument, "27 values, got 26"));
    bad = good;
    bad.values[5] = NAN;
    CHECK_THROWS_MATCHES(check(bad), Error, support::is_error(Errc::invalid_argument, "index 5"));
}
