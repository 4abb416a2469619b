// SPDX-License-Identifier: Apache-2.0
#include "nearest.hpp"

#include <algorithm>
#include <vector>

#include "support/catch.hpp"

using cameo::apps::edit_distance;
using cameo::apps::nearest;

TEST_CASE("the edit distance counts slips of the finger", "[apps][nearest]") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("convert", "convert") == 0);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);   // the textbooks' pair
    CHECK(edit_distance("convert", "covnert") == 1);  // neighbours swapped
    CHECK(edit_distance("convert", "conver") == 1);
    CHECK(edit_distance("convert", "convertt") == 1);
    CHECK(edit_distance("ca", "abc") == 3);  // optimal string alignment, not the unrestricted 2
}

TEST_CASE("the edit distance is symmetric and obeys the law of the shortest way", "[apps][nearest]") {
    const std::vector<std::string> words{"", "a", "ab", "force", "farce", "licence", "license", "trunc", "--trunc"};
    for (const auto& a : words)
        for (const auto& b : words) {
            INFO(a << " " << b);
            CHECK(edit_distance(a, b) == edit_distance(b, a));
            CHECK(edit_distance(a, b) <= std::max(a.size(), b.size()));
            CHECK((edit_distance(a, b) == 0) == (a == b));
        }
}

TEST_CASE("a near name is suggested, a far one is not", "[apps][nearest]") {
    const std::vector<std::string> names{"convert", "doctor", "completion", "help", "keep-all", "licence"};
    CHECK(nearest("covnert", names) == "convert");
    CHECK(nearest("license", names) == "licence");
    CHECK(nearest("doktor", names) == "doctor");
    CHECK(nearest("hlep", names) == "help");
    CHECK(nearest("keep", names) == "keep-all");  // the beginning of a name
    CHECK(nearest("comp", names) == "completion");
    CHECK_FALSE(nearest("x", names).has_value());
    CHECK_FALSE(nearest("zzzzzzz", names).has_value());
    CHECK_FALSE(nearest("", names).has_value());
    CHECK_FALSE(nearest("help", {}).has_value());
}
