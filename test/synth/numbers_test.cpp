// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/numbers.hpp>

#include "support/catch.hpp"

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <cameo/core/numpy_random.hpp>

using namespace cameo::synth;

TEST_CASE("the table of numbers speaks of every number once, in order", "[synth][numbers]") {
    const std::set<std::string_view> groups{"shape", "expression", "appearance", "hair", "light"};
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < number_count; ++i) {
        const NumberInfo& row = number_table()[i];
        CHECK(static_cast<std::size_t>(row.number) == i);
        CHECK(groups.contains(row.group));
        CHECK(names.insert(row.name).second);
        CHECK_FALSE(row.low.empty());
        CHECK_FALSE(row.high.empty());
        CHECK(&info(row.number) == &row);
    }
}

TEST_CASE("the document of the heads has a line for every number", "[synth][numbers]") {
    std::ifstream file(std::string(CAMEO_SOURCE_DIR) + "/docs/heads.md");
    REQUIRE(file);
    std::stringstream text;
    text << file.rdbuf();
    for (const NumberInfo& row : number_table()) {
        const std::string line = "| " + std::to_string(static_cast<int>(row.number)) + " | `" + std::string(row.name) +
                                 "` | " + std::string(row.low) + " | " + std::string(row.high) + " |";
        INFO(line);
        CHECK(text.str().find(line) != std::string::npos);
    }
}

TEST_CASE("a seed gives the normals of NumPy's RandomState", "[synth][numbers]") {
    // numpy.random.RandomState(0).randn(3)
    const HeadNumbers head = numbers_of_seed(0);
    CHECK(head.values[0] == 1.764052345967664F);
    CHECK(head.values[1] == 0.4001572083672233F);
    CHECK(head.values[2] == 0.9787379841057392F);
    CHECK_FALSE(numbers_of_seed(1) == head);
    CHECK(numbers_of_seed(0) == head);
}

TEST_CASE("mirroring turns the odd numbers only, and twice is nothing", "[synth][numbers]") {
    const HeadNumbers head = numbers_of_seed(5);
    const HeadNumbers other = mirrored(head);
    for (const NumberInfo& row : number_table())
        CHECK(other[row.number] == (row.odd ? -head[row.number] : head[row.number]));
    CHECK(mirrored(other) == head);
}
