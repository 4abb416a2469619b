// SPDX-License-Identifier: Apache-2.0
#include "bench/plot.hpp"

#include <cmath>
#include <regex>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace cameo::apps::bench;
using Catch::Contains;

namespace {

/// All numbers that stand in this attribute of these elements.
std::vector<double> numbers(const std::string& text, const std::string& element, const std::string& attribute) {
    std::vector<double> found;
    const std::regex pattern("<" + element + " [^>]*\\b" + attribute + "=\"([-0-9.]+)\"");
    for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i)
        found.push_back(std::stod((*i)[1]));
    return found;
}

}  // namespace

TEST_CASE("bars are as long as their values, with names that cannot break the file", "[apps][bench]") {
    const std::vector<Bar> bars{{"raw <a&b>", "4 x", 4, 3, 5}, {"frame", "2 x", 2, 2, 2}};
    const auto text = bar_plot("times \"as\" fast", bars);
    CHECK_THAT(text, Contains("raw &lt;a&amp;b&gt;") && Contains("times &quot;as&quot; fast") && Contains("</svg>"));
    const auto widths = numbers(text, "rect", "width");
    REQUIRE(widths.size() == 2);  // the page's is a share of its size, no number
    CHECK(widths[0] == Approx(2 * widths[1]).epsilon(1e-2));
    CHECK(bar_plot("nothing", {}).ends_with("</svg>\n"));
}

TEST_CASE("points lie by the logarithm of x and by y, with names that do not lie on each other", "[apps][bench]") {
    const std::vector<Panel> panels{{"one", {{"a", 10, 40}, {"b", 100, 80, true}, {"c", 1000, 60}, {"d", 1000, 60.5}}},
                                    {"two", {{"e", 5, 300}}}};
    const auto text = scatter_plot("t", "ms", "dB", 100, panels);
    const auto x = numbers(text, "circle", "cx"), y = numbers(text, "circle", "cy");
    REQUIRE(x.size() == 5);
    CHECK(x[1] - x[0] == Approx(x[2] - x[1]).epsilon(1e-2));
    CHECK(y[0] - y[2] == Approx(y[2] - y[1]).epsilon(1e-2));
    CHECK(y[1] < y[0]);
    CHECK(y[4] > y[0]);  // the second panel, below; above the highest value is at it
    CHECK_THAT(text, Contains("fill=\"#bbb\"") && Contains("<title>b</title>") && !Contains(">b</text>"));
    std::vector<double> heights;
    const std::regex place("y=\"([0-9.]+)\"[^>]*>[cd]</text>");
    for (std::sregex_iterator i(text.begin(), text.end(), place), end; i != end; ++i)
        heights.push_back(std::stod((*i)[1]));
    REQUIRE(heights.size() == 2);
    CHECK(std::abs(heights[0] - heights[1]) >= 10);
    CHECK(scatter_plot("nothing", "x", "y", 100, {}).ends_with("</svg>\n"));
}
