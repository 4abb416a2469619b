// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// Changes an input as libFuzzer does, then makes the checksums of a PNG right: without that hardly any would get further.
/// One in sixteen keeps wrong ones.
inline std::size_t mutate_with_png_checksums(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                             unsigned int seed) {
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 16 == 0 || size < 8 || std::memcmp(data, "\x89PNG\r\n\x1a\n", 8) != 0) return size;
    for (std::size_t at = 8; size - at >= 12;) {
        const auto length = std::uint32_t{data[at]} << 24U | std::uint32_t{data[at + 1]} << 16U |
                            std::uint32_t{data[at + 2]} << 8U | data[at + 3];
        if (length > size - at - 12) break;
        const auto sum = ::crc32_z(0, data + at + 4, std::size_t{length} + 4);
        for (unsigned i = 0; i < 4; ++i) data[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24U - 8U * i));
        at += std::size_t{length} + 12;
    }
    return size;
}
