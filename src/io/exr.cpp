// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/exr.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "io/image_decode.hpp"
#include "io/image_oiio.hpp"
#include "io/json.hpp"

namespace cameo::io {
namespace {

constexpr float half_limit = 65520.F;  // from here on, rounding to half gives infinity

/// The channels of a file that make up one image of a view.
struct Group {
    Image ExrView::*image;
    PixelFormat format;
    std::array<const char*, 4> names;
    std::size_t needed;    ///< of the names, the first so many come together
    std::size_t possible;  ///< and so many there are
};
constexpr std::array groups{
    Group{&ExrView::colour, linear_light, {"R", "G", "B", "A"}, 3, 4},
    Group{&ExrView::depth, data_float, {"Z"}, 1, 1},
    Group{&ExrView::normals, data_float, {"N.X", "N.Y", "N.Z"}, 3, 3},
};

/// The names of a group that the file has. Errors: bad_file: some but not all that come together, or integers
std::vector<std::string> names_in(const ImageHeader& header, const Group& group, std::string_view subject) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < group.possible; ++i) {
        const auto channel = std::ranges::find(header.exr_channels, group.names[i], &ExrChannel::name);
        if (channel == header.exr_channels.end()) {
            if (i < group.needed && !names.empty())
                refuse(subject, std::string("EXR channel ") + group.names[i] + " beside " + names.front(), "none");
            if (i == 0) return {};
            continue;
        }
        if (channel->is_integer) refuse(subject, "EXR channel " + channel->name + " as half or float", "integers");
        names.push_back(channel->name);
    }
    return names;
}

std::optional<Camera> take_camera(ImageMetadata& metadata, std::string_view subject) {
    const auto numbers = metadata.extract(std::string(exr_camera_key));
    const auto axes = metadata.extract(std::string(exr_camera_axes_key));
    if (numbers.empty()) return std::nullopt;
    const auto camera_subject = std::string(subject) + ": " + std::string(exr_camera_key);
    if (axes.empty() || !axes.mapped().starts_with("opencv"))
        refuse(camera_subject, "axes \"opencv\" beside it", axes.empty() ? "none" : axes.mapped());
    try {
        const auto label = parse_json(numbers.mapped(), camera_subject).get<std::vector<double>>();
        return camera_from_label(label, camera_subject);
    } catch (const Error& error) {
        throw Error(Errc::bad_file, error.what());
    } catch (const nlohmann::json::exception&) {
        refuse(camera_subject, "an array of numbers", "other JSON");
    }
}

void check_image(const Image& image, const Group& group, bool half, std::int64_t width, std::int64_t height) {
    const std::string subject = std::string("EXR channel ") + group.names[0];
    const auto channels = static_cast<std::size_t>(image.channels());
    if (image.format() != group.format || image.width() != width || image.height() != height ||
        channels < group.needed || channels > group.possible)
        throw Error(Errc::invalid_argument, subject + ": expected " + to_string(group.format) + " of " +
                                                std::to_string(width) + " x " + std::to_string(height) + " with " +
                                                std::to_string(group.needed) + " to " + std::to_string(group.possible) +
                                                " channels, got " + to_string(image.format()) + " of " +
                                                std::to_string(image.width()) + " x " + std::to_string(image.height()) +
                                                " with " + std::to_string(channels));
    check_finite(image, subject, Errc::invalid_argument);
    if (half && std::ranges::any_of(image.values<float>(), [](float value) { return std::abs(value) >= half_limit; }))
        throw Error(Errc::invalid_argument, subject + ": expected numbers in the range of half, got one beyond 65504");
}

}  // namespace

ExrView decode_exr(std::span<const std::byte> bytes, std::string_view subject, const ImageLimits& limits) {
    if (const auto format = format_of(bytes, subject); format != ImageFormat::exr)
        refuse(subject, "an EXR picture", name(format));
    auto header = inspect_exr(bytes, subject, limits);
    ExrView view;
    std::vector<std::string> all;
    for (const auto& group : groups) {
        const auto names = names_in(header, group, subject);
        all.insert(all.end(), names.begin(), names.end());
    }
    if (all.empty()) refuse(subject, "EXR channels R, G, B, Z or N.X, N.Y, N.Z", "none of them");
    const auto everything = decode_exr_channels(header, all, data_float, subject);
    check_finite(everything, subject, Errc::bad_file);

    std::size_t first = 0;
    for (const auto& group : groups) {
        const auto count = names_in(header, group, subject).size();
        if (count == 0) continue;
        Image image(header.width, header.height, static_cast<std::int64_t>(count), group.format);
        auto to = image.values<float>().begin();
        const auto from = everything.values<float>();
        for (std::size_t pixel = 0; pixel < from.size(); pixel += all.size())
            to = std::ranges::copy(from.subspan(pixel + first, count), to).out;
        view.*group.image = std::move(image);
        first += count;
    }
    view.metadata = std::move(header.metadata);
    view.camera = take_camera(view.metadata, subject);
    return view;
}

ExrView read_exr(const std::filesystem::path& path, const ImageLimits& limits) {
    return decode_exr(read_picture_file(path, limits), path.string(), limits);
}

std::vector<std::byte> encode_exr(const ExrView& view, const ExrWriteOptions& options) {
    std::vector<PackedChannel> channels;
    const Image* largest = nullptr;
    for (const auto& group : groups) {
        const auto& image = view.*group.image;
        if (image.empty()) continue;
        if (largest == nullptr) largest = &image;
        const auto half = options.half && group.image != &ExrView::depth;
        check_image(image, group, half, largest->width(), largest->height());
        for (std::size_t c = 0; c < static_cast<std::size_t>(image.channels()); ++c)
            channels.push_back({group.names[c], half});
    }
    if (largest == nullptr) throw Error(Errc::invalid_argument, "EXR: expected colour, depth or normals, got none");

    auto metadata = view.metadata;
    if (metadata.contains(std::string(exr_camera_key)) || metadata.contains(std::string(exr_camera_axes_key)))
        throw Error(Errc::invalid_argument, "EXR metadata: expected the camera as such, got it as a text");
    check_metadata(metadata);
    if (view.camera) {
        check(*view.camera);
        metadata.emplace(exr_camera_key, nlohmann::json(label(*view.camera)).dump());
        metadata.emplace(exr_camera_axes_key, exr_camera_axes);
    }

    Image everything(largest->width(), largest->height(), static_cast<std::int64_t>(channels.size()), data_float);
    std::size_t first = 0;
    for (const auto& group : groups) {
        const auto& image = view.*group.image;
        const auto count = static_cast<std::size_t>(image.channels());
        if (count == 0) continue;
        auto to = everything.values<float>().subspan(first);
        const auto from = image.values<float>();
        for (std::size_t pixel = 0; pixel < from.size() / count; ++pixel)
            std::ranges::copy(from.subspan(pixel * count, count),
                              to.begin() + static_cast<std::ptrdiff_t>(pixel * channels.size()));
        first += count;
    }
    return exr_with_metadata(encode_pixels(ImageFormat::exr, everything, {.exr_channels = channels}), metadata);
}

void write_exr(const std::filesystem::path& path, const ExrView& view, const ExrWriteOptions& options) {
    write_file(path, encode_exr(view, options), options.overwrite);
}

}  // namespace cameo::io
