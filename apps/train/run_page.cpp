// SPDX-License-Identifier: Apache-2.0
#include "train/run_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <string_view>

namespace cameo::apps {
namespace {

constexpr double width = 420, height = 200, left = 48, right = 14, top = 8, bottom = 24;
constexpr std::size_t most_points = 400;

constexpr const char* style = R"(
  :root { color-scheme: light dark; --ink: #222; --dim: #666; --line: #ddd; --curve: #1f6feb; --paper: #fff; }
  @media (prefers-color-scheme: dark) { :root { --ink: #eee; --dim: #aaa; --line: #444; --curve: #6cb0ff; --paper: #16181c; } }
  body { margin: 0 auto; max-width: 1340px; padding: 1.5rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
  h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
  p { margin: .25rem 0; color: var(--dim); } .bar { height: 6px; border-radius: 3px; background: var(--line); margin: .5rem 0; }
  .bar div { height: 100%; border-radius: 3px; background: var(--curve); }
  .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 1rem 1.5rem; }
  figure { margin: 0; } figcaption { display: flex; justify-content: space-between; font-size: .9rem; } figcaption span { color: var(--dim); }
  svg { width: 100%; height: auto; display: block; } svg text { font: 11px system-ui, sans-serif; fill: var(--dim); }
  svg .tick { stroke: var(--line); } svg .curve { fill: none; stroke: var(--curve); stroke-width: 1.6; stroke-linejoin: round; } svg .raw { stroke-width: 1; stroke-opacity: .4; } svg .point { fill: var(--curve); }
  .sheets { display: flex; flex-wrap: wrap; gap: 1.25rem; } img { max-width: 100%; display: block; border: 1px solid var(--line); }
  table { border-collapse: collapse; font-size: .9rem; } td { padding: .1rem 1rem .1rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
)";

std::string escaped(std::string_view text) {
    std::string result;
    for (const char letter : text) switch (letter) {
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
                result += letter;
        }
    return result;
}

std::string base64(const std::vector<std::byte>& bytes) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k) text += k <= count ? letters[group >> (18 - 6 * k) & 63U] : '=';
    }
    return text;
}

// 1234567 as "1 234 567", so that big counts can be read.
std::string grouped(std::int64_t count) {
    auto text = std::to_string(count);
    for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3)
        text.insert(static_cast<std::size_t>(place), 1, ' ');
    return text;
}

std::string pixels(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", value);
    return text.data();
}

/// A range with the places of its labels. Logarithmic where values are positive and differ by a factor of ten.
struct Axis {
    double low = 0.0, high = 1.0;
    bool logarithmic = false;
    std::vector<double> ticks;

    [[nodiscard]] double share(double value) const {
        if (logarithmic) return std::log(value / low) / std::log(high / low);
        return (value - low) / (high - low);
    }
};

Axis axis_over(double low, double high, bool may_be_logarithmic) {
    Axis axis{low, high, may_be_logarithmic && low > 0 && high >= 10 * low, {}};
    if (axis.logarithmic) {
        const auto decades = std::log10(high / low);
        for (auto power = std::floor(std::log10(low)); power <= std::log10(high); ++power)
            for (const double digit : {1.0, 2.0, 5.0}) {
                const auto tick = digit * std::pow(10.0, power);
                if (tick >= low && tick <= high && (digit == 1.0 || decades < 2)) axis.ticks.push_back(tick);
            }
        return axis;
    }
    if (!(high > low)) {  // one value: in the middle
        const auto room = low == 0.0 ? 1.0 : std::abs(low) / 2;
        axis.low = low - room;
        axis.high = low + room;
    }
    const auto rough = (axis.high - axis.low) / 4;
    const auto power = std::pow(10.0, std::floor(std::log10(rough)));
    const auto digit = rough / power;
    const auto step = power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
    for (auto k = std::ceil(axis.low / step); k * step <= axis.high; ++k) axis.ticks.push_back(k * step);
    return axis;
}

std::string chart(const std::vector<Curve::Point>& points, double most_images) {
    const auto [low, high] = std::ranges::minmax(points, {}, &Curve::Point::value);
    const auto x = axis_over(0.0, most_images, false), y = axis_over(low.value, high.value, true);
    const auto across = [&](double images) { return pixels(left + (width - left - right) * x.share(images)); };
    const auto down = [&](double value) { return pixels(height - bottom - (height - top - bottom) * y.share(value)); };
    std::string svg = "<svg viewBox=\"0 0 " + pixels(width) + ' ' + pixels(height) + "\" role=\"img\">";
    for (const auto tick : y.ticks)
        svg += "<line class=\"tick\" x1=\"" + pixels(left) + "\" x2=\"" + pixels(width - right) + "\" y1=\"" +
               down(tick) + "\" y2=\"" + down(tick) + "\"/><text text-anchor=\"end\" dy=\"4\" x=\"" + pixels(left - 5) +
               "\" y=\"" + down(tick) + "\">" + short_number(tick) + "</text>";
    for (const auto tick : x.ticks)
        svg += "<text text-anchor=\"middle\" x=\"" + across(tick) + "\" y=\"" + pixels(height - 8) + "\">" +
               short_number(tick) + "</text>";
    const auto line = [&](const char* kind, const std::vector<Curve::Point>& shown) {
        std::string places;
        for (const auto& [images, value] : shown)
            places += (places.empty() ? "" : " ") + across(images) + ',' + down(value);
        svg += std::string("<polyline class=\"") + kind + "\" points=\"" + places + "\"/>";
    };
    const auto smooth = smoothed(points);
    if (smooth.empty())
        line("curve", points);
    else {
        line("curve raw", points);
        line("curve", smooth);
    }
    const auto& last = points.back();
    svg += "<circle class=\"point\" r=\"3\" cx=\"" + across(last.images) + "\" cy=\"" + down(last.value) + "\"/></svg>";
    return svg;
}

std::string figure(const Curve& curve, double most_images) {
    std::vector<Curve::Point> finite;
    std::ranges::copy_if(curve.points, std::back_inserter(finite),
                         [](const Curve::Point& point) { return std::isfinite(point.value); });
    const auto lost = curve.points.size() - finite.size();
    std::string html = "<figure><figcaption>" + escaped(curve.name) + "<span>";
    if (!finite.empty()) html += short_number(finite.back().value);
    if (lost > 0) html += " (" + std::to_string(lost) + " not finite)";
    html += "</span></figcaption>";
    if (!finite.empty()) html += chart(thinned(finite, most_points), most_images);
    return html + "</figure>\n";
}

}  // namespace

