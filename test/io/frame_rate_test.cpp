// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/frame_rate.hpp>

#include <cstdint>
#include <limits>
#include <utility>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>

using cameo::Error;
using cameo::io::FrameRate;

TEST_CASE("a frame rate is a fraction in lowest terms", "[io][video]") {
    CHECK(FrameRate(60) == FrameRate(120, 2));
    CHECK(FrameRate(60000, 2002) == FrameRate(30000, 1001));
    CHECK(FrameRate(30000, 1001).per_second() == Approx(29.97002997));
    CHECK(to_string(FrameRate(25)) == "25");
    CHECK(to_string(FrameRate(60000, 2002)) == "30000/1001");
    CHECK(to_string(FrameRate(1, 2)) == "1/2");
}

TEST_CASE("frame rates that no file can hold are refused", "[io][video]") {
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    for (const auto& [numerator, denominator] : {std::pair<std::int64_t, std::int64_t>{0, 1},
                                                 {-25, 1},
                                                 {25, 0},
                                                 {25, -1},
                                                 {1001, 1},
                                                 {1'000'001, 1001},
                                                 {1, 1'000'001},
                                                 {largest, largest}}) {
        INFO(numerator << "/" << denominator);
        CHECK_THROWS_AS(FrameRate(numerator, denominator), Error);
    }
    CHECK(FrameRate(1000).per_second() == 1000);
}
