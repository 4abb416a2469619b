// SPDX-License-Identifier: Apache-2.0
#include "io/image_decode.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "io/image_oiio.hpp"

namespace cameo::io {
namespace {

/// How the files begin that people take for pictures and we do not read.
struct Stranger {
    std::size_t at;
    std::string_view mark;
    std::string_view what;
};
constexpr std::array strangers{
    Stranger{0, "GIF8", "a GIF picture"},
    Stranger{0, "BM", "a BMP picture"},
    Stranger{4, "ftypheic", "a HEIC picture"},
    Stranger{4, "ftypheix", "a HEIC picture"},
    Stranger{4, "ftypmif1", "a HEIF picture"},
    Stranger{4, "ftypavif", "an AVIF picture"},
    Stranger{0, "\xFF\x0A", "a JPEG XL picture"},
    Stranger{4, "JXL ", "a JPEG XL picture"},
    Stranger{4, "jP  ", "a JPEG 2000 picture"},
    Stranger{0, "8BPS", "a Photoshop file"},
    Stranger{0, "%PDF", "a PDF file"},
    Stranger{0, "PK\3\4", "a ZIP archive"},
    Stranger{0, "version https://git-lfs", "a Git LFS pointer, not the picture itself"},
    Stranger{0, "<", "a page of HTML, SVG or XML"},
};

/// The channels of EXR that make up a picture, in our order.
std::vector<std::string> colour_channels(const ImageHeader& header, std::string_view subject) {
    std::string all;
    const auto has = [&](std::string_view name) {
        return std::ranges::any_of(header.exr_channels,
                                   [&](const ExrChannel& channel) { return channel.name == name; });
    };
    for (const auto& channel : header.exr_channels) all += (all.empty() ? "" : ", ") + channel.name;
    std::vector<std::string> names;
    if (has("R") && has("G") && has("B"))
        names = {"R", "G", "B"};
    else if (has("Y"))
        names = {"Y"};
    else
        refuse(subject, "EXR channels R, G, B or Y", all);
    if (has("A")) names.emplace_back("A");
    for (const auto& channel : header.exr_channels)
        if (channel.is_integer && std::ranges::find(names, channel.name) != names.end())
            refuse(subject, "EXR channel " + channel.name + " as half or float", "integers");
    return names;
}

PixelFormat pixel_format(const ImageHeader& header, bool data) {
    data = data || header.channels > 4;
    switch (header.type) {
        case PixelType::u8:
            return data ? data8 : srgb8;
        case PixelType::u16:
            return data ? data16 : srgb16;
        case PixelType::f32:
            break;
    }
    return data ? data_float : linear_light;
}

}  // namespace

ImageFormat format_of(Bytes file, std::string_view subject) {
    if (const auto format = detected_format(file)) return *format;
    const auto text = as_text(file);
    const auto known = std::ranges::find_if(strangers, [&](const Stranger& stranger) {
        return text.size() > stranger.at && text.substr(stranger.at).starts_with(stranger.mark);
    });
    refuse(subject, "a PNG, JPEG, WebP, TIFF or EXR picture",
           file.empty()               ? "an empty file"
           : known == strangers.end() ? "something else"
                                      : known->what);
}

std::vector<std::byte> read_picture_file(const std::filesystem::path& path, const ImageLimits& limits) {
    const auto most = std::min(limits.max_bytes, ImageLimits{}.max_bytes);
    return read_file(path, most + (std::uint64_t{1} << 20));
}

StoredImage decode_stored(Bytes file, std::string_view subject, const ImageLimits& limits, bool data) {
    const auto format = format_of(file, subject);
    StoredImage stored{.image = {}, .format = format, .header = inspect(format, file, subject, limits)};
    if (format == ImageFormat::exr) {
        const auto names = colour_channels(stored.header, subject);
        stored.image = decode_exr_channels(stored.header, names, data ? data_float : linear_light, subject);
        stored.header.alpha = names.back() == "A" ? Alpha::associated : Alpha::none;
    } else {
        stored.image = decode_pixels(format, stored.header, pixel_format(stored.header, data), subject);
    }
    stored.header.pixels = {};
    check_finite(stored.image, subject, Errc::bad_file);
    return stored;
}

void check_finite(const Image& image, std::string_view subject, Errc code) {
    if (image.format().type != PixelType::f32) return;
    const auto values = image.values<float>();
    const auto bad = std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
    if (bad == values.end()) return;
    const auto index = static_cast<std::int64_t>(bad - values.begin());
    const auto pixel = index / image.channels();
    throw Error(code, std::string(subject) + ": expected finite numbers, found " + std::to_string(*bad) +
                          " at pixel (" + std::to_string(pixel % image.width()) + ", " +
                          std::to_string(pixel / image.width()) + "), channel " +
                          std::to_string(index % image.channels()));
}

Image upright(Image image, int orientation) {
    if (orientation == 1) return image;
    const auto swapped = orientation >= 5;
    const auto width = swapped ? image.height() : image.width(), height = swapped ? image.width() : image.height();
    Image result(width, height, image.channels(), image.format());
    const auto pixel_bytes = image.bytes().size() / static_cast<std::size_t>(width * height);
    // Where the pixel in a column and row of the result comes from: first across or down, then from which end.
    const auto from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const auto from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    auto to = result.bytes().begin();
    for (std::int64_t y = 0; y < height; ++y) {
        for (std::int64_t x = 0; x < width; ++x) {
            auto column = swapped ? y : x, row = swapped ? x : y;
            if (from_right) column = image.width() - 1 - column;
            if (from_bottom) row = image.height() - 1 - row;
            const auto from = static_cast<std::size_t>(row * image.width() + column) * pixel_bytes;
            to = std::ranges::copy(std::as_const(image).bytes().subspan(from, pixel_bytes), to).out;
        }
    }
    return result;
}

}  // namespace cameo::io
