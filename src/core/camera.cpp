// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/camera.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

using std::numbers::pi;

Vector3 operator-(const Vector3& a, const Vector3& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
Vector3 operator-(const Vector3& a) { return {-a[0], -a[1], -a[2]}; }

Vector3 cross(const Vector3& a, const Vector3& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector3& a, const Vector3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

double length(const Vector3& a) { return std::sqrt(dot(a, a)); }

Vector3 divided(const Vector3& a, double by) { return {a[0] / by, a[1] / by, a[2] / by}; }

Matrix4 product(const Matrix4& a, const Matrix4& b) {
    Matrix4 result{};
    for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 4; ++j)
            for (std::size_t k = 0; k < 4; ++k) result[4 * i + j] += a[4 * i + k] * b[4 * k + j];
    return result;
}

Vector3 column(const Matrix4& matrix, std::size_t j) { return {matrix[j], matrix[4 + j], matrix[8 + j]}; }

std::string text(double value) {
    auto result = std::to_string(value);
    return result == "-0.000000" ? "0.000000" : result;
}

[[noreturn]] void refuse(std::string_view subject, const std::string& what) {
    throw Error(Errc::invalid_argument, std::string(subject) + ": " + what);
}

void check_angle(double degrees) {
    if (!(degrees > 0 && degrees < 180))
        refuse("field of view", "expected between 0 and 180 degrees, got " + text(degrees));
}

void check_focal(double focal) {
    if (!(focal > 0) || !std::isfinite(focal)) refuse("focal length", "expected above 0, got " + text(focal));
}

}  // namespace

void check(const Camera& camera, std::string_view subject) {
    const auto& pose = camera.world_from_camera;
    const auto& k = camera.intrinsics;
    const auto finite = [](double value) { return std::isfinite(value); };
    if (!std::ranges::all_of(pose, finite) || !std::ranges::all_of(k, finite))
        refuse(subject, "expected finite numbers, got NaN or infinity");
    if (pose[12] != 0 || pose[13] != 0 || pose[14] != 0 || pose[15] != 1)
        refuse(subject, "expected [0, 0, 0, 1] as the last row of world_from_camera, got [" + text(pose[12]) + ", " +
                            text(pose[13]) + ", " + text(pose[14]) + ", " + text(pose[15]) + "]");
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = i; j < 3; ++j) {
            const auto value = dot(column(pose, i), column(pose, j));
            if (!(std::abs(value - (i == j ? 1 : 0)) <= rotation_tolerance))
                refuse(subject, "expected an orthonormal rotation, got axes " + std::to_string(i) + " and " +
                                    std::to_string(j) + " with a product of " + text(value));
        }
    if (dot(cross(column(pose, 0), column(pose, 1)), column(pose, 2)) < 0)
        refuse(subject, "expected a rotation, got a reflection (determinant -1): the axes of another convention?");
    if (k[3] != 0 || k[6] != 0 || k[7] != 0 || k[8] != 1)
        refuse(subject, "expected intrinsics [fx, s, cx], [0, fy, cy], [0, 0, 1], got [" + text(k[3]) + ", ...], [" +
                            text(k[6]) + ", " + text(k[7]) + ", " + text(k[8]) + "] in the last two rows");
    if (!(k[0] > 0 && k[4] > 0))
        refuse(subject, "expected focal lengths above 0, got " + text(k[0]) + " and " + text(k[4]));
}

CameraLabel label(const Camera& camera) noexcept {
    CameraLabel numbers{};
    std::ranges::copy(camera.intrinsics, std::ranges::copy(camera.world_from_camera, numbers.begin()).out);
    return numbers;
}

Camera camera_from_label(std::span<const double> numbers, std::string_view subject) {
    if (numbers.size() != camera_label_size)
        throw Error(Errc::shape_mismatch,
                    std::string(subject) + ": expected 25 numbers, got " + std::to_string(numbers.size()));
    Camera camera;
    std::ranges::copy(numbers.first(16), camera.world_from_camera.begin());
    std::ranges::copy(numbers.last(9), camera.intrinsics.begin());
    check(camera, subject);
    return camera;
}

Matrix4 look_at(const Vector3& position, const Vector3& target, const Vector3& up) {
    const auto line = target - position;
    const auto distance = length(line);
    if (!std::isfinite(distance) || distance == 0)
        refuse("look_at", "expected a target away from the position, got a distance of " + text(distance));
    const auto forward = divided(line, distance);
    const auto side = cross(up, forward);
    const auto sine = length(side);
    if (!(sine > 1e-12 * length(up)) || !std::isfinite(sine))
        refuse("look_at", "expected a line of sight that is not parallel to up, got (" + text(forward[0]) + ", " +
                              text(forward[1]) + ", " + text(forward[2]) + ")");
    const auto right = -divided(side, sine);
    const auto upright = cross(forward, right);
    const auto down = divided(upright, length(upright));
    return {right[0], down[0], forward[0], position[0], right[1], down[1], forward[1], position[1],
            right[2], down[2], forward[2], position[2], 0,        0,       0,          1};
}

