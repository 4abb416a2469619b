// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "io/image_container.hpp"

namespace cameo::io {
namespace {

constexpr auto little = std::endian::little;
constexpr std::uint8_t alpha_flag = 0x10, exif_flag = 0x08;

/// What a WebP file is made of: the picture, its alpha unless that is inside, and what is beside them.
struct Parts {
    Bytes picture;  ///< chunk VP8 or VP8L, whole
    Bytes alpha;    ///< chunk ALPH, whole, or empty
    Bytes exif;
    bool has_icc_profile = false;
    bool has_alpha = false;
    std::int64_t width = 0, height = 0;
};

void append_chunk(std::vector<std::byte>& to, std::string_view type, Bytes data) {
    append(to, type);
    append(to, static_cast<std::uint32_t>(data.size()), little);
    append(to, data);
    if (data.size() % 2 != 0) to.push_back({});
}

std::vector<std::byte> riff(Bytes chunks) {
    std::vector<std::byte> file;
    append(file, "RIFF");
    append(file, static_cast<std::uint32_t>(4 + chunks.size()), little);
    append(file, "WEBP");
    append(file, chunks);
    return file;
}

void read_lossy(Bytes data, std::string_view subject, Parts& parts) {
    ByteReader reader(data, little, subject);
    const auto tag = reader.take(3);
    const auto start = as_text(reader.take(3));
    const auto first = std::to_integer<std::uint32_t>(tag[0]) | std::to_integer<std::uint32_t>(tag[1]) << 8 |
                       std::to_integer<std::uint32_t>(tag[2]) << 16;
    parts.width = reader.number<std::uint16_t>() & 0x3FFF;
    parts.height = reader.number<std::uint16_t>() & 0x3FFF;
    if ((first & 1) != 0 || start != "\x9D\x01\x2A" || first >> 5 > reader.remaining())
        refuse(subject, "a whole lossy WebP key frame", "another beginning, or its end");
}

void read_lossless(Bytes data, std::string_view subject, Parts& parts) {
    ByteReader reader(data, little, subject);
    const auto signature = reader.number<std::uint8_t>();
    const auto bits = reader.number<std::uint32_t>();
    parts.width = (bits & 0x3FFF) + 1;
    parts.height = (bits >> 14 & 0x3FFF) + 1;
    parts.has_alpha = (bits >> 28 & 1) != 0;
    if (signature != 0x2F || bits >> 29 != 0) refuse(subject, "lossless WebP, version 0", "another beginning");
}

Parts parts_of(Bytes file, std::string_view subject) {
    ByteReader head(file, little, subject);
    if (as_text(head.take(4)) != "RIFF") refuse(subject, "WebP's \"RIFF\"", "other bytes");
    ByteReader reader(head.take(head.number<std::uint32_t>()), little, subject);
    const auto content = reader.take(4);
    if (as_text(content) != "WEBP") refuse(subject, "\"WEBP\"", "another RIFF file");
    Parts parts;
    std::int64_t canvas_width = 0, canvas_height = 0;
    for (bool first = true; reader.remaining() > 0; first = false) {
        const auto start = 8 + reader.position();
        const auto type = as_text(reader.take(4));
        const auto data = reader.take(reader.number<std::uint32_t>());
        const auto whole = file.subspan(start, 8 + data.size());
        if (data.size() % 2 != 0 && reader.remaining() > 0) (void)reader.take(1);
        if (type == "VP8X") {
            ByteReader extended(data, little, subject);
            (void)extended.number<std::uint32_t>();
            const auto side = [&] {
                const std::int64_t low = extended.number<std::uint16_t>();
                return (low | std::int64_t{extended.number<std::uint8_t>()} << 16) + 1;
            };
            canvas_width = side();
            canvas_height = side();
            if (!first) refuse(subject, "WebP's chunk VP8X in front", "it elsewhere");
        } else if (type == "VP8 " || type == "VP8L") {
            if (!parts.picture.empty()) refuse(subject, "one WebP picture", "a second one");
            parts.picture = whole;
            type == "VP8 " ? read_lossy(data, subject, parts) : read_lossless(data, subject, parts);
        } else if (type == "ALPH") {
            if (canvas_width == 0 || !parts.alpha.empty() || !parts.picture.empty() || data.empty())
                refuse(subject, "one alpha chunk in front of WebP's picture", "another order");
            parts.alpha = whole;
        } else if (type == "ANIM" || type == "ANMF") {
            refuse(subject, "a still picture", "a WebP animation, which is not read");
        } else if (type == "EXIF") {
            parts.exif = data;
        } else if (type == "ICCP") {
            parts.has_icc_profile = true;
        }
    }
    if (parts.picture.empty()) refuse(subject, "a WebP picture", "no pixels");
    if (canvas_width != 0 && (canvas_width != parts.width || canvas_height != parts.height))
        refuse(subject, "a WebP picture that fills its canvas", "another size");
    if (as_text(parts.picture).starts_with("VP8L")) parts.alpha = {};
    parts.has_alpha = parts.has_alpha || !parts.alpha.empty();
    return parts;
}

std::vector<std::byte> assembled(const Parts& parts, Bytes exif) {
    std::vector<std::byte> chunks;
    if (!parts.alpha.empty() || !exif.empty()) {
        std::vector<std::byte> extended;
        const auto flags = (parts.has_alpha ? alpha_flag : 0) | (exif.empty() ? 0 : exif_flag);
        append(extended, static_cast<std::uint32_t>(flags), little);
        for (const auto side : {parts.width, parts.height}) {
            append(extended, static_cast<std::uint16_t>((side - 1) & 0xFFFF), little);
            append(extended, static_cast<std::uint8_t>((side - 1) >> 16), little);
        }
        append_chunk(chunks, "VP8X", extended);
    }
    for (const auto whole : {parts.alpha, parts.picture})
        if (!whole.empty()) append_chunk(chunks, as_text(whole.first(4)), whole.subspan(8));
    if (!exif.empty()) append_chunk(chunks, "EXIF", exif);
    return riff(chunks);
}

/// The same colours; that a lossless picture uses its alpha is one bit in its head, which changes nothing else.
std::vector<std::byte> without_alpha(const Parts& parts) {
    constexpr std::size_t alpha_bit_at = 8 + 4;
    std::vector<std::byte> picture(parts.picture.begin(), parts.picture.end());
    if (as_text(picture).starts_with("VP8L")) picture[alpha_bit_at] &= ~std::byte{0x10};
    auto opaque = parts;
    opaque.picture = picture;
    opaque.alpha = {};
    return assembled(opaque, {});
}

}  // namespace

ImageHeader inspect_webp(Bytes file, std::string_view subject, const ImageLimits& limits) {
    const auto parts = parts_of(file, subject);
    ImageHeader header;
    header.width = parts.width;
    header.height = parts.height;
    header.channels = parts.has_alpha ? 4 : 3;
    header.alpha = parts.has_alpha ? Alpha::straight : Alpha::none;
    header.has_icc_profile = parts.has_icc_profile;
    check_size(header, subject, limits);
    // Some writers put JPEG's mark in front.
    constexpr std::string_view exif_mark("Exif\0\0", 6);
    read_exif(as_text(parts.exif).starts_with(exif_mark) ? parts.exif.subspan(exif_mark.size()) : parts.exif, header);
    header.pixels = assembled(parts, {});
    if (parts.has_alpha) header.opaque_pixels = without_alpha(parts);
    return header;
}

std::vector<std::byte> webp_with_metadata(Bytes file, const ImageMetadata& metadata) {
    const auto parts = parts_of(file, "WebP encoder");
    return assembled(parts, metadata.empty() ? std::vector<std::byte>{} : exif_of(description_text(metadata)));
}

std::vector<std::byte> webp_with_alpha(Bytes colours, Bytes alpha) {
    auto parts = parts_of(colours, "WebP encoder");
    parts.alpha = parts_of(alpha, "WebP encoder").alpha;  // none when all of it is opaque
    parts.has_alpha = !parts.alpha.empty();
    return assembled(parts, {});
}

}  // namespace cameo::io
