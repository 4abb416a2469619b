// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

/// A camera and the picture that it belongs to, as files name it: a relative path with forward slashes.
struct NamedCamera {
    std::string name;
    Camera camera;

    friend bool operator==(const NamedCamera&, const NamedCamera&) = default;
};

/// How cameras stand in files. World axes are taken as they are, but for those of `matrices`, which are named.
enum class CameraFormat : std::uint8_t {
    labels,      ///< {"labels": [["name", [25 numbers]], ...]}: EG3D's dataset.json, and ours. OpenCV axes
    transforms,  ///< NeRF's transforms.json: world_from_camera, OpenGL axes
    matrices,    ///< {"axes": "blender", "cameras": [{"name", "world_from_camera", "intrinsics"}, ...]}: rows, any Axes
    colmap,      ///< COLMAP's text, a folder with cameras.txt and images.txt: camera_from_world, OpenCV axes
};

/// Reads cameras of any format, told by what is there; each of them is checked as check(Camera) does.
/// Limits   256 MiB a file. {"labels": null} and {"labels": []} give none; a single ["name", [25 numbers]] gives one
/// Errors   io_failure; bad_file, naming the file and the entry: no known format, numbers that are not finite, other
///          than 25 of them, an entry without a sound name, a camera that is none, a camera model with distortion
/// Quirk    `transforms` may have intrinsics for all frames or for each, in pixels (fl_x, fl_y, cx, cy, w, h) or as
///          camera_angle_x in radians, where missing sizes mean a square. `colmap` knows PINHOLE and SIMPLE_PINHOLE
[[nodiscard]] CAMEO_API std::vector<NamedCamera> read_cameras(const std::filesystem::path& path);

/// The same of the text of a JSON file; `subject` stands for its name in messages.
[[nodiscard]] CAMEO_API std::vector<NamedCamera> parse_cameras(std::string_view json, std::string_view subject);

/// The same of COLMAP's two texts.
[[nodiscard]] CAMEO_API std::vector<NamedCamera> parse_colmap(std::string_view cameras, std::string_view images,
                                                              std::string_view subject);

struct CameraFileOptions {
    CameraFormat format = CameraFormat::labels;
    Axes axes = Axes::blender;               ///< of `matrices`
    std::int64_t width = 512, height = 512;  ///< of the pictures: `transforms` and `colmap` count in pixels
    Overwrite overwrite = Overwrite::no;
};

/// Writes cameras; `colmap` makes a folder. `labels` come back as equal doubles, the other formats within 1e-12.
/// Errors   invalid_argument: a camera that does not pass check() or has a skew where the format has none, a name that
///          no reader would take, a picture without pixels; io_failure
CAMEO_API void write_cameras(const std::filesystem::path& path, std::span<const NamedCamera> cameras,
                             const CameraFileOptions& options = {});

/// The text of a `labels` file, for archives. Errors: as write_cameras()
[[nodiscard]] CAMEO_API std::string camera_labels_json(std::span<const NamedCamera> cameras);

}  // namespace cameo::io
