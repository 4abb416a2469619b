// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cameo/core/image.hpp>

namespace cameo::apps {

/// A white page for pictures. Shapes: channels 1 or 3, 8 bit
[[nodiscard]] Image blank_sheet(std::int64_t width, std::int64_t height, std::int64_t channels = 3);

/// Copies a picture of the sheet's format into it, its upper left corner at (x, y), where it must fit.
void paste(Image& sheet, const Image& picture, std::int64_t x, std::int64_t y);

}  // namespace cameo::apps
