// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include <cameo/core/camera.hpp>
#include <cameo/generate/eg3d_config.hpp>

namespace cameo::apps {

/// A direction from which a head is seen. Units: degrees; yaw to the head's left positive, pitch = elevation
struct ViewAngles {
    double yaw = 0.0, pitch = 0.0;
    friend bool operator==(const ViewAngles&, const ViewAngles&) = default;
};

/// How many views one command may ask for.
inline constexpr std::int64_t max_views = 4096;

/// "yaw=-30:30:7" is seven angles from -30 to 30, "yaw=20" is one; with "pitch=..." after a comma every pitch is seen
/// from every yaw, row by row from the first pitch. What is not named is 0.
/// Errors   invalid_argument: "expected ..., got ..."
[[nodiscard]] std::vector<ViewAngles> parse_views(std::string_view text);

/// On the sphere that the model was trained with.
[[nodiscard]] Camera camera_at(const ViewAngles& angles, const Matrix3& intrinsics, const Eg3dConfig& model);

/// The three of the published image program, from the head's left to its right, a little from above.
[[nodiscard]] std::vector<Camera> published_views(const Matrix3& intrinsics, const Eg3dConfig& model);

/// h = v = pi / 2: what latents are conditioned on, and the view where only one is shown.
[[nodiscard]] Camera frontal_view(const Matrix3& intrinsics, const Eg3dConfig& model);

/// Frame `k` of `count` of the published video program, which circles a little before the face.
/// Quirk    its pi is 3.14, so the circle closes only nearly
[[nodiscard]] Camera circling_view(std::int64_t k, std::int64_t count, const Matrix3& intrinsics,
                                   const Eg3dConfig& model);

/// Frame `k` of `count` from one side to the other and back, 40 degrees far.
[[nodiscard]] Camera turning_view(std::int64_t k, std::int64_t count, const Matrix3& intrinsics,
                                  const Eg3dConfig& model);

/// h = v = 3.14 / 2: what the published video program conditions latents on. Not quite frontal_view().
[[nodiscard]] Camera video_frontal_view(const Matrix3& intrinsics, const Eg3dConfig& model);

}  // namespace cameo::apps
