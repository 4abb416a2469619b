// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/image.hpp>
#include <cameo/io/image.hpp>

#include "io/image_bytes.hpp"

/// Pictures for the tests of image files: some made by cameo, some byte by byte, whose pixels are known in closed form.
namespace cameo::support {

using cameo::Image;
using cameo::PixelFormat;
using FileBytes = std::vector<std::byte>;

inline constexpr std::array all_formats{cameo::io::ImageFormat::png, cameo::io::ImageFormat::jpeg,
                                        cameo::io::ImageFormat::webp, cameo::io::ImageFormat::tiff,
                                        cameo::io::ImageFormat::exr};

/// Another number for each pixel and channel, over the whole range; alpha is never 0.
inline Image pattern(std::int64_t width, std::int64_t height, std::int64_t channels, PixelFormat format) {
    Image image(width, height, channels, format);
    const auto number = [channels](std::size_t i) {
        const auto value = static_cast<std::uint32_t>(i * 2654435761U) >> 16U;
        const auto is_alpha = channels % 2 == 0 && static_cast<std::int64_t>(i) % channels == channels - 1;
        return is_alpha ? value | 0x0101U : value;
    };
    for (std::size_t i = 0; i < static_cast<std::size_t>(width * height * channels); ++i) {
        if (format.type == cameo::PixelType::u8)
            image.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(number(i) & 0xFFU);
        else if (format.type == cameo::PixelType::u16)
            image.values<std::uint16_t>()[i] = static_cast<std::uint16_t>(number(i));
        else
            image.values<float>()[i] = static_cast<float>(number(i)) / 30000.F - 0.5F;
    }
    return image;
}

inline FileBytes encoded(const Image& image, cameo::io::ImageFormat format) {
    return cameo::io::encode_image(image, {.format = format});
}

/// A small picture of each format that has what makes files of it interesting: alpha where it can.
inline FileBytes sample_file(cameo::io::ImageFormat format, std::int64_t width = 13, std::int64_t height = 7) {
    const auto channels = format == cameo::io::ImageFormat::jpeg ? 3 : 4;
    return encoded(
        pattern(width, height, channels, format == cameo::io::ImageFormat::exr ? cameo::linear_light : cameo::srgb8),
        format);
}

inline void append_png_chunk(FileBytes& file, std::string_view type, std::string_view data) {
    cameo::io::append(file, static_cast<std::uint32_t>(data.size()), std::endian::big);
    const auto start = file.size();
    cameo::io::append(file, type);
    cameo::io::append(file, data);
    const auto sum =
        ::crc32(0, reinterpret_cast<const Bytef*>(file.data() + start), static_cast<uInt>(file.size() - start));
    cameo::io::append(file, static_cast<std::uint32_t>(sum), std::endian::big);
}

struct PngParts {
    std::uint32_t width = 1, height = 1;
    int bits = 8, colour_type = 0, interlaced = 0;
    std::string rows;                                                ///< each with its filter byte in front
    std::vector<std::pair<std::string_view, std::string>> before{};  ///< chunks in front of the pixels
};

inline FileBytes png_file(const PngParts& parts) {
    FileBytes file, header;
    cameo::io::append(file, "\x89PNG\r\n\x1a\n");
    cameo::io::append(header, parts.width, std::endian::big);
    cameo::io::append(header, parts.height, std::endian::big);
    for (const int number : {parts.bits, parts.colour_type, 0, 0, parts.interlaced})
        header.push_back(static_cast<std::byte>(number));
    append_png_chunk(file, "IHDR", cameo::io::as_text(header));
    for (const auto& [type, data] : parts.before) append_png_chunk(file, type, data);
    std::string packed(::compressBound(parts.rows.size()), '\0');
    auto size = static_cast<uLongf>(packed.size());
    ::compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(parts.rows.data()),
               parts.rows.size());
    append_png_chunk(file, "IDAT", packed.substr(0, size));
    append_png_chunk(file, "IEND", "");
    return file;
}

