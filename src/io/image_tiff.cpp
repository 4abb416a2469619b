// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <string>

#include "io/image_container.hpp"
#include "io/tiff_directory.hpp"

namespace cameo::io {
namespace {

enum Tag : std::uint16_t {
    width_tag = 256,
    height_tag = 257,
    bits_tag = 258,
    compression_tag = 259,
    photometric_tag = 262,
    fill_order_tag = 266,
    strip_offsets_tag = 273,
    orientation_tag = 274,
    samples_tag = 277,
    rows_per_strip_tag = 278,
    strip_bytes_tag = 279,
    planar_tag = 284,
    predictor_tag = 317,
    tile_width_tag = 322,
    tile_height_tag = 323,
    tile_offsets_tag = 324,
    tile_bytes_tag = 325,
    extra_samples_tag = 338,
    sample_format_tag = 339,
    icc_profile_tag = 34675,
};

/// How many bytes a compression can make of one; 0 for those that are not read.
std::uint64_t ratio_of(std::uint32_t compression) {
    switch (compression) {
        case 1:  // none
            return 1;
        case 5:  // LZW: 12 bits stand for 4094 bytes at most
            return 2730;
        case 8:
        case 32946:  // deflate
            return deflate_ratio;
        case 32773:  // PackBits
            return 64;
        default:
            return 0;
    }
}

/// The one number of a field that has an equal one for each channel.
std::uint32_t common_number(const TiffDirectory& directory, Tag tag, std::uint32_t missing, std::string_view subject) {
    const auto all = directory.numbers(tag, Image::max_channels);
    if (all.empty()) return missing;
    if (std::ranges::adjacent_find(all, std::ranges::not_equal_to{}) != all.end())
        refuse(subject, "equal channels in TIFF field " + std::to_string(tag), "different ones");
    return all.front();
}

struct Page {
    ImageHeader header;
    std::endian order;
    std::vector<TiffField> fields;  ///< all that pixels need
    std::vector<Bytes> chunks;
    std::uint16_t offsets_tag;
};

Page page_of(Bytes file, std::string_view subject, const ImageLimits& limits) {
    const TiffDirectory directory(file, subject);
    Page page;
    page.order = directory.order();
    auto& header = page.header;
    header.width = directory.number(width_tag, 0);
    header.height = directory.number(height_tag, 0);
    header.channels = directory.number(samples_tag, 1);
    header.bits = static_cast<int>(std::min(common_number(directory, bits_tag, 1, subject), 65535U));
    const auto format = common_number(directory, sample_format_tag, 1, subject);
    const auto photometric = directory.number(photometric_tag, 65535);
    const auto compression = directory.number(compression_tag, 1);
    const auto predictor = directory.number(predictor_tag, 1);
    const auto planar = directory.number(planar_tag, 1);
    if (!((format == 1 && (header.bits == 8 || header.bits == 16)) || (format == 3 && header.bits == 32)))
        refuse(subject, "TIFF with unsigned 8 or 16 or float 32 bit",
               std::to_string(header.bits) + " bit of sample format " + std::to_string(format));
    header.type = header.bits == 8 ? PixelType::u8 : header.bits == 16 ? PixelType::u16 : PixelType::f32;
    check_size(header, subject, limits);
    const auto colours = photometric == 2 ? 3 : 1;
    if ((photometric != 1 && photometric != 2) || header.channels < colours)
        refuse(subject, "a grey or an RGB TIFF",
               "photometric interpretation " + std::to_string(photometric) + " with " +
                   std::to_string(header.channels) + " channels");
    if (ratio_of(compression) == 0)
        refuse(subject, "TIFF without compression or with LZW, deflate or PackBits",
               "compression " + std::to_string(compression));
    if (predictor < 1 || predictor > (format == 3 ? 3 : 2) || planar < 1 || planar > 2 ||
        directory.number(fill_order_tag, 1) != 1)
        refuse(subject, "an ordinary TIFF layout",
               "predictor " + std::to_string(predictor) + ", planar configuration " + std::to_string(planar));
    auto extra = directory.numbers(extra_samples_tag, Image::max_channels);
    extra.resize(static_cast<std::size_t>(header.channels - colours));
    if (header.channels == 2 || header.channels == 4)
        header.alpha = !extra.empty() && extra.front() == 1 ? Alpha::associated : Alpha::straight;

    const auto tiled = directory.has(tile_offsets_tag);
    const auto chunk_width = tiled ? directory.number(tile_width_tag, 0) : static_cast<std::uint32_t>(header.width);
    const auto chunk_height =
        tiled ? directory.number(tile_height_tag, 0)
              : std::min(directory.number(rows_per_strip_tag, 0xFFFFFFFF), static_cast<std::uint32_t>(header.height));
    if (chunk_width < 1 || chunk_height < 1 || std::max(chunk_width, chunk_height) > Image::max_side ||
        (tiled && (chunk_width % 16 != 0 || chunk_height % 16 != 0)))
        refuse(subject, "TIFF strips of rows or tiles of multiples of 16 pixels",
               std::to_string(chunk_width) + " x " + std::to_string(chunk_height));
    const auto number_of = [](std::int64_t side, std::uint32_t part) {
        return (static_cast<std::uint64_t>(side) + part - 1) / part;
    };
    const auto planes = planar == 2 ? static_cast<std::uint64_t>(header.channels) : 1;
    const auto count = number_of(header.width, chunk_width) * number_of(header.height, chunk_height) * planes;
    page.offsets_tag = tiled ? tile_offsets_tag : strip_offsets_tag;
    const auto offsets = directory.numbers(page.offsets_tag, count);
    const auto sizes = directory.numbers(tiled ? tile_bytes_tag : strip_bytes_tag, count);
    if (offsets.size() != count || sizes.size() != count)
        refuse(subject, std::to_string(count) + " TIFF strips or tiles", std::to_string(offsets.size()));
    std::uint64_t packed = 0;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        page.chunks.push_back(ByteReader(file, page.order, subject, offsets[i]).take(sizes[i]));
        packed += sizes[i];
    }
    if (packed > file.size()) refuse(subject, "TIFF strips that do not overlap", "some that do");
    check_promise(header, packed, ratio_of(compression), subject);

