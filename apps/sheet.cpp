// SPDX-License-Identifier: Apache-2.0
#include "sheet.hpp"

#include <algorithm>

namespace cameo::apps {

Image blank_sheet(std::int64_t width, std::int64_t height, std::int64_t channels) {
    Image sheet(width, height, channels, srgb8);
    std::ranges::fill(sheet.values<std::uint8_t>(), std::uint8_t{255});
    return sheet;
}

void paste(Image& sheet, const Image& picture, std::int64_t x, std::int64_t y) {
    const auto first = static_cast<std::size_t>(x * sheet.channels());
    const auto count = static_cast<std::size_t>(picture.width() * picture.channels());
    for (std::int64_t row = 0; row < picture.height(); ++row)
        std::ranges::copy(picture.row<std::uint8_t>(row),
                          sheet.row<std::uint8_t>(y + row).subspan(first, count).begin());
}

}  // namespace cameo::apps