/// EXIF data with one orientation, in either byte order.
inline FileBytes exif_with_orientation(std::uint16_t orientation, std::endian order) {
    FileBytes exif;
    cameo::io::append(exif, order == std::endian::little ? "II" : "MM");
    cameo::io::append(exif, std::uint16_t{42}, order);
    cameo::io::append(exif, std::uint32_t{8}, order);
    for (const std::uint16_t number : std::array<std::uint16_t, 3>{1, 274, 3}) cameo::io::append(exif, number, order);
    cameo::io::append(exif, std::uint32_t{1}, order);
    cameo::io::append(exif, orientation, order);
    for (int i = 0; i < 6; ++i) exif.push_back({});
    return exif;
}

/// JPEG byte by byte, one value for each block of 8 x 8 pixels and component. With a quantiser of 8 the only
/// coefficient that is not 0 is the value less 128, so decoding is exact in the components' own space.
struct JpegParts {
    int blocks_across = 1, blocks_down = 1;
    std::vector<std::vector<int>> blocks;  ///< [block][component], 0 to 255
    bool progressive = false;
    std::string segments{};  ///< in front of the frame, whole
};

inline FileBytes jpeg_file(const JpegParts& parts) {
    FileBytes file;
    const auto bytes = [&](std::initializer_list<int> numbers) {
        for (const int number : numbers) file.push_back(static_cast<std::byte>(number));
    };
    const auto components = static_cast<int>(parts.blocks.front().size());
    bytes({0xFF, 0xD8});
    cameo::io::append(file, parts.segments);
    bytes({0xFF, 0xDB, 0, 67, 0});
    for (int i = 0; i < 64; ++i) bytes({8});
    bytes({0xFF, parts.progressive ? 0xC2 : 0xC0, 0, 8 + 3 * components, 8});
    bytes({parts.blocks_down * 8 / 256, parts.blocks_down * 8 % 256});
    bytes({parts.blocks_across * 8 / 256, parts.blocks_across * 8 % 256, components});
    for (int c = 0; c < components; ++c) bytes({c + 1, 0x11, 0});
    bytes({0xFF, 0xC4, 0, 19 + 10, 0x00, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // 4 bits for each size
    for (int size = 0; size < 10; ++size) bytes({size});
    bytes({0xFF, 0xC4, 0, 19 + 1, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // one bit: no more
    bytes({0xFF, 0xDA, 0, 6 + 2 * components, components});
    for (int c = 0; c < components; ++c) bytes({c + 1, 0});
    bytes({0, parts.progressive ? 0 : 63, 0});

    std::uint32_t bits = 0;
    int count = 0;
    const auto put = [&](std::uint32_t value, int size) {
        for (int i = size - 1; i >= 0; --i) {
            bits = bits << 1U | (value >> static_cast<unsigned>(i) & 1U);
            if (++count % 8 != 0) continue;
            bytes({static_cast<int>(bits & 0xFFU)});
            if ((bits & 0xFFU) == 0xFFU) bytes({0});
        }
    };
    std::vector<int> previous(static_cast<std::size_t>(components), 0);
    for (const auto& block : parts.blocks) {
        for (std::size_t c = 0; c < block.size(); ++c) {
            const auto difference = block[c] - 128 - previous[c];
            previous[c] = block[c] - 128;
            const auto size = std::bit_width(static_cast<unsigned>(difference < 0 ? -difference : difference));
            put(static_cast<std::uint32_t>(size), 4);
            put(static_cast<std::uint32_t>(difference < 0 ? difference + (1 << size) - 1 : difference),
                static_cast<int>(size));
            if (!parts.progressive) put(0, 1);
        }
    }
    while (count % 8 != 0) put(1, 1);
    bytes({0xFF, 0xD9});
    return file;
}

inline std::string jpeg_segment(int marker, std::string_view data) {
    const auto length = data.size() + 2;
    return std::string{'\xFF', static_cast<char>(marker), static_cast<char>(length >> 8U),
                       static_cast<char>(length & 0xFFU)} +
           std::string(data);
}

/// `data` with every `from` replaced; for files whose fields are known.
inline FileBytes replaced(const FileBytes& file, std::size_t at, std::string_view bytes) {
    auto result = file;
    for (std::size_t i = 0; i < bytes.size(); ++i) result.at(at + i) = static_cast<std::byte>(bytes[i]);
    return result;
}

}  // namespace cameo::support
