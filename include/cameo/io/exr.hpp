// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/image.hpp>

namespace cameo::io {

/// A view as a renderer gives it. Each image may be empty, not all; the others have the same size.
struct ExrView {
    Image colour{};   ///< channels R, G, B, perhaps A: linear_light; alpha associated, as EXR has it
    Image depth{};    ///< channel Z: data_float. Units: world units along the pixel's ray
    Image normals{};  ///< channels N.X, N.Y, N.Z: data_float, in world axes
    std::optional<Camera> camera{};
    ImageMetadata metadata{};

    friend bool operator==(const ExrView&, const ExrView&) = default;
};

/// The attributes that hold the camera: its 25 numbers as a JSON array, exact, and the name of their axes.
inline constexpr std::string_view exr_camera_key = "cameo:camera", exr_camera_axes_key = "cameo:camera_axes";
inline constexpr std::string_view exr_camera_axes =
    "opencv: camera x right, y down, z forward; world y up; world_from_camera then intrinsics, row-major";

/// Reads the channels above; others are passed over, and half becomes f32.
/// Errors   bad_file: none of the channels, only some of a group's, integers in one, a NaN or an infinity, a camera
/// that
///          is none; else as read_image()
[[nodiscard]] CAMEO_API ExrView read_exr(const std::filesystem::path& path, const ImageLimits& limits = {});

/// The same from memory; `subject` names the picture in messages.
[[nodiscard]] CAMEO_API ExrView decode_exr(std::span<const std::byte> bytes, std::string_view subject,
                                           const ImageLimits& limits = {});

struct ExrWriteOptions {
    bool half = false;  ///< colour and normals with 16 bits a number, rounded; depth keeps 32
    Overwrite overwrite = Overwrite::no;
};

/// Writes a view; what is not rounded to half comes back bit for bit, and equal views give equal bytes.
/// Errors   invalid_argument: an image of another format or size than above, nothing but empty ones, a NaN or an
/// infinity,
///          beyond half's range, a camera that check() refuses, metadata that image.hpp does not allow or that uses the
///          camera's keys; those of AtomicFile
CAMEO_API void write_exr(const std::filesystem::path& path, const ExrView& view, const ExrWriteOptions& options = {});

/// The same into memory.
[[nodiscard]] CAMEO_API std::vector<std::byte> encode_exr(const ExrView& view, const ExrWriteOptions& options = {});

}  // namespace cameo::io
