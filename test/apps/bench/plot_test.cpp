// SPDX-License-Identifier: Apache-2.0
#include "bench/plot.hpp"

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

TEST_CASE("points lie by the logarithm of x and by y, the faint ones in grey", "[apps][bench]") {
    const std::vector<Point> points{{"a", 10, 40}, {"b", 100, 80, true}, {"c", 1000, 60}};
    const auto text = scatter_plot("t", "ms", "dB", points);
    const auto x = numbers(text, "circle", "cx"), y = numbers(text, "circle", "cy");
    REQUIRE(x.size() == 3);
    CHECK(x[1] - x[0] == Approx(x[2] - x[1]).epsilon(1e-2));
    CHECK(y[0] - y[2] == Approx(y[2] - y[1]).epsilon(1e-2));
    CHECK(y[1] < y[0]);
    CHECK_THAT(text, Contains("fill=\"#aaa\""));
    CHECK(scatter_plot("nothing", "x", "y", {}).ends_with("</svg>\n"));
}
