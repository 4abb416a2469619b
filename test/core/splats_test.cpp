// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/splats.hpp>

#include <cmath>
#include <functional>
#include <string>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;

TEST_CASE("splats are refused with the part that is wrong", "[core][splats]") {
    const GaussianSplats good{.positions = {{1, 2, 3}, {4, 5, 6}},
                              .log_scales = {{-3, -3, -4}, {-3, -3, -4}},
                              .colours = {{0, 0.5F, 1}, {1.2F, 0, -0.1F}},
                              .rotations = {{1, 0, 0, 0}, {0, 0, 2, 0}},
                              .opacities = {3, -3}};
    CHECK_NOTHROW(check(good));
    CHECK_NOTHROW(check(GaussianSplats{}));
    const std::vector<std::pair<std::function<void(GaussianSplats&)>, std::string>> cases{
        {[](auto& s) { s.colours.pop_back(); }, "as many colours"},
        {[](auto& s) { s.opacities.push_back(0); }, "as many opacities"},
        {[](auto& s) { s.positions[1][2] = NAN; }, "positions, got another of index 1"},
        {[](auto& s) { s.log_scales[0][0] = INFINITY; }, "log_scales, got another of index 0"},
        {[](auto& s) {
             s.rotations[0] = {0, 0, 0, 0};
         },
         "rotations"},
        {[](auto& s) { s.metres_per_unit = 0; }, "positive scale"}};
    for (const auto& [spoil, part] : cases) {
        auto bad = good;
        spoil(bad);
        CHECK_THROWS_MATCHES(check(bad), Error, support::is_error(Errc::invalid_argument, part));
    }
}
