// SPDX-License-Identifier: Apache-2.0
#include "values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <numbers>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <cameo/core/error.hpp>

namespace cameo::apps {
namespace {

[[noreturn]] void refuse(std::string_view expected, std::string_view text) {
    throw Error(Errc::invalid_argument, fmt::format("expected {}, got \"{}\"", expected, text));
}

/// A finite number at the front of `text`, which is cut off; empty when there is none.
std::optional<double> take_number(std::string_view& text) {
    double value = 0.0;
    // from_chars takes "inf" and "nan", but no "+": a number starts with a digit, a dot or a minus here.
    const auto start = text.starts_with('+') ? text.substr(1) : text;
    const auto digits = text.starts_with('-') ? text.substr(1) : start;
    if (digits.empty() || (std::isdigit(static_cast<unsigned char>(digits.front())) == 0 && digits.front() != '.'))
        return std::nullopt;
    const auto [end, error] = std::from_chars(start.data(), start.data() + start.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
    text = std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end));
    return value;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

}  // namespace

Memory parse_memory(std::string_view text) {
    constexpr std::string_view expected = "an amount of memory such as 6G, 512M or 1.5GiB";
    auto rest = text;
    const auto number = take_number(rest);
    if (!number || *number < 0.0) refuse(expected, text);
    auto unit = lower(rest);
    double base = 1024.0;
    if (unit.size() == 2 && unit.back() == 'b') {  // "GB", the unit on the boxes of disks
        base = 1000.0;
        unit.pop_back();
    } else if (unit.size() == 3 && unit.ends_with("ib")) {
        unit.resize(1);
    }
    constexpr std::array<std::string_view, 5> powers{"", "k", "m", "g", "t"};
    const auto power = std::ranges::find(powers, unit == "b" ? std::string_view{} : std::string_view{unit});
    if (power == powers.end()) refuse(expected, text);
    const double bytes = std::round(*number * std::pow(base, static_cast<double>(power - powers.begin())));
    if (bytes >= 0x1p63) refuse("less than 8 EiB of memory", text);
    return {static_cast<std::uint64_t>(bytes)};
}

Duration parse_duration(std::string_view text) {
    constexpr std::string_view expected = "a span of time such as 60s, 2m, 1h30m or 500ms";
    static constexpr std::array<std::pair<std::string_view, double>, 5> units{
        {{"ms", 1.0}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}}};
    double milliseconds = 0.0;
    double last_unit = std::numeric_limits<double>::infinity();  // units go down: 1h30m, never 30m1h
    auto rest = text;
    do {
        const auto number = take_number(rest);
        if (!number || *number < 0.0) refuse(expected, text);
        const auto letters = static_cast<std::size_t>(
            std::ranges::find_if_not(rest, [](unsigned char c) { return std::isalpha(c) != 0; }) - rest.begin());
        const auto name = rest.substr(0, letters);
        const bool bare =
            name.empty() && rest.size() == letters && last_unit == std::numeric_limits<double>::infinity();
        const auto unit = std::ranges::find(units, bare ? "s" : name, [](const auto& row) { return row.first; });
        if (unit == units.end() || unit->second >= last_unit) refuse(expected, text);
        milliseconds += *number * unit->second;
        last_unit = unit->second;
        rest.remove_prefix(letters);
    } while (!rest.empty());
    if (milliseconds > 1e15) refuse("a span of time under 30 000 years", text);
    return {std::chrono::milliseconds(static_cast<std::int64_t>(std::llround(milliseconds)))};
}

Angle parse_angle(std::string_view text) {
    auto rest = text;
    const auto number = take_number(rest);
    if (number && (rest.empty() || rest == "deg")) return {*number};
    if (number && rest == "rad") return {*number * 180.0 / std::numbers::pi};
    refuse("an angle in degrees, or one such as 0.5rad", text);
}

Size parse_size(std::string_view text) {
    constexpr std::string_view expected = "a size such as 512 or 640x480";
    const auto side = [&](std::string_view digits) {
        std::int64_t value = 0;
        const auto* end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, value);
        if (error != std::errc{} || stop != end || value <= 0) refuse(expected, text);
        return value;
    };
    const auto cross = text.find('x');
    if (cross == std::string_view::npos) {
        const auto both = side(text);
        return {both, both};
    }
    return {side(text.substr(0, cross)), side(text.substr(cross + 1))};
}

bool parse_switch(std::string_view text) {
    const auto word = lower(text);
    for (const auto yes : {"1", "true", "yes", "on"})
        if (word == yes) return true;
    for (const auto no : {"0", "false", "no", "off"})
        if (word == no) return false;
    refuse("yes or no (1, 0, true, false, on, off)", text);
}

double parse_number(std::string_view text) {
    auto rest = text;
    const auto number = take_number(rest);
    if (!number || !rest.empty()) refuse("a number", text);
    return *number;
}

std::int64_t parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end) refuse("a whole number", text);
    return value;
}

std::filesystem::path parse_path(std::string_view text) {
    if (text.empty() || text.find('\0') != std::string_view::npos) refuse("the name of a file", text);
    return std::filesystem::path(text);
}

std::string memory_text(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} bytes", bytes);
    double amount = static_cast<double>(bytes);
    constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    while (amount >= 1023.95) {  // 1 048 575 bytes are 1.0 MiB, not 1024.0 KiB
        amount /= 1024.0;
        ++unit;
    }
    return fmt::format("{:.1f} {}", amount, units[unit]);
}

std::string duration_text(std::chrono::duration<double> span) {
    const double seconds = std::max(0.0, span.count());
    if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(std::llround(std::min(seconds, 1e15)));
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string count_text(std::uint64_t count) {
    auto digits = std::to_string(count);
    for (auto place = static_cast<std::ptrdiff_t>(digits.size()) - 3; place > 0; place -= 3)
        digits.insert(static_cast<std::size_t>(place), 1, ' ');
    return digits;
}

}  // namespace cameo::apps
