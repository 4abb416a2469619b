// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/camera_file.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <cameo/core/error.hpp>

#include "io/json.hpp"
#include "io/name.hpp"

namespace cameo::io {
namespace {

using nlohmann::json;

constexpr std::uint64_t max_bytes = std::uint64_t{256} << 20;

// Errors

[[noreturn]] void refuse(const std::string& subject, const std::string& what) {
    throw Error(Errc::bad_file, subject + ": " + what);
}

std::string entry_words(std::string_view subject, std::size_t index) {
    return std::string(subject) + ": entry " + std::to_string(index);
}

/// A camera from a file is a bad file when it is no camera.
Camera checked(const Camera& camera, const std::string& subject) {
    try {
        check(camera, subject);
    } catch (const Error& problem) {
        throw Error(Errc::bad_file, problem.what());
    }
    return camera;
}

// Reading JSON

const json& member(const json& object, const char* key, const std::string& subject) {
    if (!object.is_object()) refuse(subject, "expected an object, found " + std::string(object.type_name()));
    const auto place = object.find(key);
    if (place == object.end()) refuse(subject, "expected '" + std::string(key) + "', found none");
    return *place;
}

double number(const json& value, const std::string& subject) {
    if (!value.is_number()) refuse(subject, "expected a number, found " + std::string(value.type_name()));
    return value.get<double>();
}

std::string name_of_picture(const json& value, const std::string& subject) {
    if (!value.is_string()) refuse(subject, "expected a name, found " + std::string(value.type_name()));
    const auto& name = value.get_ref<const std::string&>();
    if (!is_sound_name(name)) refuse(subject, "expected a name of 1 to 512 printable bytes, found " + in_quotes(name));
    return name;
}

const json::array_t& array(const json& value, const char* of_what, const std::string& subject) {
    if (!value.is_array())
        refuse(subject, "expected " + std::string(of_what) + ", found " + std::string(value.type_name()));
    return value.get_ref<const json::array_t&>();
}

Camera label_camera(const json& value, const std::string& subject) {
    const auto& numbers = array(value, "25 numbers", subject);
    if (numbers.size() != camera_label_size)
        refuse(subject, "expected 25 numbers, found " + std::to_string(numbers.size()));
    CameraLabel label{};
    std::ranges::transform(numbers, label.begin(), [&](const json& one) { return number(one, subject); });
    try {
        return camera_from_label(label, subject);
    } catch (const Error& problem) {
        throw Error(Errc::bad_file, problem.what());
    }
}

NamedCamera labelled(const json& entry, const std::string& subject) {
    if (!entry.is_array() || entry.size() != 2) refuse(subject, "expected [name, 25 numbers], found something else");
    auto name = name_of_picture(entry[0], subject);
    const auto named = subject + " (" + in_quotes(name) + ")";
    return {std::move(name), label_camera(entry[1], named)};
}

std::vector<NamedCamera> read_labels(const json& labels, std::string_view subject) {
    if (labels.is_null()) return {};
    const auto& entries = array(labels, "a list or null under 'labels'", std::string(subject));
    if (entries.size() == 2 && entries[0].is_string()) return {labelled(labels, entry_words(subject, 0))};
    std::vector<NamedCamera> cameras;
    cameras.reserve(entries.size());
    for (const auto& entry : entries) cameras.push_back(labelled(entry, entry_words(subject, cameras.size())));
    return cameras;
}

/// Rows of a matrix, one array each; the last row of a pose may be left out.
template <std::size_t Size>
std::array<double, Size * Size> matrix(const json& value, const std::string& subject) {
    const auto& rows = array(value, "the rows of a matrix", subject);
    if (rows.size() != Size && !(Size == 4 && rows.size() == 3))
        refuse(subject, "expected " + std::to_string(Size) + " rows, found " + std::to_string(rows.size()));
    std::array<double, Size * Size> result{};
    result.back() = 1;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& row = array(rows[i], "a row of numbers", subject);
        if (row.size() != Size)
            refuse(subject,
                   "expected " + std::to_string(Size) + " numbers in a row, found " + std::to_string(row.size()));
        for (std::size_t j = 0; j < Size; ++j) result[Size * i + j] = number(row[j], subject);
    }
    return result;
}

/// A value of a frame, or else that of all frames.
class FrameValues {
  public:
    FrameValues(const json& frame, const json& all, const std::string& subject)
        : frame_(frame), all_(all), subject_(subject) {}

