// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/label_image.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "io/image_decode.hpp"

namespace cameo::io {
namespace {

std::string place(std::size_t pixel, std::int64_t width) {
    const auto index = static_cast<std::int64_t>(pixel);
    return "pixel (" + std::to_string(index % width) + ", " + std::to_string(index / width) + ")";
}

/// The first `colours` channels of an opaque picture.
Image opaque(const Image& image, std::int64_t colours, PixelFormat format, std::string_view subject) {
    Image result(image.width(), image.height(), colours, format);
    const auto from = image.values<std::uint8_t>();
    auto to = result.values<std::uint8_t>().begin();
    const auto channels = static_cast<std::size_t>(image.channels());
    for (std::size_t start = 0; start < from.size(); start += channels) {
        const auto pixel = from.subspan(start, channels);
        if (image.channels() > colours && pixel.back() != 255)
            refuse(subject, "opaque labels",
                   "alpha " + std::to_string(pixel.back()) + " at " + place(start / channels, image.width()));
        to = std::ranges::copy(pixel.first(static_cast<std::size_t>(colours)), to).out;
    }
    return result;
}

FaceLabel nearest_label(const Rgb8& colour, std::size_t allowed) {
    const auto distance = [&](const LabelInfo& info) {
        int sum = 0;
        for (std::size_t c = 0; c < colour.size(); ++c) {
            const auto difference = int{colour[c]} - int{info.colour[c]};
            sum += difference * difference;
        }
        return sum;
    };
    return std::ranges::min_element(label_table().first(allowed), {}, distance)->label;
}

LabelMap from_colours(const Image& colours, std::string_view subject, const LabelReadOptions& options) {
    LabelMap map(colours.width(), colours.height());
    const auto values = colours.values<std::uint8_t>();
    for (std::size_t i = 0; i < map.labels().size(); ++i) {
        const Rgb8 colour{values[3 * i], values[3 * i + 1], values[3 * i + 2]};
        auto label = label_coloured(colour);
        if (label && static_cast<std::size_t>(*label) >= options.allowed) label.reset();
        if (!label && !options.nearest_colour) {
            const auto grey = colour[0] == colour[1] && colour[1] == colour[2];
            refuse(subject, "a colour of the palette of " + std::to_string(options.allowed) + " labels",
                   "(" + std::to_string(colour[0]) + ", " + std::to_string(colour[1]) + ", " +
                       std::to_string(colour[2]) + ") at " + place(i, map.width()) +
                       (grey ? " (a mask of ids has one channel, this one has three)" : ""));
        }
        map.labels()[i] = label ? *label : nearest_label(colour, options.allowed);
    }
    return map;
}

LabelMap from_ids(Image ids, int bits, std::string_view subject, const LabelReadOptions& options) {
    // The decoder spreads 1, 2 and 4 bits over the range of 8.
    const auto step = static_cast<std::uint8_t>(255 / ((1 << bits) - 1));
    for (auto& id : ids.values<std::uint8_t>()) id = static_cast<std::uint8_t>(id / step);
    try {
        return label_map(ids, options.allowed);
    } catch (const Error& error) {
        throw Error(Errc::bad_file, std::string(subject) + ": " + error.what());
    }
}

void write(const std::filesystem::path& path, const Image& image, const LabelWriteOptions& options) {
    if (format_for(path) != ImageFormat::png)
        throw Error(Errc::invalid_argument, path.string() + ": expected the extension .png for labels, got another");
    write_image(path, image,
                {.format = ImageFormat::png, .metadata = options.metadata, .overwrite = options.overwrite});
}

}  // namespace

LabelMap decode_label_image(std::span<const std::byte> bytes, std::string_view subject,
                            const LabelReadOptions& options) {
    if (options.allowed < 1 || options.allowed > label_count)
        throw Error(Errc::invalid_argument, "label reading: expected 1 to " + std::to_string(label_count) +
                                                " labels allowed, got " + std::to_string(options.allowed));
    const auto format = format_of(bytes, subject);
    if (format != ImageFormat::png) {
        const auto lossy = format == ImageFormat::jpeg || format == ImageFormat::webp;
        refuse(subject, "labels as a PNG picture",
               std::string(name(format)) + (lossy ? ", whose compression invents labels between neighbours" : ""));
    }
    auto stored = decode_stored(bytes, subject, options.limits, false);
    if (stored.header.type != PixelType::u8)
        refuse(subject, "labels of 8 bit at most", std::to_string(stored.header.bits) + " bit");
    const auto image = upright(std::move(stored.image), stored.header.orientation);
    if (image.channels() >= 3) return from_colours(opaque(image, 3, srgb8, subject), subject, options);
    return from_ids(opaque(image, 1, data8, subject), stored.header.bits, subject, options);
}

LabelMap read_label_image(const std::filesystem::path& path, const LabelReadOptions& options) {
    return decode_label_image(read_picture_file(path, options.limits), path.string(), options);
}

void write_label_image(const std::filesystem::path& path, const LabelMap& map, const LabelWriteOptions& options) {
    write(path, ids(map), options);
}

void write_label_preview(const std::filesystem::path& path, const LabelMap& map, const LabelWriteOptions& options) {
    write(path, colours(map), options);
}

}  // namespace cameo::io
