// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "io/image_container.hpp"

namespace cameo::io {
namespace {

constexpr auto big = std::endian::big;
constexpr std::string_view exif_mark("Exif\0\0", 6);
constexpr int max_scans = 100;  // progressive pictures have about ten
constexpr std::uint64_t max_scanned_pixels = std::uint64_t{1} << 32;

enum Marker : std::uint8_t {
    sof0 = 0xC0,
    sof2 = 0xC2,
    dht = 0xC4,
    rst0 = 0xD0,
    rst7 = 0xD7,
    soi = 0xD8,
    eoi = 0xD9,
    sos = 0xDA,
    dqt = 0xDB,
    dri = 0xDD,
    app0 = 0xE0,
    app1 = 0xE1,
    app2 = 0xE2,
    app14 = 0xEE,
    app15 = 0xEF,
    comment = 0xFE,
};

struct Segment {
    std::uint8_t marker;
    Bytes data;          ///< behind the length; empty where there is none
    Bytes whole;         ///< of a scan: with the pixels that follow it
    std::size_t packed;  ///< bytes of pixels
};

/// Behind the pixels that start at `position`: where the next marker stands that is no restart.
std::size_t end_of_pixels(Bytes file, std::size_t position) {
    for (auto place = file.begin() + static_cast<std::ptrdiff_t>(position);; ++place) {
        place = std::find(place, file.end(), std::byte{0xFF});
        if (file.end() - place < 2) return file.size();
        const auto next = std::to_integer<std::uint8_t>(place[1]);
        if (next != 0 && next != 0xFF && (next < rst0 || next > rst7))
            return static_cast<std::size_t>(place - file.begin());
    }
}

/// Calls `visit` for every segment from SOI to EOI; what is behind EOI (previews, clips of phones) is not looked at.
template <class Visit>
void for_each_segment(Bytes file, std::string_view subject, Visit visit) {
    ByteReader reader(file, big, subject);
    for (std::uint8_t marker = 0; marker != eoi;) {
        const auto start = reader.position();
        if (reader.number<std::uint8_t>() != 0xFF)
            refuse(subject, "a JPEG marker at byte " + std::to_string(start), "another byte (the file is damaged)");
        do marker = reader.number<std::uint8_t>();
        while (marker == 0xFF);
        if ((marker == soi) != (start == 0))
            refuse(subject, "one start of a JPEG picture, at byte 0", "none, or a second one");
        Segment segment{marker, {}, {}, 0};
        if (marker != soi && marker != eoi) {
            const auto length = reader.number<std::uint16_t>();
            if (length < 2) refuse(subject, "a JPEG segment of 2 bytes at least", std::to_string(length));
            segment.data = reader.take(length - 2U);
        }
        if (marker == sos) {
            segment.packed = end_of_pixels(file, reader.position()) - reader.position();
            (void)reader.take(segment.packed);
        }
        segment.whole = file.subspan(start, reader.position() - start);
        visit(segment);
    }
}

/// Returns how many blocks of pixels with at least one bit each the picture has.
std::uint64_t read_frame(Bytes data, std::string_view subject, ImageHeader& header) {
    ByteReader reader(data, big, subject);
    const auto precision = reader.number<std::uint8_t>();
    header.height = reader.number<std::uint16_t>();
    header.width = reader.number<std::uint16_t>();
    const auto components = reader.number<std::uint8_t>();
    int horizontal = 1, vertical = 1;
    for (int i = 0; i < components; ++i) {
        (void)reader.number<std::uint8_t>();
        const auto sampling = reader.number<std::uint8_t>();
        if (sampling >> 4 < 1 || sampling >> 4 > 4 || (sampling & 15) < 1 || (sampling & 15) > 4)
            refuse(subject, "JPEG sampling factors of 1 to 4", std::to_string(sampling));
        (void)reader.number<std::uint8_t>();
        horizontal = std::max(horizontal, sampling >> 4);
        vertical = std::max(vertical, sampling & 15);
    }
    if (precision != 8 || (components != 1 && components != 3 && components != 4) || reader.remaining() != 0)
        refuse(subject, "JPEG with 8 bits and 1, 3 or 4 components",
               std::to_string(precision) + " bits and " + std::to_string(components) + " components");
    header.channels = components == 1 ? 1 : 3;
    const auto blocks = [](std::int64_t side, int sampling) {
        return static_cast<std::uint64_t>((side + 8 * sampling - 1) / (8 * sampling));
    };
    return blocks(header.width, horizontal) * blocks(header.height, vertical);
}

}  // namespace

ImageHeader inspect_jpeg(Bytes file, std::string_view subject, const ImageLimits& limits) {
    ImageHeader header;
    std::uint64_t blocks = 0, packed = 0, scans = 0;
    for_each_segment(file, subject, [&](const Segment& segment) {
        const auto data = as_text(segment.data);
        auto needed = true;
        switch (segment.marker) {
            case sof0:
            case sof0 + 1:
            case sof2:
                if (blocks != 0) refuse(subject, "one JPEG frame", "a second one");
                blocks = read_frame(segment.data, subject, header);
                check_size(header, subject, limits);
                break;
            case sos:
                if (blocks == 0) refuse(subject, "a JPEG frame before its pixels", "none");
                packed += segment.packed;
                if (++scans > max_scans ||
                    scans * static_cast<std::uint64_t>(header.width * header.height) > max_scanned_pixels)
                    refuse(subject, "a JPEG picture sent in a few scans", std::to_string(scans) + " or more");
                break;
            case soi:
            case eoi:
            case dht:
            case dqt:
            case dri:
                break;
            case app0:
                needed = data.starts_with("JFIF");
                break;
            case app14:
                needed = data.starts_with("Adobe");
                break;
            case app1:
                needed = false;
                if (data.starts_with(exif_mark)) read_exif(segment.data.subspan(exif_mark.size()), header);
                break;
            default:
                needed = false;
                if ((segment.marker < app0 || segment.marker > app15) && segment.marker != comment)
                    refuse(subject, "baseline or progressive Huffman-coded JPEG",
                           "marker " + std::to_string(segment.marker) + ", which is not read");
                if (segment.marker == app2 && data.starts_with("ICC_PROFILE")) header.has_icc_profile = true;
                break;
        }
        if (needed) append(header.pixels, segment.whole);
    });
    if (scans == 0) refuse(subject, "a JPEG picture", "no pixels");
    if (8 * packed < blocks)
        refuse(subject, "JPEG data for " + std::to_string(blocks) + " blocks of pixels",
               std::to_string(packed) + " bytes, which is too few (is the file cut short?)");
    return header;
}

std::vector<std::byte> jpeg_with_metadata(Bytes file, const ImageMetadata& metadata) {
    std::vector<std::byte> result;
    auto written = metadata.empty();
    for_each_segment(file, "JPEG encoder", [&](const Segment& segment) {
        const auto first = segment.marker == soi || segment.marker == app0;
        if (!first && !written) {
            const auto exif = exif_of(description_text(metadata));
            append(result, std::uint16_t{0xFF00 | app1}, big);
            append(result, static_cast<std::uint16_t>(2 + exif_mark.size() + exif.size()), big);
            append(result, exif_mark);
            append(result, exif);
            written = true;
        }
        if (segment.marker < app0 || segment.marker == app0 || segment.marker == app14) append(result, segment.whole);
    });
    return result;
}

}  // namespace cameo::io
