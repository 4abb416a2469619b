// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/image_container.hpp"

namespace cameo::io {

// All that cameo asks of OpenImageIO: whole pictures, from memory and to memory, by a plug-in that is named.

/// The pixels of a file that inspect() passed, not of EXR: as stored, neither alpha nor orientation applied. The
/// format's type must be the header's. Errors   bad_file: the decoder's own words, or another picture than the header
/// promised; out_of_memory
[[nodiscard]] Image decode_pixels(ImageFormat format, const ImageHeader& header, PixelFormat pixel_format,
                                  std::string_view subject);

/// The named channels of an EXR file, in the order asked for, as some f32. Errors: as above
[[nodiscard]] Image decode_exr_channels(const ImageHeader& header, std::span<const std::string> names,
                                        PixelFormat pixel_format, std::string_view subject);

/// A channel of an EXR file to be made.
struct PackedChannel {
    std::string name;
    bool half = false;  ///< 16 bits a number instead of 32
};

/// How a picture is packed.
struct Packing {
    int quality = 95;
    std::span<const PackedChannel> exr_channels{};
};

/// The bytes of a file with the image's numbers as they are. Errors: internal: the encoder's own words; out_of_memory
[[nodiscard]] std::vector<std::byte> encode_pixels(ImageFormat format, const Image& image, const Packing& packing);

}  // namespace cameo::io
