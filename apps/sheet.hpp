// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/image.hpp>

namespace cameo::apps {

/// A white page for pictures. Shapes: channels 1 or 3, 8 bit
[[nodiscard]] Image blank_sheet(std::int64_t width, std::int64_t height, std::int64_t channels = 3);

/// Copies a picture of the sheet's format into it, its upper left corner at (x, y), where it must fit.
void paste(Image& sheet, const Image& picture, std::int64_t x, std::int64_t y);

/// Pictures of one size and format, row by row; places without one stay white.
[[nodiscard]] Image on_grid(const std::vector<Image>& pictures, std::int64_t columns, std::int64_t rows);

/// Near is bright; from the nearest to the farthest of all these views, so that they compare.
/// Shapes   depth [N, C, H, W], C 1 or 3; returns N pictures of C channels
[[nodiscard]] std::vector<Image> depth_pictures(const at::Tensor& depth);

}  // namespace cameo::apps
