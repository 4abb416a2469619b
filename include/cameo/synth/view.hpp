// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/core/labels.hpp>
#include <cameo/synth/head.hpp>

namespace cameo::synth {

struct ViewOptions {
    std::int64_t size = 64;          ///< side of the square picture, 1 to 4 096
    Rgb8 background{255, 255, 255};  ///< sRGB; white goes with the published option white_back
    int samples = 3;                 ///< where the picture changes fast, this many squared per pixel; 1 to 8
};

/// A landmark in a picture.
struct ViewLandmark {
    double u = 0, v = 0;   ///< (0, 0) is the upper left corner of the picture, (1, 1) the lower right one
    Vector3 point{};       ///< in the world
    bool visible = false;  ///< inside the picture, and nothing stands before it
};

/// A picture of a head with the truth about it. All pictures are square and equally large.
struct HeadView {
    Image rgb;      ///< srgb8, 3 channels, over the background
    Image opacity;  ///< data_float, 1 channel: share of the pixel that shows the head, in [0, 1]
    Image depth;    ///< data_float, 1 channel: world units along the ray through the pixel's centre; 0 where nothing is
    Image depth_z;  ///< data_float, 1 channel: the same along the camera's z
    Image normals;  ///< data_float, 3 channels: outward unit normals in world axes; 0 where nothing is
    LabelMap labels;  ///< at the pixel's centre
    std::array<ViewLandmark, landmark_count> landmarks{};
    Camera camera;
    HeadNumbers numbers;
    Accessories accessories;
};

/// Makes a picture of a head and everything that is known of it.
/// Units    depth, normals and labels belong to the ray through the pixel's centre; only rgb and opacity are antialiased
/// Errors   invalid_argument: options outside their ranges, a camera that check() refuses; out_of_memory
/// Threads  uses parallel_for; the result does not depend on the number of threads
/// Quirk    equal arguments give equal bytes on one machine and build; elsewhere rgb may differ by 1/255
[[nodiscard]] CAMEO_API HeadView view(const Head& head, const Camera& camera, const ViewOptions& options = {});

}  // namespace cameo::synth
