// SPDX-License-Identifier: Apache-2.0
#include "io/image_container.hpp"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "io/json.hpp"
#include "io/name.hpp"
#include "io/tiff_directory.hpp"

namespace cameo::io {
namespace {

constexpr std::size_t max_metadata_bytes = std::size_t{32} << 10;
constexpr std::size_t max_foreign_entries = 256;
constexpr std::uint16_t orientation_tag = 274;

bool is_key(std::string_view key) {
    const auto allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               std::string_view("._-: ").find(c) != std::string_view::npos;
    };
    return !key.empty() && key.size() <= 79 && std::ranges::all_of(key, allowed) && key.front() != ' ' &&
           key.back() != ' ' && key.find("  ") == key.npos;
}

}  // namespace

ImageHeader inspect(ImageFormat format, Bytes file, std::string_view subject, const ImageLimits& limits) {
    switch (format) {
        case ImageFormat::png:
            return inspect_png(file, subject, limits);
        case ImageFormat::jpeg:
            return inspect_jpeg(file, subject, limits);
        case ImageFormat::webp:
            return inspect_webp(file, subject, limits);
        case ImageFormat::tiff:
            return inspect_tiff(file, subject, limits);
        case ImageFormat::exr:
            return inspect_exr(file, subject, limits);
    }
    throw Error(Errc::invalid_argument, "image format: expected one of the enumerators, got another number");
}

std::vector<std::byte> with_metadata(ImageFormat format, Bytes file, const ImageMetadata& metadata) {
    switch (format) {
        case ImageFormat::png:
            return png_with_metadata(file, metadata);
        case ImageFormat::jpeg:
            return jpeg_with_metadata(file, metadata);
        case ImageFormat::webp:
            return webp_with_metadata(file, metadata);
        case ImageFormat::tiff:
            return tiff_with_metadata(file, metadata);
        case ImageFormat::exr:
            return exr_with_metadata(file, metadata);
    }
    throw Error(Errc::invalid_argument, "image format: expected one of the enumerators, got another number");
}

void check_size(const ImageHeader& header, std::string_view subject, const ImageLimits& limits) {
    const auto max_side = std::min(limits.max_side, Image::max_side);
    const auto max_channels = std::min(limits.max_channels, Image::max_channels);
    const auto max_bytes = std::min(limits.max_bytes, ImageLimits{}.max_bytes);
    if (std::min(header.width, header.height) < 1 || std::max(header.width, header.height) > max_side)
        refuse(subject, "sides of 1 to " + std::to_string(max_side) + " pixels",
               std::to_string(header.width) + " x " + std::to_string(header.height));
    if (header.channels < 1 || header.channels > max_channels)
        refuse(subject, "1 to " + std::to_string(max_channels) + " channels", std::to_string(header.channels));
    const auto bytes = static_cast<std::uint64_t>(header.width * header.height * header.channels) *
                       (header.type == PixelType::u8    ? 1
                        : header.type == PixelType::u16 ? 2
                                                        : 4);
    if (bytes > max_bytes)
        refuse(subject, "at most " + std::to_string(max_bytes) + " bytes of pixels", std::to_string(bytes));
}

void check_promise(const ImageHeader& header, std::uint64_t packed, std::uint64_t ratio, std::string_view subject) {
    const auto row = (static_cast<std::uint64_t>(header.width * header.channels) * header.bits + 7) / 8;
    const auto bytes = row * static_cast<std::uint64_t>(header.height);
    if (bytes / ratio > packed)
        refuse(subject, "data for " + std::to_string(header.width) + " x " + std::to_string(header.height) + " pixels",
               std::to_string(packed) + " bytes, which is too few (is the file cut short?)");
}

void check_metadata(const ImageMetadata& metadata) {
    std::size_t bytes = 0;
    for (const auto& [key, value] : metadata) {
        if (!is_key(key))
            throw Error(Errc::invalid_argument,
                        "image metadata: expected keys of 1 to 79 letters, digits and . _ - : or single spaces inside, "
                        "got \"" +
                            key + "\"");
        if (!is_utf8(value) || value.find('\0') != value.npos)
            throw Error(Errc::invalid_argument,
                        "image metadata: expected UTF-8 without NUL, got something else as \"" + key + "\"");
        bytes += key.size() + value.size();
    }
    if (bytes > max_metadata_bytes)
        throw Error(Errc::invalid_argument, "image metadata: expected at most " + std::to_string(max_metadata_bytes) +
                                                " bytes, got " + std::to_string(bytes));
}

void add_foreign(ImageMetadata& metadata, std::string_view key, std::string_view value) {
    if (metadata.size() < max_foreign_entries && is_key(key) && value.size() <= max_metadata_bytes &&
        value.find('\0') == value.npos && is_utf8(value))
        metadata.emplace(key, value);
}

std::string description_text(const ImageMetadata& metadata) { return nlohmann::json(metadata).dump(); }

void add_description(ImageMetadata& metadata, std::string_view text) {
    if (text.starts_with("{\"")) {
        try {
            for (const auto& [key, value] : parse_json(text, "image description").get<ImageMetadata>())
                add_foreign(metadata, key, value);
            return;
        } catch (const std::exception&) {  // then it is somebody else's
        }
    }
    if (!text.empty()) add_foreign(metadata, "ImageDescription", text);
}

void read_exif(Bytes exif, ImageHeader& header) {
    try {
        const TiffDirectory directory(exif, "EXIF");
        const auto orientation = directory.number(orientation_tag, 1);
        if (orientation >= 1 && orientation <= 8) header.orientation = static_cast<int>(orientation);
        add_description(header.metadata, directory.text(description_tag));
    } catch (const Error&) {  // the picture is whole without it
    }
}

std::vector<std::byte> exif_of(std::string_view description) {
    return tiff_file(std::endian::little, {{.tag = description_tag, .text = std::string(description)}});
}

}  // namespace cameo::io
