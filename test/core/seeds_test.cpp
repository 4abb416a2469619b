// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/seeds.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using support::is_error;
using Seeds = std::vector<std::uint32_t>;

TEST_CASE("a list of seeds may hold numbers and ranges", "[core][seeds]") {
    CHECK(parse_seeds("7") == Seeds{7});
    CHECK(parse_seeds("0,1,4-6") == Seeds{0, 1, 4, 5, 6});
    CHECK(parse_seeds("5,3-4,5") == Seeds{5, 3, 4, 5});
    CHECK(parse_seeds(" 1 , 2 - 3 ") == Seeds{1, 2, 3});
    CHECK(parse_seeds("3-3") == Seeds{3});
    CHECK(parse_seeds("4294967294-4294967295") == Seeds{4294967294U, 4294967295U});
}

TEST_CASE("what is no list of seeds is refused with the item", "[core][seeds]") {
    const auto text = GENERATE(as<std::string>(), "", " ", ",", "1,", ",1", "1,,2", "a", "1a", "0x10", "1.5", "-1",
                               "1-", "-", "1-2-3", "+1", "1 2", "1\n");
    INFO("'" << text << "'");
    CHECK_THROWS_MATCHES(parse_seeds(text), Error,
                         is_error(Errc::invalid_argument, "seeds: expected a number or a range"));
}

TEST_CASE("seeds beyond 32 bits, backward ranges and endless lists are refused", "[core][seeds]") {
    CHECK_THROWS_MATCHES(parse_seeds("4294967296"), Error, is_error(Errc::invalid_argument, "4294967295"));
    CHECK_THROWS_MATCHES(parse_seeds("1,6-4"), Error, is_error(Errc::invalid_argument, "upwards, got '6-4'"));
    CHECK_THROWS_MATCHES(parse_seeds("0-4294967295"), Error, is_error(Errc::invalid_argument, "at most 65536"));
    CHECK_THROWS_MATCHES(parse_seeds("0-65535,1"), Error, is_error(Errc::invalid_argument, "at most 65536"));
    CHECK(parse_seeds("1-65536").size() == max_seeds);
    CHECK_THROWS_MATCHES(parse_seeds(std::string(5000, '9')), Error, is_error(Errc::invalid_argument, "9...'"));
}