Matrix4 orbit(double h, double v, double radius, const Vector3& target) {
    if (!std::isfinite(h) || !std::isfinite(v))
        refuse("orbit", "expected finite angles, got " + text(h) + ", " + text(v));
    if (!(radius > 0) || !std::isfinite(radius)) refuse("orbit", "expected a radius above 0, got " + text(radius));
    const auto polar = std::clamp(v, 1e-5, pi - 1e-5);
    const auto phi = std::acos(1 - 2 * polar / pi);
    return look_at(
        {radius * std::sin(phi) * std::cos(pi - h), radius * std::cos(phi), radius * std::sin(phi) * std::sin(pi - h)},
        target);
}

Matrix4 orbit_degrees(double yaw, double pitch, double radius, const Vector3& target) {
    if (!(std::abs(pitch) <= 90)) refuse("pitch", "expected -90 to 90 degrees, got " + text(pitch));
    return orbit(pi / 2 + yaw * pi / 180, pi / 2 * (1 - std::sin(pitch * pi / 180)), radius, target);
}

Matrix3 intrinsics_from_focal(double focal) {
    check_focal(focal);
    return {focal, 0, 0.5, 0, focal, 0.5, 0, 0, 1};
}

double focal_from_published_fov(double degrees) {
    check_angle(degrees);
    return 1 / (std::tan(degrees * 3.14159 / 360) * 1.414);
}

double focal_from_fov(double degrees) {
    check_angle(degrees);
    return 0.5 / std::tan(degrees * pi / 360);
}

double fov_from_focal(double focal) {
    check_focal(focal);
    return 2 * std::atan(0.5 / focal) * 180 / pi;
}

Camera frontal_camera(const CameraDefaults& defaults) {
    return {orbit(pi / 2, pi / 2, defaults.radius, defaults.pivot), intrinsics_from_focal(defaults.focal)};
}

Camera mirrored(const Camera& camera) noexcept {
    auto result = camera;
    for (const auto i : {1U, 2U, 3U, 4U, 8U}) result.world_from_camera[i] = -result.world_from_camera[i];
    return result;
}

Matrix4 converted(const Matrix4& world_from_camera, Axes from, Axes to) noexcept {
    // Half a turn about the camera's x axis, its own inverse; and y up to z up, a quarter turn about the world's x
    // axis.
    constexpr Matrix4 flip{1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1};
    constexpr Matrix4 z_up{1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    auto pose = world_from_camera;
    if (from == Axes::blender) pose = product(inverse(z_up), pose);
    if ((from == Axes::opencv) != (to == Axes::opencv)) pose = product(pose, flip);
    if (to == Axes::blender) pose = product(z_up, pose);
    return pose;
}

Matrix4 inverse(const Matrix4& rigid) noexcept {
    Matrix4 result{};
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) result[4 * i + j] = rigid[4 * j + i];
        result[4 * i + 3] = -dot(column(rigid, i), column(rigid, 3));
    }
    result[15] = 1;
    return result;
}

Ray pixel_ray(const Camera& camera, double u, double v) noexcept {
    const auto& k = camera.intrinsics;
    const auto y = (v - k[5]) / k[4];
    const Vector3 seen{(u - k[2] - k[1] * y) / k[0], y, 1};
    const auto& pose = camera.world_from_camera;
    Vector3 direction{};
    for (std::size_t i = 0; i < 3; ++i)
        direction[i] = pose[4 * i] * seen[0] + pose[4 * i + 1] * seen[1] + pose[4 * i + 2] * seen[2];
    return {column(pose, 3), divided(direction, length(direction))};
}

std::optional<Vector2> project(const Camera& camera, const Vector3& point) noexcept {
    const auto& pose = camera.world_from_camera;
    const auto offset = point - column(pose, 3);
    const Vector3 seen{dot(column(pose, 0), offset), dot(column(pose, 1), offset), dot(column(pose, 2), offset)};
    if (!(seen[2] > 0)) return std::nullopt;
    const auto& k = camera.intrinsics;
    return Vector2{(k[0] * seen[0] + k[1] * seen[1]) / seen[2] + k[2], k[4] * seen[1] / seen[2] + k[5]};
}

}  // namespace cameo