std::string short_number(double value) {
    std::array<char, 32> text{};
    const auto size = std::abs(value);
    const auto write = [&](double shown, const char* unit) {
        std::snprintf(text.data(), text.size(), "%.3g%s", shown, unit);
    };
    if (size >= 1e6 && size < 1e9)
        write(value / 1e6, "M");
    else if (size >= 1e4 && size < 1e6)
        write(value / 1e3, "k");
    else if (size >= 1e3 && size < 1e4)
        std::snprintf(text.data(), text.size(), "%.4g", value);
    else
        write(value, "");
    return text.data();
}

std::string time_text(double seconds) {
    std::array<char, 32> text{};
    if (seconds < 90)
        std::snprintf(text.data(), text.size(), "%.0f s", seconds);
    else if (seconds < 5400)
        std::snprintf(text.data(), text.size(), "%.0f min", seconds / 60);
    else
        std::snprintf(text.data(), text.size(), "%.1f h", seconds / 3600);
    return text.data();
}

std::vector<Curve::Point> thinned(const std::vector<Curve::Point>& points, std::size_t most) {
    if (points.size() <= most) return points;
    std::vector<Curve::Point> result;
    const auto places = most - 1;  // the last point has one to itself
    const auto all = points.size() - 1;
    for (std::size_t place = 0; place < places; ++place) {
        const auto begin = all * place / places, end = all * (place + 1) / places;
        Curve::Point mean;
        for (auto i = begin; i < end; ++i) {
            mean.images += points[i].images / static_cast<double>(end - begin);
            mean.value += points[i].value / static_cast<double>(end - begin);
        }
        result.push_back(mean);
    }
    result.push_back(points.back());
    return result;
}

std::vector<Curve::Point> smoothed(const std::vector<Curve::Point>& points) {
    const auto half = points.size() / 24;
    if (half == 0) return {};
    auto result = points;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto begin = i > half ? i - half : 0, end = std::min(i + half + 1, points.size());
        double sum = 0.0;
        for (auto k = begin; k < end; ++k) sum += points[k].value;
        result[i].value = sum / static_cast<double>(end - begin);
    }
    return result;
}

std::string html_of(const RunPage& page) {
    const auto ended = page.step >= page.steps;
    const auto share =
        100.0 * static_cast<double>(page.step) / static_cast<double>(std::max<std::int64_t>(page.steps, 1));
    std::string html =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";
    if (!ended) html += "<meta http-equiv=\"refresh\" content=\"60\"/>\n";
    html += "<title>" + escaped(page.title) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<h1>" +
            escaped(page.title) + "</h1>\n<div class=\"bar\"><div style=\"width: " + pixels(share) +
            "%\"></div></div>\n<p>step " + grouped(page.step) + " of " + grouped(page.steps) + ", " +
            grouped(page.images) + " images seen, " + short_number(page.images_per_second) + " images/s, ";
    html += ended ? "done" : time_text(page.seconds_left) + " left";
    html += "</p>\n<p>written " + escaped(page.written) + "</p>\n<h2>Values over images</h2>\n<div class=\"grid\">\n";
    for (const auto& curve : page.curves) html += figure(curve, static_cast<double>(page.images));
    html += "</div>\n";
    if (!page.sheets.empty())
        html +=
            "<h2>Heads that training never saw</h2>\n<p>A row each: the truth, the model's picture, its depth, the "
            "model from both sides. Newest first.</p>\n<div class=\"sheets\">\n";
    for (const auto& sheet : page.sheets)
        html += "<figure><figcaption>" + escaped(sheet.caption) + "</figcaption><img alt=\"" + escaped(sheet.caption) +
                "\" src=\"data:image/png;base64," + base64(sheet.png) + "\"/></figure>\n";
    if (!page.sheets.empty()) html += "</div>\n";
    html += "<h2>Options</h2>\n<details><summary>" + std::to_string(page.options.size()) +
            " that decide the run's numbers</summary>\n<table>\n";
    for (const auto& [name, value] : page.options)
        html += "<tr><td>" + escaped(name) + "</td><td>" + escaped(value) + "</td></tr>\n";
    return html + "</table>\n</details>\n</body>\n</html>\n";
}

}  // namespace cameo::apps
