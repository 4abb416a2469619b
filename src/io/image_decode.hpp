// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "io/image_container.hpp"

namespace cameo::io {

/// A picture as its file has it: not upright, alpha as stored. The header's copy of the file is gone.
struct StoredImage {
    Image image;
    ImageFormat format;
    ImageHeader header;
};

/// With `data` the image's encoding says so. Errors: as decode_image()
[[nodiscard]] StoredImage decode_stored(Bytes file, std::string_view subject, const ImageLimits& limits, bool data);

/// The format of a file, or a refusal that lists what is accepted. Errors: bad_file
[[nodiscard]] ImageFormat format_of(Bytes file, std::string_view subject);

/// A whole file, if the limits allow it; `limits` as in ImageLimits. Errors: as read_file()
[[nodiscard]] std::vector<std::byte> read_picture_file(const std::filesystem::path& path, const ImageLimits& limits);

/// Errors   `code`, naming pixel and channel of the first NaN or infinity
void check_finite(const Image& image, std::string_view subject, Errc code);

/// The image turned and mirrored as EXIF's orientation (1 to 8) says.
[[nodiscard]] Image upright(Image image, int orientation);

}  // namespace cameo::io
