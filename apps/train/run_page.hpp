// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <cameo/concepts/dataset.hpp>

namespace cameo::apps {

/// A value over the images seen. What is not finite is left out, and told.
struct Curve {
    struct Point {
        double images = 0.0, value = 0.0;
    };
    std::string name;
    std::vector<Point> points;  ///< by images
};

/// A picture of heads that training never saw.
struct PageSheet {
    std::string caption;
    std::vector<std::byte> png;
};

/// All that a run's page shows.
struct RunPage {
    std::string title;
    std::int64_t step = 0, steps = 0, images = 0;
    double images_per_second = 0.0, seconds_left = 0.0;
    std::string written;  ///< when, as a text
    std::vector<Curve> curves;
    std::vector<PageSheet> sheets;  ///< in the order in which they are shown
    RunOptions options;
};

/// One HTML file, well-formed as XML too, that fetches nothing: curves are SVG, pictures are in it as base64. Until the
/// last step it asks to be read again every minute.
[[nodiscard]] std::string html_of(const RunPage& page);

/// At most `most` points: means of neighbours, the last one as it is.
[[nodiscard]] std::vector<Curve::Point> thinned(const std::vector<Curve::Point>& points, std::size_t most);

/// Means over a window around each point, a twelfth of all; none where there are too few to need that.
[[nodiscard]] std::vector<Curve::Point> smoothed(const std::vector<Curve::Point>& points);

/// 950, 12k, 1.5M, 3.2e-05: for the axes.
[[nodiscard]] std::string short_number(double value);

/// "40 s", "12 min", "3.1 h".
[[nodiscard]] std::string time_text(double seconds);

}  // namespace cameo::apps
