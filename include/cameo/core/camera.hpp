// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <cameo/core/export.hpp>

namespace cameo {

using Vector2 = std::array<double, 2>;
using Vector3 = std::array<double, 3>;
using Matrix3 = std::array<double, 9>;   ///< row-major
using Matrix4 = std::array<double, 16>;  ///< row-major

/// How axes are named. World axes are right-handed everywhere; a face looks along +z (opencv, opengl) or -y (blender).
enum class Axes : std::uint8_t {
    opencv,   ///< camera: x right, y down, z forward; world: y up. Ours, EG3D's, COLMAP's
    opengl,   ///< camera: x right, y up, z backward; world: y up. NeRF's transforms.json, glTF
    blender,  ///< camera: x right, y up, z backward; world: z up
};

/// How many numbers a camera is in files and networks: world_from_camera, then intrinsics, both row-major.
inline constexpr std::size_t camera_label_size = 25;
using CameraLabel = std::array<double, camera_label_size>;

/// One pinhole camera.
/// Units    world_from_camera: OpenCV axes, the camera's position in column 3, world units of the checkpoint.
///          intrinsics: rows [fx, s, cx], [0, fy, cy], [0, 0, 1]; fx, s, cx over the image's width, fy, cy over its
///          height, so that a point (X, Y, Z) of the camera is at u = (fx X + s Y) / Z + cx, v = fy Y / Z + cy.
///          (0, 0) is the upper left corner of the image, (1, 1) the lower right one
/// Source   Chan et al., "Efficient Geometry-aware 3D GANs", CVPR 2022: the label of its data sets
struct Camera {
    Matrix4 world_from_camera{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    Matrix3 intrinsics{1, 0, 0.5, 0, 1, 0.5, 0, 0, 1};

    friend bool operator==(const Camera&, const Camera&) = default;
};

/// By how much a rotation read from a file may miss orthonormality, element by element of R^T R - 1. Files hold float32
/// or few decimals; the generators take what they get, so nothing is corrected.
inline constexpr double rotation_tolerance = 1e-3;

/// Passes when every number is finite, the rotation is one (determinant +1, within rotation_tolerance), the last rows
/// are [0, 0, 0, 1] and [0, 0, 1], intrinsics[3] is 0 and both focal lengths are positive.
/// Errors   invalid_argument: "<subject>: expected ..., got ..."
CAMEO_API void check(const Camera& camera, std::string_view subject = "camera");

/// The 25 numbers and back. Errors: shape_mismatch: not 25 numbers; those of check()
[[nodiscard]] CAMEO_API CameraLabel label(const Camera& camera) noexcept;
[[nodiscard]] CAMEO_API Camera camera_from_label(std::span<const double> numbers, std::string_view subject = "camera");

/// The pose that looks from `position` to `target` with `up` upwards in the image.
/// Errors   invalid_argument: position equals target, or the line of sight is parallel to `up`
[[nodiscard]] CAMEO_API Matrix4 look_at(const Vector3& position, const Vector3& target, const Vector3& up = {0, 1, 0});

/// The published pose: on a sphere about the world's origin at azimuth `h`, polar coordinate `v`, looking at `target`.
/// Units    radians; h = v = pi/2 is the frontal camera; larger h moves it to the head's left (+x), smaller v upwards
/// Errors   invalid_argument: as look_at(), a number that is not finite, a radius that is not positive
/// Quirk    the sphere's centre is the origin even when `target` is elsewhere. v is no angle but uniform in area,
///          height / radius = 1 - 2 v / pi, and is clamped to [1e-5, pi - 1e-5]
[[nodiscard]] CAMEO_API Matrix4 orbit(double h, double v, double radius, const Vector3& target = {0, 0, 0});

/// The same sphere in angles for people: yaw to the head's left positive, pitch = elevation of the camera, up positive.
/// Units    degrees; pitch in [-90, 90], where the poles are those of orbit(): 89.8 degrees
/// Errors   invalid_argument: as orbit(), or a pitch outside its range
[[nodiscard]] CAMEO_API Matrix4 orbit_degrees(double yaw, double pitch, double radius,
                                              const Vector3& target = {0, 0, 0});

/// Square pixels, principal point in the centre, no skew. Errors: invalid_argument: focal is not positive
[[nodiscard]] CAMEO_API Matrix3 intrinsics_from_focal(double focal);

/// The published command line's focal length: 1 / (1.414 tan(3.14159 degrees / 360)).
/// Errors   invalid_argument: an angle outside (0, 180)
/// Quirk    neither the horizontal angle nor exactly the diagonal one: 1.414 and 3.14159 are the published literals.
///          18.837 gives 4.26339 (horizontally 13.4 degrees)
[[nodiscard]] CAMEO_API double focal_from_published_fov(double degrees);

/// Pinhole: the focal length whose image is `degrees` wide, and back. Errors: invalid_argument: outside (0, 180)
[[nodiscard]] CAMEO_API double focal_from_fov(double degrees);
[[nodiscard]] CAMEO_API double fov_from_focal(double focal);

/// What a data set's generators were trained with and rendered by.
/// Units    world units of the checkpoint; focal lengths over the image's width
struct CameraDefaults {
    std::string_view name;
    double focal;         ///< of the training labels
    double script_focal;  ///< of the published video program
    double radius;        ///< of the cameras' sphere
    Vector3 pivot;        ///< what cameras look at; the sphere's centre is the origin

    friend bool operator==(const CameraDefaults&, const CameraDefaults&) = default;
};

inline constexpr CameraDefaults ffhq_cameras{"ffhq", 4.2647, 4.2647, 2.7, {0, 0, 0.2}};
inline constexpr CameraDefaults afhq_cameras{"afhq", 4.2647, 4.2647, 2.7, {0, 0, -0.06}};
/// Quirk    the published program's focal length is not the one of training, so its cars do not fit the picture
inline constexpr CameraDefaults shapenet_cameras{"shapenet", 525.0 / 512.0, 1.7074, 1.7, {0, 0, 0}};

/// The frontal camera, h = v = pi/2, that latents are conditioned on.
[[nodiscard]] CAMEO_API Camera frontal_camera(const CameraDefaults& defaults);

/// The camera that sees the mirrored scene as the mirrored picture.
/// Quirk    the intrinsics stay, as published, so the mirror image is exact only for a centred principal point and no skew
[[nodiscard]] CAMEO_API Camera mirrored(const Camera& camera) noexcept;

/// A pose in other axes, of camera and world both.
[[nodiscard]] CAMEO_API Matrix4 converted(const Matrix4& world_from_camera, Axes from, Axes to) noexcept;

/// The inverse of a rigid transform: camera_from_world of world_from_camera.
[[nodiscard]] CAMEO_API Matrix4 inverse(const Matrix4& rigid) noexcept;

/// A half-line. Units: origin in world units, direction of length 1
struct Ray {
    Vector3 origin, direction;

    friend bool operator==(const Ray&, const Ray&) = default;
};

/// The ray through the point (u, v) of the image; a pixel's centre is ((column + 0.5) / width, (row + 0.5) / height).
[[nodiscard]] CAMEO_API Ray pixel_ray(const Camera& camera, double u, double v) noexcept;

/// Where a point of the world is in the image; empty when it is not in front of the camera.
[[nodiscard]] CAMEO_API std::optional<Vector2> project(const Camera& camera, const Vector3& point) noexcept;

}  // namespace cameo