    [[nodiscard]] const json* find(const char* key) const {
        for (const auto* object : {&frame_, &all_})
            if (const auto place = object->find(key); place != object->end()) return &*place;
        return nullptr;
    }
    [[nodiscard]] std::optional<double> number_of(const char* key) const {
        const auto* value = find(key);
        return value == nullptr ? std::nullopt : std::optional(number(*value, subject_ + " (" + key + ")"));
    }

  private:
    const json& frame_;
    const json& all_;
    const std::string& subject_;
};

void refuse_distortion(const FrameValues& values, const std::string& subject) {
    for (const auto* key : {"k1", "k2", "k3", "k4", "p1", "p2"})
        if (values.number_of(key).value_or(0) != 0)
            refuse(subject, "expected a camera without distortion, found " + std::string(key) + " (undistort first)");
    if (const auto* fisheye = values.find("is_fisheye"); fisheye != nullptr && *fisheye != json(false))
        refuse(subject, "expected a camera without distortion, found is_fisheye (undistort first)");
    // OPENCV with all its coefficients zero is a pinhole camera.
    if (const auto* model = values.find("camera_model"))
        if (*model != json("PINHOLE") && *model != json("SIMPLE_PINHOLE") && *model != json("OPENCV"))
            refuse(subject, "expected a pinhole camera_model, found " + in_quotes(model->dump()));
}

Matrix3 frame_intrinsics(const FrameValues& values, const std::string& subject) {
    const auto width = values.number_of("w"), height = values.number_of("h");
    const auto aspect = width && height ? *width / *height : 1;
    Matrix3 k = Camera{}.intrinsics;
    if (const auto focal = values.number_of("fl_x")) {
        if (!width || !height) refuse(subject, "expected 'w' and 'h' beside 'fl_x', found none");
        k[0] = *focal / *width;
        k[4] = values.number_of("fl_y").value_or(*focal) / *height;
    } else if (const auto angle = values.number_of("camera_angle_x")) {
        k[0] = 0.5 / std::tan(*angle / 2);
        const auto vertical = values.number_of("camera_angle_y");
        k[4] = vertical ? 0.5 / std::tan(*vertical / 2) : k[0] * aspect;
    } else {
        refuse(subject, "expected 'fl_x' or 'camera_angle_x', found neither");
    }
    if (const auto cx = values.number_of("cx"); cx && width) k[2] = *cx / *width;
    if (const auto cy = values.number_of("cy"); cy && height) k[5] = *cy / *height;
    return k;
}

std::vector<NamedCamera> read_transforms(const json& document, std::string_view subject) {
    std::vector<NamedCamera> cameras;
    for (const auto& frame : array(document["frames"], "a list under 'frames'", std::string(subject))) {
        auto words = entry_words(subject, cameras.size());
        auto name = name_of_picture(member(frame, "file_path", words), words);
        words += " (" + in_quotes(name) + ")";
        const FrameValues values(frame, document, words);
        refuse_distortion(values, words);
        const auto pose = matrix<4>(member(frame, "transform_matrix", words), words);
        const Camera camera{converted(pose, Axes::opengl, Axes::opencv), frame_intrinsics(values, words)};
        cameras.push_back({std::move(name), checked(camera, words)});
    }
    return cameras;
}

constexpr std::array axes_words{std::pair("opencv", Axes::opencv), std::pair("opengl", Axes::opengl),
                                std::pair("blender", Axes::blender)};

std::vector<NamedCamera> read_matrices(const json& document, std::string_view subject) {
    const auto& axes = member(document, "axes", std::string(subject));
    const auto known = std::ranges::find_if(axes_words, [&](const auto& row) { return axes == json(row.first); });
    if (known == axes_words.end())
        refuse(std::string(subject), "expected axes opencv, opengl or blender, found " + in_quotes(axes.dump()));
    std::vector<NamedCamera> cameras;
    for (const auto& entry : array(document["cameras"], "a list under 'cameras'", std::string(subject))) {
        auto words = entry_words(subject, cameras.size());
        auto name = name_of_picture(member(entry, "name", words), words);
        words += " (" + in_quotes(name) + ")";
        const auto pose = matrix<4>(member(entry, "world_from_camera", words), words);
        const Camera camera{converted(pose, known->second, Axes::opencv),
                            matrix<3>(member(entry, "intrinsics", words), words)};
        cameras.push_back({std::move(name), checked(camera, words)});
    }
    return cameras;
}

// Reading COLMAP's text

/// Takes the next line off a text, without its end.
std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::string_view take_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const auto word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(word.size());
    return word;
}

