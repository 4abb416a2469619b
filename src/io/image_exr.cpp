// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <string>

#include "io/image_container.hpp"

namespace cameo::io {
namespace {

constexpr auto little = std::endian::little;
constexpr std::uint32_t magic = 20000630, version = 2;
constexpr std::uint32_t tiled_flag = 0x200, long_names_flag = 0x400;
constexpr std::size_t short_name = 31, longest_name = 255;
constexpr std::int64_t farthest_corner = 1'000'000;

struct Attribute {
    std::string_view type;
    Bytes value;
};

/// By number: rows in a chunk. The rest are the lossy ones.
constexpr std::array lossless_compressions{1, 1, 1, 16, 32};  // none, RLE, ZIPS, ZIP, PIZ

struct Window {
    std::int64_t left, top, width, height;

    friend bool operator==(const Window&, const Window&) = default;
};

/// A file taken apart: what pixels need, and the texts beside them.
struct Parts {
    ImageHeader header;
    std::map<std::string_view, Attribute> attributes;  ///< those that pixels need
    bool tiled = false;
    std::vector<std::uint64_t> offsets;
    std::size_t table_end = 0;  ///< where the chunks start
    Bytes chunks;
};

std::int32_t signed_number(ByteReader& reader) { return static_cast<std::int32_t>(reader.number<std::uint32_t>()); }

/// The type that an attribute which pixels need must have; empty for all others.
std::string_view type_of(std::string_view name, bool tiled) {
    if (name == "channels") return "chlist";
    if (name == "compression") return "compression";
    if (name == "dataWindow" || name == "displayWindow") return "box2i";
    if (name == "lineOrder") return "lineOrder";
    if (name == "pixelAspectRatio" || name == "screenWindowWidth") return "float";
    if (name == "screenWindowCenter") return "v2f";
    if (name == "tiles" && tiled) return "tiledesc";
    return {};
}

void read_attributes(ByteReader& reader, std::string_view subject, Parts& parts) {
    for (auto name = reader.text(); !name.empty(); name = reader.text()) {
        const auto type = reader.text();
        const auto value = reader.take(reader.number<std::uint32_t>());
        if (std::max(name.size(), type.size()) > longest_name)
            refuse(subject, "EXR names of 255 bytes at most", "a longer one");
        if (const auto wanted = type_of(name, parts.tiled); !wanted.empty()) {
            if (type != wanted || !parts.attributes.try_emplace(name, Attribute{type, value}).second)
                refuse(subject, "one EXR attribute " + std::string(name) + " of type " + std::string(wanted),
                       "a second one, or one of type " + std::string(type));
        } else if (type == "string") {
            add_foreign(parts.header.metadata, name, as_text(value));
        }
    }
}

/// A reader of an attribute that must be there with exactly so many bytes; 0 for any number.
ByteReader attribute(const Parts& parts, std::string_view name, std::size_t size, std::string_view subject) {
    const auto place = parts.attributes.find(name);
    if (place == parts.attributes.end() || (size != 0 && place->second.value.size() != size))
        refuse(subject, "EXR attribute " + std::string(name), "none, or one of another size");
    return {place->second.value, little, subject};
}

Window window(const Parts& parts, std::string_view name, std::string_view subject) {
    auto reader = attribute(parts, name, 16, subject);
    const std::int64_t left = signed_number(reader), top = signed_number(reader);
    const std::int64_t right = signed_number(reader), bottom = signed_number(reader);
    return {left, top, right - left + 1, bottom - top + 1};
}

/// Returns the bytes of one pixel.
std::uint64_t read_channels(Parts& parts, std::string_view subject) {
    auto reader = attribute(parts, "channels", 0, subject);
    auto& channels = parts.header.exr_channels;
    std::uint64_t pixel = 0;
    for (auto name = reader.text(); !name.empty(); name = reader.text()) {
        const auto type = reader.number<std::uint32_t>();
        (void)reader.number<std::uint32_t>();
        const auto across = reader.number<std::uint32_t>(), down = reader.number<std::uint32_t>();
        if (type > 2 || across != 1 || down != 1 || name.size() > longest_name)
            refuse(
                subject, "EXR channels of half, float or integers, one number a pixel",
                "type " + std::to_string(type) + ", sampling " + std::to_string(across) + " x " + std::to_string(down));
        if (!channels.empty() && channels.back().name >= name)
            refuse(subject, "EXR channels in order, each once", std::string(name) + " behind " + channels.back().name);
        channels.push_back({std::string(name), type == 0});
        pixel += type == 1 ? 2 : 4;
        if (static_cast<std::int64_t>(channels.size()) > Image::max_channels)
            refuse(subject, "at most " + std::to_string(Image::max_channels) + " channels", "more");
    }
    if (reader.remaining() != 0) refuse(subject, "the end of EXR's list of channels", "more bytes");
    parts.header.channels = static_cast<std::int64_t>(channels.size());
    return pixel;
}

void check_floats(const Parts& parts, std::string_view subject) {
    for (const auto name : {"pixelAspectRatio", "screenWindowWidth", "screenWindowCenter"}) {
        auto reader = attribute(parts, name, name == std::string_view("screenWindowCenter") ? 8 : 4, subject);
        while (reader.remaining() > 0)
            if (const auto number = std::bit_cast<float>(reader.number<std::uint32_t>());
                !std::isfinite(number) || std::abs(number) > 1e6F ||
                (name == std::string_view("pixelAspectRatio") && number < 1e-6F))
                refuse(subject, "an ordinary number as " + std::string(name), std::to_string(number));
    }
}

/// The table of chunks, each of which must be where and what it should be.
void read_table(ByteReader& reader, Bytes file, std::string_view subject, const Window& data, std::uint64_t pixel,
                std::int64_t chunk_width, std::int64_t chunk_height, std::uint64_t ratio, Parts& parts) {
    const auto across = (data.width + chunk_width - 1) / chunk_width;
    const auto down = (data.height + chunk_height - 1) / chunk_height;
    ByteReader table(reader.take(static_cast<std::uint64_t>(across * down) * 8), little, subject);
    parts.table_end = reader.position();
    parts.chunks = file.subspan(parts.table_end);
    std::uint64_t packed = 0;
    for (std::int64_t row = 0; row < down; ++row) {
        for (std::int64_t column = 0; column < across; ++column) {
            const auto offset = table.number<std::uint64_t>();
            parts.offsets.push_back(offset);
            ByteReader chunk(file, little, subject, std::min<std::uint64_t>(offset, file.size()));
            auto right_place = offset >= parts.table_end;
            if (parts.tiled) {
                right_place = right_place && signed_number(chunk) == column && signed_number(chunk) == row &&
                              chunk.number<std::uint64_t>() == 0;
            } else {
                right_place = right_place && signed_number(chunk) == data.top + row * chunk_height;
            }
            const auto rows = std::min(chunk_height, data.height - row * chunk_height);
            const auto columns = std::min(chunk_width, data.width - column * chunk_width);
            const auto raw = static_cast<std::uint64_t>(rows * columns) * pixel;
            const auto size = right_place ? chunk.number<std::uint32_t>() : 0;
            if (!right_place || size > raw || raw / ratio > size)
                refuse(subject, "EXR chunk " + std::to_string(parts.offsets.size() - 1) + " where its table says",
                       "other bytes (is the file cut short?)");
            packed += chunk.take(size).size();
        }
    }
    if (packed > parts.chunks.size()) refuse(subject, "EXR chunks that do not overlap", "some that do");
}

Parts parts_of(Bytes file, std::string_view subject, const ImageLimits& limits) {
    ByteReader reader(file, little, subject);
    if (reader.number<std::uint32_t>() != magic) refuse(subject, "EXR's magic number", "another one");
    const auto flags = reader.number<std::uint32_t>();
    if ((flags & ~(tiled_flag | long_names_flag)) != version)
        refuse(subject, "EXR version 2 with one part of flat pixels",
               "flags " + std::to_string(flags) + " (deep or multi-part files are not read)");
    Parts parts;
    parts.tiled = (flags & tiled_flag) != 0;
    read_attributes(reader, subject, parts);

    auto& header = parts.header;
    const auto data = window(parts, "dataWindow", subject);
    header.width = data.width;
    header.height = data.height;
    header.type = PixelType::f32;
    header.bits = 32;
    const auto pixel = read_channels(parts, subject);
    check_size(header, subject, limits);
    if (window(parts, "displayWindow", subject) != data ||
        std::max(std::abs(data.left), std::abs(data.top)) > farthest_corner)
        refuse(subject, "an EXR picture whose data window is its display window", "another window");
    check_floats(parts, subject);
    const std::size_t compression = attribute(parts, "compression", 1, subject).number<std::uint8_t>();
    if (compression >= lossless_compressions.size())
        refuse(subject, "EXR with no, RLE, ZIP or PIZ compression",
               "number " + std::to_string(compression) + ", a lossy one, which is not read");
    if (attribute(parts, "lineOrder", 1, subject).number<std::uint8_t>() > 2)
        refuse(subject, "an EXR line order of 0 to 2", "another one");
    std::int64_t chunk_width = data.width, chunk_height = lossless_compressions[compression];
    if (parts.tiled) {
        auto tiles = attribute(parts, "tiles", 9, subject);
        chunk_width = tiles.number<std::uint32_t>();
        chunk_height = tiles.number<std::uint32_t>();
        const auto mode = tiles.number<std::uint8_t>();
        if (std::min(chunk_width, chunk_height) < 1 || std::max(chunk_width, chunk_height) > Image::max_side ||
            mode != 0)
            refuse(subject, "one level of EXR tiles of 1 to " + std::to_string(Image::max_side) + " pixels",
                   "level mode " + std::to_string(mode) + ", " + std::to_string(chunk_width) + " x " +
                       std::to_string(chunk_height));
    }
    // One bit of PIZ's Huffman code can stand for a run of 255 numbers of 16 bits.
    constexpr std::array<std::uint64_t, lossless_compressions.size()> ratios{1, 64, deflate_ratio, deflate_ratio,
                                                                             8 * 255 * 2};
    read_table(reader, file, subject, data, pixel, chunk_width, chunk_height, ratios[compression], parts);
    return parts;
}

void append_attribute(std::vector<std::byte>& to, std::string_view name, std::string_view type, Bytes value) {
    for (const auto text : {name, type}) {
        append(to, text);
        to.push_back({});
    }
    append(to, static_cast<std::uint32_t>(value.size()), little);
    append(to, value);
}

std::vector<std::byte> assembled(const Parts& parts, const ImageMetadata& metadata) {
    const auto& channels = parts.header.exr_channels;
    const auto long_names =
        std::ranges::any_of(channels, [](auto& channel) { return channel.name.size() > short_name; }) ||
        std::ranges::any_of(metadata, [](auto& entry) { return entry.first.size() > short_name; });
    std::vector<std::byte> file;
    append(file, magic, little);
    append(file, version | (parts.tiled ? tiled_flag : 0) | (long_names ? long_names_flag : 0), little);
    for (const auto& [name, attribute] : parts.attributes)
        append_attribute(file, name, attribute.type, attribute.value);
    for (const auto& [name, value] : metadata) append_attribute(file, name, "string", as_bytes(value));
    file.push_back({});
    const auto table_end = file.size() + 8 * parts.offsets.size();
    for (const auto offset : parts.offsets) append(file, offset - parts.table_end + table_end, little);
    append(file, parts.chunks);
    return file;
}

}  // namespace

ImageHeader inspect_exr(Bytes file, std::string_view subject, const ImageLimits& limits) {
    auto parts = parts_of(file, subject, limits);
    parts.header.pixels = assembled(parts, {});
    return std::move(parts.header);
}

std::vector<std::byte> exr_with_metadata(Bytes file, const ImageMetadata& metadata) {
    for (const auto& [key, value] : metadata)
        if (!type_of(key, true).empty())
            throw Error(Errc::invalid_argument,
                        "image metadata: expected keys that EXR does not use, got \"" + key + "\"");
    return assembled(parts_of(file, "EXR encoder", {}), metadata);
}

}  // namespace cameo::io
