// SPDX-License-Identifier: Apache-2.0
#include "views.hpp"

#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <cameo/core/error.hpp>

#include "values.hpp"

namespace cameo::apps {
namespace {

constexpr double right = std::numbers::pi / 2;
constexpr double published_pi = 3.14;  // the video program's

[[noreturn]] void refuse(std::string_view text) {
    throw Error(Errc::invalid_argument,
                fmt::format("expected angles such as yaw=-30:30:7 or yaw=-30:30:7,pitch=-10:10:3, got {}", text));
}

/// "a" or "first:last:count".
std::vector<double> angles(std::string_view text, double most) {
    std::vector<std::string_view> parts;
    for (auto rest = text;;) {
        const auto colon = rest.find(':');
        parts.push_back(rest.substr(0, colon));
        if (colon == std::string_view::npos) break;
        rest.remove_prefix(colon + 1);
    }
    if (parts.size() != 1 && parts.size() != 3) refuse(text);
    const auto first = parse_angle(parts[0]).degrees, last = parts.size() == 3 ? parse_angle(parts[1]).degrees : first;
    const auto count = parts.size() == 3 ? parse_integer(parts[2]) : 1;
    if (count < 1 || count > max_views)
        throw Error(Errc::invalid_argument, fmt::format("expected 1 to {} angles, got {}", max_views, count));
    for (const double angle : {first, last})
        if (!(std::abs(angle) <= most))
            throw Error(Errc::invalid_argument,
                        fmt::format("expected angles from {} to {}, got {}", -most, most, angle));
    if (count == 1 && first != last)
        throw Error(Errc::invalid_argument,
                    fmt::format("expected at least 2 angles from {} to {}, got 1", first, last));
    std::vector<double> result;
    for (std::int64_t i = 0; i < count; ++i)
        result.push_back(count == 1 ? first
                                    : first + (last - first) * static_cast<double>(i) / static_cast<double>(count - 1));
    return result;
}

}  // namespace

std::vector<ViewAngles> parse_views(std::string_view text) {
    std::optional<std::vector<double>> yaws, pitches;
    for (auto rest = text;;) {
        const auto comma = rest.find(',');
        const auto part = rest.substr(0, comma);
        const auto equals = part.find('=');
        const auto name = part.substr(0, equals);
        if (equals == std::string_view::npos || (name != "yaw" && name != "pitch")) refuse(text);
        auto& which = name == "yaw" ? yaws : pitches;
        if (which) throw Error(Errc::invalid_argument, fmt::format("expected {} once, got {}", name, text));
        which = angles(part.substr(equals + 1), name == "yaw" ? 360.0 : 90.0);
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    std::vector<ViewAngles> views;
    for (const double pitch : pitches.value_or(std::vector{0.0}))
        for (const double yaw : yaws.value_or(std::vector{0.0})) views.push_back({yaw, pitch});
    if (views.size() > static_cast<std::size_t>(max_views))
        throw Error(Errc::invalid_argument, fmt::format("expected at most {} views, got {}", max_views, views.size()));
    return views;
}

Camera camera_at(const ViewAngles& view, const Matrix3& intrinsics, const Eg3dConfig& model) {
    return {orbit_degrees(view.yaw, view.pitch, model.camera_radius, model.camera_pivot), intrinsics};
}

std::vector<Camera> published_views(const Matrix3& intrinsics, const Eg3dConfig& model) {
    std::vector<Camera> views;
    for (const double yaw : {0.4, 0.0, -0.4})
        views.push_back({orbit(right + yaw, right - 0.2, model.camera_radius, model.camera_pivot), intrinsics});
    return views;
}

Camera frontal_view(const Matrix3& intrinsics, const Eg3dConfig& model) {
    return {orbit(right, right, model.camera_radius, model.camera_pivot), intrinsics};
}

Camera circling_view(std::int64_t k, std::int64_t count, const Matrix3& intrinsics, const Eg3dConfig& model) {
    const auto phase = 2 * published_pi * static_cast<double>(k) / static_cast<double>(count);
    return {orbit(published_pi / 2 + 0.35 * std::sin(phase), published_pi / 2 - 0.05 + 0.25 * std::cos(phase),
                  model.camera_radius, model.camera_pivot),
            intrinsics};
}

Camera turning_view(std::int64_t k, std::int64_t count, const Matrix3& intrinsics, const Eg3dConfig& model) {
    const auto phase = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(count);
    return camera_at({40 * std::sin(phase), 0}, intrinsics, model);
}

Camera video_frontal_view(const Matrix3& intrinsics, const Eg3dConfig& model) {
    return {orbit(published_pi / 2, published_pi / 2, model.camera_radius, model.camera_pivot), intrinsics};
}

}  // namespace cameo::apps
