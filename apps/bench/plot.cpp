// SPDX-License-Identifier: Apache-2.0
#include "bench/plot.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace cameo::apps::bench {
namespace {

std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

std::string text_at(double x, double y, std::string_view words, std::string_view more = "") {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}>{}</text>\n", x, y, more, escaped(words));
}

std::string line(double x1, double y1, double x2, double y2, std::string_view more) {
    return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1, x2, y2, more);
}

std::string page(double width, double height, std::string_view title, const std::string& body) {
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
               "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\" font-size=\"12\">\n"
               "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
               width, height) +
           text_at(16, 24, title, " font-size=\"14\" font-weight=\"bold\"") + body + "</svg>\n";
}

/// 1, 2 or 5 times a power of ten: about `count` of them up to `span`.
double step_of(double span, double count) {
    const auto rough = span / count, power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= rough) return factor * power;
    return 10.0 * power;
}

constexpr double panel_left = 70, panel_wide = 600, panel_high = 300;

std::string panel_at(double top, const Panel& panel, std::string_view x_axis, std::string_view y_axis, double y_most) {
    const auto& points = panel.points;
    double x0 = 0.0, x1 = 1.0, y0 = y_most;
    for (const auto& point : points) {
        const auto x = std::log10(point.x);
        x0 = &point == &points.front() ? x : std::min(x0, x);
        x1 = &point == &points.front() ? x : std::max(x1, x);
        y0 = std::min(y0, point.y);
    }
    x0 -= 0.08, x1 += 0.08;
    const auto step = step_of(std::max(y_most - y0, 1.0), 6);
    y0 = y_most - step * std::max(std::ceil((y_most - y0) / step), 1.0);
    const auto x_at = [&](double x) { return panel_left + panel_wide * (std::log10(x) - x0) / (x1 - x0); };
    const auto y_at = [&](double y) { return top + panel_high * (y_most - std::min(y, y_most)) / (y_most - y0); };
    const auto right = panel_left + panel_wide, bottom = top + panel_high;
    std::string body = text_at(panel_left, top - 10, fmt::format("{}: {}", panel.title, y_axis));
    for (auto y = y_most; y >= y0 - step / 2; y -= step) {
        body += line(panel_left, y_at(y), right, y_at(y), "stroke=\"#ddd\"");
        body += text_at(panel_left - 8, y_at(y) + 4, fmt::format("{:g}", y), " text-anchor=\"end\" fill=\"#555\"");
    }
    for (auto power = std::floor(x0); power <= x1; ++power)
        for (const double factor : {1.0, 2.0, 5.0}) {
            const auto x = factor * std::pow(10.0, power);
            if (std::log10(x) < x0 || std::log10(x) > x1) continue;
            body += line(x_at(x), top, x_at(x), bottom, "stroke=\"#eee\"");
            body += text_at(x_at(x), bottom + 16, fmt::format("{:g}", x), " text-anchor=\"middle\" fill=\"#555\"");
        }
    body += text_at(panel_left + panel_wide / 2, bottom + 34, x_axis, " text-anchor=\"middle\"");

    struct Place {
        double left, right, y;
    };
    std::vector<Place> taken;  // by names, of which none shall lie on another
    std::string names;         // over all points
    for (const auto& point : points) {
        body += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"><title>{}</title></circle>\n",
                            x_at(point.x), y_at(point.y), point.faint ? "#bbb" : "#4a7fb5", escaped(point.label));
        if (point.faint) continue;
        const auto length = 5.5 * static_cast<double>(point.label.size());
        const auto before = x_at(point.x) + 8 + length > right;  // no room behind it
        const auto left = before ? x_at(point.x) - 8 - length : x_at(point.x) + 8;
        Place place{left, left + length, y_at(point.y) + 4};
        while (std::ranges::any_of(taken, [&](const Place& other) {
            return place.left < other.right && other.left < place.right && std::abs(place.y - other.y) < 11;
        }))
            place.y += 2;
        taken.push_back(place);
        names += text_at(before ? place.right : place.left, place.y, point.label,
                         before ? " font-size=\"10\" text-anchor=\"end\"" : " font-size=\"10\"");
    }
    return body + names;
}

}  // namespace

std::string bar_plot(std::string_view title, std::span<const Bar> bars) {
    constexpr double left = 230, wide = 420, top = 44, row = 26, right = 150;
    double most = 1.0;
    for (const auto& bar : bars) most = std::max({most, bar.value, bar.greatest});
    const auto at = [&](double value) { return left + wide * value / most; };
    const auto bottom = top + row * static_cast<double>(bars.size());
    std::string body;
    const auto step = step_of(most, 5);
    for (double value = 0.0; value <= most * 1.0001; value += step) {
        body += line(at(value), top, at(value), bottom, "stroke=\"#ddd\"");
        body += text_at(at(value), bottom + 16, fmt::format("{:g}", value), " text-anchor=\"middle\" fill=\"#555\"");
    }
    auto y = top;
    for (const auto& bar : bars) {
        const auto middle = y + row / 2;
        body += text_at(left - 8, middle + 4, bar.label, " text-anchor=\"end\"");
        body += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#4a7fb5\"/>\n",
                            left, y + 5, at(bar.value) - left, row - 10);
        body += line(at(bar.least), middle, at(bar.greatest), middle, "stroke=\"#222\" stroke-width=\"2\"");
        for (const auto end : {bar.least, bar.greatest})
            body += line(at(end), middle - 4, at(end), middle + 4, "stroke=\"#222\" stroke-width=\"2\"");
        body += text_at(at(std::max(bar.value, bar.greatest)) + 8, middle + 4, bar.text);
        y += row;
    }
    body += line(at(1.0), top - 4, at(1.0), bottom, "stroke=\"#b03020\" stroke-dasharray=\"4 3\"");
    return page(left + wide + right, bottom + 30, title, body);
}

std::string scatter_plot(std::string_view title, std::string_view x_axis, std::string_view y_axis, double y_most,
                         std::span<const Panel> panels) {
    std::string body;
    double top = 64;
    for (const auto& panel : panels) {
        body += panel_at(top, panel, x_axis, y_axis, y_most);
        top += panel_high + 84;
    }
    return page(panel_left + panel_wide + 40, top - 20, title, body);
}

}  // namespace cameo::apps::bench
