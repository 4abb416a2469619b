// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace cameo {

/// Calls act(x, y, shares) for each pixel of a square sheet whose middle lies strictly inside a triangle, either way
/// round, with the corners' shares of it, until act returns false. Edges are computed alike from both sides, told by the
/// corners' numbers, so that triangles beside each other have no pixel in common.
/// Units    pixels
template <class Act>
void for_texels_in(const std::array<std::array<double, 2>, 3>& corners, const std::array<std::uint32_t, 3>& numbers,
                   std::int64_t side, const Act& act) {
    const auto [xl, xh] = std::minmax({corners[0][0], corners[1][0], corners[2][0]});
    const auto [yl, yh] = std::minmax({corners[0][1], corners[1][1], corners[2][1]});
    const auto bounded = [&](double place) {
        return static_cast<std::int64_t>(std::clamp(place, 0.0, static_cast<double>(side)));
    };
    const auto x0 = bounded(std::floor(xl - 0.5)), x1 = bounded(std::ceil(xh + 0.5));
    const auto y0 = bounded(std::floor(yl - 0.5)), y1 = bounded(std::ceil(yh + 0.5));
    for (auto y = y0; y < y1; ++y)
        for (auto x = x0; x < x1; ++x) {
            const auto px = static_cast<double>(x) + 0.5, py = static_cast<double>(y) + 0.5;
            std::array<double, 3> edge{};  // opposite to each corner
            for (std::size_t i = 0; i < 3; ++i) {
                auto a = (i + 1) % 3, b = (i + 2) % 3;
                const auto turned = numbers[a] > numbers[b];
                if (turned) std::swap(a, b);
                const auto value = (corners[b][0] - corners[a][0]) * (py - corners[a][1]) -
                                   (corners[b][1] - corners[a][1]) * (px - corners[a][0]);
                edge[i] = turned ? -value : value;
            }
            if (!((edge[0] > 0 && edge[1] > 0 && edge[2] > 0) || (edge[0] < 0 && edge[1] < 0 && edge[2] < 0))) continue;
            const auto sum = edge[0] + edge[1] + edge[2];
            if (!act(x, y, std::array{edge[0] / sum, edge[1] / sum, edge[2] / sum})) return;
        }
}

}  // namespace cameo
