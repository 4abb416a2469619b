// SPDX-License-Identifier: Apache-2.0
#include <cameo/render/background.hpp>

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/testing/background_laws.hpp>

#include "support/catch.hpp"

using namespace cameo;

TEMPLATE_TEST_CASE("backgrounds keep their laws", "[render][background]", BlackBackground, WhiteBackground) {
    CHECK(testing::broken_laws(TestType{}) == std::vector<std::string>{});
}

TEST_CASE("trap 14: white stands behind all channels of the feature", "[render][background]") {
    const auto feature = at::full({1, 1, 32}, 0.25), weight = at::full({1, 1, 1}, 0.5);
    CHECK(WhiteBackground{}.over(feature, weight).eq(0.75).all().item<bool>());
    CHECK(BlackBackground{}.over(feature, weight).eq(0.25).all().item<bool>());
}
