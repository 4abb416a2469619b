// SPDX-License-Identifier: Apache-2.0
#include "io/video_container.hpp"

#include <bit>

extern "C" {
#include <libavformat/avio.h>
}

namespace cameo::io {
namespace {

constexpr std::uint32_t riff = 0x52494646, ebml = 0x1a45dfa3;

/// Bytes from the start of a part to the start of the next; nothing when the part goes on to the end of the file.
using Length = std::optional<std::uint64_t>;

Length box_length(AVIOContext& input, std::uint32_t first) {
    (void)avio_rb32(&input);  // the name
    if (first == 1) return avio_rb64(&input);
    return first == 0 ? Length{} : first;
}

Length riff_length(AVIOContext& input) {
    const std::uint64_t size = avio_rl32(&input);
    if (size == 0 || size == 0xffffffff) return {};  // as recorders to a pipe leave it
    return 8 + size + size % 2;
}

/// A number of EBML: as many bytes follow the first as it has leading zeros.
std::uint64_t ebml_number(AVIOContext& input, bool keep_marker) {
    const auto first = static_cast<std::uint8_t>(avio_r8(&input));
    const int more = std::countl_zero(first);
    if (more > 7) return ~std::uint64_t{0};
    std::uint64_t value = keep_marker ? first : first & (0x7fu >> static_cast<unsigned>(more));
    bool all_ones = !keep_marker && value == (0x7fu >> static_cast<unsigned>(more));
    for (int i = 0; i < more; ++i) {
        const auto byte = static_cast<std::uint8_t>(avio_r8(&input));
        all_ones = all_ones && byte == 0xff;
        value = value << 8u | byte;
    }
    return all_ones ? ~std::uint64_t{0} : value;
}

Length ebml_length(AVIOContext& input, std::int64_t start) {
    (void)avio_seek(&input, start, SEEK_SET);
    (void)ebml_number(input, true);
    const auto size = ebml_number(input, false);
    if (size == ~std::uint64_t{0}) return {};  // a live stream
    return static_cast<std::uint64_t>(avio_tell(&input) - start) + size;
}

}  // namespace

std::optional<std::uint64_t> missing_end(AVIOContext& input) {
    const auto size = avio_size(&input);
    if (size < 8 || avio_seek(&input, 0, SEEK_SET) < 0) return {};
    const auto kind = avio_rb32(&input);
    std::uint64_t place = 0;
    while (place + 8 <= static_cast<std::uint64_t>(size)) {  // fewer bytes are no part
        const auto start = static_cast<std::int64_t>(place);
        if (avio_seek(&input, start, SEEK_SET) < 0) return {};
        const auto first = avio_rb32(&input);
        const auto length = kind == ebml   ? ebml_length(input, start)
                            : kind == riff ? riff_length(input)
                                           : box_length(input, first);
        if (!length || *length < 2) return {};
        if (*length > static_cast<std::uint64_t>(size) - place) return place + *length;
        place += *length;
    }
    return {};
}

}  // namespace cameo::io