template <class Number>
Number take_number(std::string_view& line, const std::string& subject) {
    const auto word = take_word(line);
    Number value{};
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || problem != std::errc() || end != word.data() + word.size())
        refuse(subject, "expected a number, found " + in_quotes(word));
    if constexpr (std::is_floating_point_v<Number>)
        if (!std::isfinite(value)) refuse(subject, "expected a finite number, found " + in_quotes(word));
    return value;
}

void expect_end(std::string_view line, const std::string& subject) {
    if (const auto word = take_word(line); !word.empty())
        refuse(subject, "expected the end of the line, found " + in_quotes(word));
}

bool is_comment_or_blank(std::string_view line) {
    const auto word = take_word(line);
    return word.empty() || word.starts_with('#');
}

std::map<std::uint32_t, Matrix3> read_colmap_cameras(std::string_view text, std::string_view subject) {
    std::map<std::uint32_t, Matrix3> cameras;
    for (std::size_t number_of_line = 1; !text.empty(); ++number_of_line) {
        auto line = take_line(text);
        if (is_comment_or_blank(line)) continue;
        const auto words = std::string(subject) + "/cameras.txt: line " + std::to_string(number_of_line);
        const auto id = take_number<std::uint32_t>(line, words);
        const auto model = take_word(line);
        if (model != "PINHOLE" && model != "SIMPLE_PINHOLE")
            refuse(words, "expected PINHOLE or SIMPLE_PINHOLE (undistort first), found " + in_quotes(model));
        const auto width = take_number<double>(line, words);
        const auto height = take_number<double>(line, words);
        if (!(width >= 1 && height >= 1)) refuse(words, "expected a picture with pixels, found none");
        const auto fx = take_number<double>(line, words);
        const auto fy = model == "PINHOLE" ? take_number<double>(line, words) : fx;
        const auto cx = take_number<double>(line, words);
        const auto cy = take_number<double>(line, words);
        expect_end(line, words);
        if (!cameras.emplace(id, Matrix3{fx / width, 0, cx / width, 0, fy / height, cy / height, 0, 0, 1}).second)
            refuse(words, "expected each camera once, found a second " + std::to_string(id));
    }
    return cameras;
}

Matrix4 pose_from_quaternion(std::array<double, 4> q, const Vector3& t, const std::string& subject) {
    const auto largest = std::abs(*std::ranges::max_element(q, {}, [](double value) { return std::abs(value); }));
    if (!(largest > 0)) refuse(subject, "expected a rotation, found a quaternion of zeros");
    for (auto& value : q) value /= largest;  // first, so that no square overflows
    const auto length = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    const auto w = q[0] / length, x = q[1] / length, y = q[2] / length, z = q[3] / length;
    return {1 - 2 * (y * y + z * z),
            2 * (x * y - w * z),
            2 * (x * z + w * y),
            t[0],
            2 * (x * y + w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z - w * x),
            t[1],
            2 * (x * z - w * y),
            2 * (y * z + w * x),
            1 - 2 * (x * x + y * y),
            t[2],
            0,
            0,
            0,
            1};
}

/// The quaternion (w, x, y, z) of a pose's rotation, by the largest of its four numbers.
std::array<double, 4> quaternion(const Matrix4& m) {
    const auto xx = m[0], yy = m[5], zz = m[10];
    const std::array squares{1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz};  // 4 q_i^2
    const auto wx = m[9] - m[6], wy = m[2] - m[8], wz = m[4] - m[1];                                   // 4 q_0 q_i
    const auto xy = m[1] + m[4], xz = m[2] + m[8], yz = m[6] + m[9];
    const auto largest = std::ranges::max_element(squares) - squares.begin();
    std::array<double, 4> q{};
    switch (largest) {
        case 0:
            q = {squares[0], wx, wy, wz};
            break;
        case 1:
            q = {wx, squares[1], xy, xz};
            break;
        case 2:
            q = {wy, xy, squares[2], yz};
            break;
        default:
            q = {wz, xz, yz, squares[3]};
            break;
    }
    const auto length = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    for (auto& value : q) value /= length;
    return q;
}

