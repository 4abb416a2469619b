// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <string>

#include "io/image_container.hpp"

namespace cameo::io {
namespace {

constexpr auto big = std::endian::big;
constexpr std::string_view signature = "\x89PNG\r\n\x1a\n";

std::uint32_t checksum(Bytes bytes) {
    return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

struct Chunk {
    std::string_view type;
    Bytes data;
    Bytes whole;
};

/// Calls `visit` for every chunk, IEND the last.
template <class Visit>
void for_each_chunk(Bytes file, std::string_view subject, Visit visit) {
    ByteReader reader(file, big, subject);
    if (as_text(reader.take(signature.size())) != signature) refuse(subject, "PNG's signature", "other bytes");
    for (std::string_view type; type != "IEND";) {
        const auto start = reader.position();
        const auto length = reader.number<std::uint32_t>();
        const auto type_and_data = reader.take(std::uint64_t{4} + length);
        type = as_text(type_and_data.first(4));
        if (reader.number<std::uint32_t>() != checksum(type_and_data))
            refuse(subject, "the checksum of PNG chunk " + std::string(type) + " at byte " + std::to_string(start),
                   "another one (the file is damaged)");
        visit(Chunk{type, type_and_data.subspan(4), file.subspan(start, reader.position() - start)});
    }
}

void append_chunk(std::vector<std::byte>& to, std::string_view type, std::string_view data) {
    append(to, static_cast<std::uint32_t>(data.size()), big);
    const auto start = to.size();
    append(to, type);
    append(to, data);
    append(to, checksum(Bytes(to).subspan(start)), big);
}

void read_header(Bytes data, std::string_view subject, ImageHeader& header, int& colour_type) {
    ByteReader reader(data, big, subject);
    header.width = reader.number<std::uint32_t>();
    header.height = reader.number<std::uint32_t>();
    header.bits = reader.number<std::uint8_t>();
    colour_type = reader.number<std::uint8_t>();
    const auto methods = reader.number<std::uint16_t>();
    const auto interlace = reader.number<std::uint8_t>();
    const auto depths = colour_type == 0                                           ? std::string_view("\1\2\4\x8\x10")
                        : colour_type == 3                                         ? std::string_view("\1\2\4\x8")
                        : colour_type == 2 || colour_type == 4 || colour_type == 6 ? std::string_view("\x8\x10")
                                                                                   : std::string_view();
    if (reader.remaining() != 0 || depths.find(static_cast<char>(header.bits)) == depths.npos || methods != 0 ||
        interlace > 1)
        refuse(subject, "a PNG header with a known colour type, depth and method",
               "colour type " + std::to_string(colour_type) + ", " + std::to_string(header.bits) + " bit, methods " +
                   std::to_string(methods) + ", interlace " + std::to_string(interlace));
    header.type = header.bits == 16 ? PixelType::u16 : PixelType::u8;
}

/// Text chunks that are not compressed; compressed ones are left alone (what they unpack to has no bound).
void read_text(const Chunk& chunk, ImageMetadata& metadata) {
    const auto data = as_text(chunk.data);
    const auto key_end = data.find('\0');
    if (key_end == data.npos) return;
    auto value = data.substr(key_end + 1);
    if (chunk.type == "tEXt") {
        std::string text;  // Latin-1
        for (const char c : value) {
            const auto code = static_cast<unsigned char>(c);
            if (code >= 0x80) text += static_cast<char>(0xC0 | code >> 6);
            text += code < 0x80 ? c : static_cast<char>(0x80 | (code & 0x3F));
        }
        return add_foreign(metadata, data.substr(0, key_end), text);
    }
    if (value.size() < 2 || value.front() != '\0') return;  // compressed
    value.remove_prefix(2);
    for (int skipped = 0; skipped < 2; ++skipped) {  // the language, and the key in it
        const auto end = value.find('\0');
        if (end == value.npos) return;
        value.remove_prefix(end + 1);
    }
    add_foreign(metadata, data.substr(0, key_end), value);
}

}  // namespace

ImageHeader inspect_png(Bytes file, std::string_view subject, const ImageLimits& limits) {
    ImageHeader header;
    int colour_type = 0;
    std::uint64_t data_bytes = 0, palette_size = 0;
    bool data_ended = false, transparent = false;
    std::string_view previous;
    append(header.pixels, signature);
    for_each_chunk(file, subject, [&](const Chunk& chunk) {
        const auto out_of_place = [&] {
            refuse(subject, "PNG's chunks in order and known",
                   std::string(chunk.type) + " after " + (previous.empty() ? "nothing" : std::string(previous)));
        };
        if ((chunk.type == "IHDR") != previous.empty()) out_of_place();
        data_ended = data_ended || (data_bytes > 0 && chunk.type != "IDAT");
        auto needed = true;
        if (chunk.type == "IHDR") {
            read_header(chunk.data, subject, header, colour_type);
            header.channels = colour_type == 0 ? 1 : colour_type == 4 ? 2 : colour_type == 6 ? 4 : 3;
            check_size(header, subject, limits);
        } else if (chunk.type == "PLTE") {
            if (palette_size != 0 || data_bytes != 0 || chunk.data.empty() || chunk.data.size() % 3 != 0 ||
                chunk.data.size() > 3 * 256)
                out_of_place();
            palette_size = chunk.data.size() / 3;
            needed = colour_type == 3;
        } else if (chunk.type == "tRNS") {
            needed = !transparent && data_bytes == 0 &&
                     (colour_type == 3   ? palette_size != 0 && chunk.data.size() <= palette_size
                      : colour_type == 0 ? chunk.data.size() == 2
                                         : colour_type == 2 && chunk.data.size() == 6);
            transparent = transparent || needed;
        } else if (chunk.type == "IDAT") {
            if (data_ended || (colour_type == 3 && palette_size == 0)) out_of_place();
            data_bytes += chunk.data.size();
            needed = !chunk.data.empty();
        } else if (chunk.type == "IEND") {
            if (data_bytes == 0 || !chunk.data.empty()) out_of_place();
        } else {
            needed = false;
            if ((chunk.type[0] & 0x20) == 0) out_of_place();  // nothing can be known about the picture without it
            header.has_icc_profile = header.has_icc_profile || chunk.type == "iCCP";
            if (chunk.type == "tEXt" || chunk.type == "iTXt") read_text(chunk, header.metadata);
            if (chunk.type == "eXIf") read_exif(chunk.data, header);
        }
        if (needed) append(header.pixels, chunk.whole);
        previous = chunk.type;
    });
    check_promise(header, data_bytes, deflate_ratio * (colour_type == 3 ? 3 : 1), subject);
    if (transparent) ++header.channels;
    if (header.channels % 2 == 0) header.alpha = Alpha::straight;
    check_size(header, subject, limits);
    return header;
}

std::vector<std::byte> png_with_metadata(Bytes file, const ImageMetadata& metadata) {
    std::vector<std::byte> result;
    append(result, signature);
    for_each_chunk(file, "PNG encoder", [&](const Chunk& chunk) {
        if (chunk.type == "IHDR" || chunk.type == "sRGB" || chunk.type == "IDAT" || chunk.type == "IEND")
            append(result, chunk.whole);
        if (chunk.type != "IHDR") return;
        for (const auto& [key, value] : metadata) {
            const auto ascii =
                std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
            if (ascii)
                append_chunk(result, "tEXt", key + '\0' + value);
            else
                append_chunk(result, "iTXt", key + std::string(5, '\0') + value);
        }
    });
    return result;
}

}  // namespace cameo::io