    header.has_icc_profile = directory.has(icc_profile_tag);
    read_exif(file, header);
    const auto each = [&](std::uint32_t number) {
        return std::vector<std::uint32_t>(static_cast<std::size_t>(header.channels), number);
    };
    page.fields = {
        {.tag = width_tag, .numbers = {static_cast<std::uint32_t>(header.width)}},
        {.tag = height_tag, .numbers = {static_cast<std::uint32_t>(header.height)}},
        {.tag = bits_tag, .numbers = each(static_cast<std::uint32_t>(header.bits))},
        {.tag = compression_tag, .numbers = {compression}},
        {.tag = photometric_tag, .numbers = {photometric}},
        {.tag = samples_tag, .numbers = {static_cast<std::uint32_t>(header.channels)}},
        {.tag = planar_tag, .numbers = {planar}},
        {.tag = predictor_tag, .numbers = {predictor}},
        {.tag = sample_format_tag, .numbers = each(format)},
        {.tag = page.offsets_tag},
        {.tag = tiled ? tile_bytes_tag : strip_bytes_tag, .numbers = sizes},
    };
    if (!extra.empty()) page.fields.push_back({.tag = extra_samples_tag, .numbers = extra});
    if (tiled) {
        page.fields.push_back({.tag = tile_width_tag, .numbers = {chunk_width}});
        page.fields.push_back({.tag = tile_height_tag, .numbers = {chunk_height}});
    } else {
        page.fields.push_back({.tag = rows_per_strip_tag, .numbers = {chunk_height}});
    }
    return page;
}

}  // namespace

ImageHeader inspect_tiff(Bytes file, std::string_view subject, const ImageLimits& limits) {
    auto page = page_of(file, subject, limits);
    page.header.pixels = tiff_file(page.order, std::move(page.fields), page.chunks, page.offsets_tag);
    return std::move(page.header);
}

std::vector<std::byte> tiff_with_metadata(Bytes file, const ImageMetadata& metadata) {
    auto page = page_of(file, "TIFF encoder", {});
    if (!metadata.empty()) page.fields.push_back({.tag = description_tag, .text = description_text(metadata)});
    return tiff_file(page.order, std::move(page.fields), page.chunks, page.offsets_tag);
}

}  // namespace cameo::io
