// SPDX-License-Identifier: Apache-2.0
#include "kernels/device/host_team.hpp"

#include <cmath>
#include <vector>

#include "kernels/device/platform.hpp"

#include "support/catch.hpp"

using namespace cameo::kernels::device;

TEST_CASE("a team scans each row in order, whatever its length", "[kernels][device]") {
    const auto count = GENERATE(1, 31, 32, 33, 100);
    const HostTeam team(GENERATE(false, true));
    // Maps L -> scale L + shift do not commute, so the order shows.
    const auto map = [](int row, int i) {
        return Affine{0.5F + 0.01F * static_cast<float>(i), static_cast<float>(row + i % 7)};
    };
    int seen = 0;
    team.scan(3, count, Affine{1, 0}, Then{}, map, [&](int row, int i, Affine before, Affine after) {
        double value = 0.25;
        for (int k = 0; k < i; ++k)
            value = static_cast<double>(map(row, k).scale) * value + static_cast<double>(map(row, k).shift);
        CHECK(before.scale * 0.25F + before.shift == Approx(value).epsilon(1e-5));
        value = static_cast<double>(map(row, i).scale) * value + static_cast<double>(map(row, i).shift);
        CHECK(after.scale * 0.25F + after.shift == Approx(value).epsilon(1e-5));
        ++seen;
    });
    CHECK(seen == 3 * count);
}

TEST_CASE("a team adds up rows, and all that it has", "[kernels][device]") {
    const auto count = GENERATE(0, 1, 45, 1000);
    const HostTeam team;
    const auto own = [](int i) { return static_cast<double>(i * i % 11); };
    double expected = 0;
    for (int i = 0; i < count; ++i) expected += own(i);
    team.total(count, 0.0, Sum{}, own, [&](double sum) { CHECK(sum == expected); });
    std::vector<double> rows(2);
    team.reduce(
        2, count, 0.0, Sum{}, [&](int row, int i) { return (row + 1) * own(i); },
        [&](int row, double sum) { rows[static_cast<std::size_t>(row)] = sum; });
    CHECK(rows == std::vector{expected, 2 * expected});
}

TEST_CASE("a device's softplus and sigmoid are right to a few units in the last place of 1", "[kernels][device]") {
    for (double x = -100; x < 100; x += 0.0113) {
        const auto near = static_cast<float>(x);
        const auto exact = static_cast<double>(near);
        REQUIRE(std::abs(static_cast<double>(softplus(near)) -
                         (std::max(exact, 0.0) + std::log1p(std::exp(-std::abs(exact))))) <=
                2e-7 * std::max(1.0, exact));
        REQUIRE(std::abs(static_cast<double>(sigmoid(near)) - 1 / (1 + std::exp(-exact))) <= 2e-7);
    }
    CHECK(softplus(1e30F) == 1e30F);
    CHECK(softplus(-1e30F) == 0.0F);
    CHECK(std::isnan(sigmoid(NAN)));
}