// Writing

std::string shortest(double value) {
    std::array<char, 32> digits{};
    const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    return {digits.data(), end};
}

template <class Numbers>
std::string joined(const Numbers& numbers, std::string_view separator) {
    std::string text;
    for (const auto value : numbers) text += (text.empty() ? std::string() : std::string(separator)) + shortest(value);
    return text;
}

template <std::size_t Size>
std::string rows(const std::array<double, Size * Size>& matrix) {
    std::string text = "[";
    for (std::size_t i = 0; i < Size; ++i)
        text += std::string(i == 0 ? "[" : ", [") + joined(std::span(matrix).subspan(Size * i, Size), ", ") + "]";
    return text + "]";
}

void check_all(std::span<const NamedCamera> cameras, const CameraFileOptions& options) {
    const auto in_pixels = options.format == CameraFormat::transforms || options.format == CameraFormat::colmap;
    if (in_pixels && std::min(options.width, options.height) < 1)
        throw Error(Errc::invalid_argument, "pictures: expected at least 1 x 1 pixels, got " +
                                                std::to_string(options.width) + " x " + std::to_string(options.height));
    for (const auto& [name, camera] : cameras) {
        check(camera, "camera of " + in_quotes(name));
        const auto is_word = name.find_first_not_of(" \t") == 0;  // COLMAP's lines give up the spaces before a name
        if (!is_sound_name(name) || (options.format == CameraFormat::colmap && !is_word))
            throw Error(Errc::invalid_argument,
                        "name of a picture: expected 1 to 512 printable bytes, got " + in_quotes(name));
        if (in_pixels && camera.intrinsics[1] != 0)
            throw Error(Errc::invalid_argument,
                        "camera of " + in_quotes(name) + ": expected no skew, which this format cannot hold");
    }
}

std::string quoted_json(const std::string& text) { return json(text).dump(); }

std::string transforms_json(std::span<const NamedCamera> cameras, double width, double height) {
    std::string text = "{\"w\": " + shortest(width) + ", \"h\": " + shortest(height) +
                       ", \"camera_model\": \"PINHOLE\", \"frames\": [";
    std::string_view separator = "\n";
    for (const auto& [name, camera] : cameras) {
        const auto& k = camera.intrinsics;
        text += std::string(separator) + "{\"file_path\": " + quoted_json(name) +
                ", \"fl_x\": " + shortest(k[0] * width) + ", \"fl_y\": " + shortest(k[4] * height) +
                ", \"cx\": " + shortest(k[2] * width) + ", \"cy\": " + shortest(k[5] * height) +
                ", \"transform_matrix\": " + rows<4>(converted(camera.world_from_camera, Axes::opencv, Axes::opengl)) +
                "}";
        separator = ",\n";
    }
    return text + "\n]}\n";
}

std::string matrices_json(std::span<const NamedCamera> cameras, Axes axes) {
    const auto word = std::ranges::find(axes_words, axes, [](const auto& row) { return row.second; });
    std::string text = "{\"axes\": \"" + std::string(word->first) + "\", \"cameras\": [";
    std::string_view separator = "\n";
    for (const auto& [name, camera] : cameras) {
        text += std::string(separator) + "{\"name\": " + quoted_json(name) +
                ", \"world_from_camera\": " + rows<4>(converted(camera.world_from_camera, Axes::opencv, axes)) +
                ", \"intrinsics\": " + rows<3>(camera.intrinsics) + "}";
        separator = ",\n";
    }
    return text + "\n]}\n";
}

