// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cameo::apps::bench {

// Plots as the text of an SVG file: no library, no font but the viewer's own.

/// A horizontal bar from 0 to `value`, with a line from the least to the greatest of it.
struct Bar {
    std::string label, text;  ///< before the bar, behind it
    double value = 0.0, least = 0.0, greatest = 0.0;
};
[[nodiscard]] std::string bar_plot(std::string_view title, std::span<const Bar> bars);

/// A point of a scatter plot; a faint one is beaten by another, and its name shows under the mouse alone.
struct Point {
    std::string label;
    double x = 0.0, y = 0.0;  ///< x above 0: its axis is logarithmic
    bool faint = false;
};

/// Points that are compared with each other.
struct Panel {
    std::string title;
    std::vector<Point> points{};
};

/// The panels below each other. What lies above `y_most` is drawn there.
[[nodiscard]] std::string scatter_plot(std::string_view title, std::string_view x_axis, std::string_view y_axis,
                                       double y_most, std::span<const Panel> panels);

}  // namespace cameo::apps::bench
