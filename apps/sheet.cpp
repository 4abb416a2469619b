// SPDX-License-Identifier: Apache-2.0
#include "sheet.hpp"

#include <algorithm>
#include <cstddef>

#include <ATen/ATen.h>
#include <cameo/core/image_tensor.hpp>

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

Image on_grid(const std::vector<Image>& pictures, std::int64_t columns, std::int64_t rows) {
    const auto& first = pictures.front();
    Image sheet = blank_sheet(columns * first.width(), rows * first.height(), first.channels());
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        const auto cell = static_cast<std::int64_t>(i);
        paste(sheet, pictures[i], cell % columns * first.width(), cell / columns * first.height());
    }
    return sheet;
}

std::vector<Image> depth_pictures(const at::Tensor& depth) {
    const auto low = depth.min(), span = (depth.max() - low).clamp_min(1e-12);
    std::vector<Image> pictures;
    for (const auto& view : depth.unbind(0)) pictures.push_back(to_image(1 - 2 * (view - low) / span));
    return pictures;
}

}  // namespace cameo::apps
