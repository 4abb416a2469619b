// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include <cameo/core/error.hpp>
#include <cameo/io/label_image.hpp>

#include "fuzz/png_checksums.hpp"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
    return mutate_with_png_checksums(data, size, max_size, seed);
}

/// Labels that are read are in the table; another mask is refused as a bad file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo;
    for (const bool nearest : {false, true}) {
        try {
            const auto map = io::decode_label_image(
                std::as_bytes(std::span(data, size)), "fuzz",
                {.nearest_colour = nearest, .limits = {.max_side = 1024, .max_bytes = std::uint64_t{4} << 20}});
            for (const auto label : map.labels())
                if (static_cast<std::size_t>(label) >= generator_label_count) std::abort();
        } catch (const Error& error) {
            if (error.code() != Errc::bad_file) std::abort();
        }
    }
    return 0;
}
