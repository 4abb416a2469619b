// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include <cameo/core/error.hpp>
#include <cameo/io/exr.hpp>
#include <cameo/io/image.hpp>

#include "fuzz/png_checksums.hpp"

namespace {

/// A picture that is read stays within the limits and is finite; another one is refused as a bad file.
template <class Read>
void check(Read read, std::int64_t max_side) {
    try {
        const cameo::Image image = read();
        if (image.width() > max_side || image.height() > max_side) std::abort();
        if (!image.empty() && image.format().type == cameo::PixelType::f32)
            for (const float value : image.values<float>())
                if (!std::isfinite(value)) std::abort();
    } catch (const cameo::Error& error) {
        if (error.code() != cameo::Errc::bad_file) std::abort();
    }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
    return mutate_with_png_checksums(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo;
    const auto bytes = std::as_bytes(std::span(data, size));
    const io::ImageLimits limits{.max_side = 1024, .max_bytes = std::uint64_t{4} << 20};
    check([&] { return io::decode_image(bytes, "fuzz", {.limits = limits}).image; }, limits.max_side);
    if (io::detected_format(bytes) == io::ImageFormat::exr)
        check([&] { return io::decode_exr(bytes, "fuzz", limits).depth; }, limits.max_side);
    else
        check([&] { return io::decode_image(bytes, "fuzz", {.channels = io::Channels::rgb, .limits = limits}).image; },
              limits.max_side);
    return 0;
}