void write_colmap(const std::filesystem::path& folder, std::span<const NamedCamera> cameras, double width,
                  double height, Overwrite overwrite) {
    std::map<Matrix3, std::size_t> ids;  // pictures of one camera share it
    std::string camera_lines = "# Cameras: CAMERA_ID MODEL WIDTH HEIGHT FX FY CX CY\n";
    std::string image_lines = "# Images: IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of points\n";
    std::size_t image = 0;
    for (const auto& [name, camera] : cameras) {
        const auto& k = camera.intrinsics;
        const auto [place, fresh] = ids.emplace(k, ids.size() + 1);
        const auto id = std::to_string(place->second);
        if (fresh)
            camera_lines += id + " PINHOLE " + shortest(width) + " " + shortest(height) + " " +
                            joined(std::array{k[0] * width, k[4] * height, k[2] * width, k[5] * height}, " ") + "\n";
        const auto pose = inverse(camera.world_from_camera);
        image_lines += std::to_string(++image) + " " + joined(quaternion(pose), " ") + " " +
                       joined(std::array{pose[3], pose[7], pose[11]}, " ");
        image_lines.append(" ").append(id).append(" ").append(name).append("\n\n");
    }
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);  // write_file() tells what is wrong
    write_file(folder / "cameras.txt", camera_lines, overwrite);
    write_file(folder / "images.txt", image_lines, overwrite);
    write_file(folder / "points3D.txt", std::string_view("# No points\n"), overwrite);
}

std::string read_text(const std::filesystem::path& path) {
    const auto bytes = read_file(path, max_bytes);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::vector<NamedCamera> parse_cameras(std::string_view text, std::string_view subject) {
    const auto document = parse_json(text, subject, max_bytes);
    if (document.contains("labels")) return read_labels(document["labels"], subject);
    if (document.contains("frames")) return read_transforms(document, subject);
    if (document.contains("cameras")) return read_matrices(document, subject);
    refuse(std::string(subject), "expected an object with 'labels', 'frames' or 'cameras', found none of them");
}

std::vector<NamedCamera> parse_colmap(std::string_view camera_text, std::string_view image_text,
                                      std::string_view subject) {
    const auto intrinsics = read_colmap_cameras(camera_text, subject);
    std::vector<NamedCamera> cameras;
    for (std::size_t number_of_line = 1; !image_text.empty(); ++number_of_line) {
        auto line = take_line(image_text);
        if (is_comment_or_blank(line)) continue;
        auto words = std::string(subject) + "/images.txt: line " + std::to_string(number_of_line);
        (void)take_number<std::uint32_t>(line, words);
        std::array<double, 4> q{};
        for (auto& value : q) value = take_number<double>(line, words);
        Vector3 t{};
        for (auto& value : t) value = take_number<double>(line, words);
        const auto id = take_number<std::uint32_t>(line, words);
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        auto name = name_of_picture(json(std::string(line)), words);
        words += " (" + in_quotes(name) + ")";
        const auto known = intrinsics.find(id);
        if (known == intrinsics.end()) refuse(words, "expected a camera of cameras.txt, found " + std::to_string(id));
        const Camera camera{inverse(pose_from_quaternion(q, t, words)), known->second};
        cameras.push_back({std::move(name), checked(camera, words)});
        take_line(image_text);  // the picture's points
        ++number_of_line;
    }
    return cameras;
}

std::vector<NamedCamera> read_cameras(const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        const auto cameras = read_text(path / "cameras.txt");
        return parse_colmap(cameras, read_text(path / "images.txt"), path.string());
    }
    return parse_cameras(read_text(path), path.string());
}

std::string camera_labels_json(std::span<const NamedCamera> cameras) {
    check_all(cameras, {});
    std::string text = "{\"labels\": [";
    std::string_view separator = "\n";
    for (const auto& [name, camera] : cameras) {
        text += std::string(separator) + "[" + quoted_json(name) + ", [" + joined(label(camera), ", ") + "]]";
        separator = ",\n";
    }
    return text + "\n]}\n";
}

void write_cameras(const std::filesystem::path& path, std::span<const NamedCamera> cameras,
                   const CameraFileOptions& options) {
    check_all(cameras, options);
    const auto width = static_cast<double>(options.width), height = static_cast<double>(options.height);
    switch (options.format) {
        case CameraFormat::labels:
            return write_file(path, camera_labels_json(cameras), options.overwrite);
        case CameraFormat::transforms:
            return write_file(path, transforms_json(cameras, width, height), options.overwrite);
        case CameraFormat::matrices:
            return write_file(path, matrices_json(cameras, options.axes), options.overwrite);
        case CameraFormat::colmap:
            return write_colmap(path, cameras, width, height, options.overwrite);
    }
}

}  // namespace cameo::io
