// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cameo/shape/density_grid.hpp>

namespace cameo::support {

/// `density(x, y, z)` in world units on a cube of `side` points about the world's origin, `extent` wide.
template <class Density>
DensityGrid sampled_grid(std::int64_t side, double extent, const Density& density) {
    DensityGrid grid{.sides = {side, side, side},
                     .origin = {-extent / 2, -extent / 2, -extent / 2},
                     .step = extent / static_cast<double>(side - 1),
                     .values = {}};
    for (std::int64_t x = 0; x < side; ++x)
        for (std::int64_t y = 0; y < side; ++y)
            for (std::int64_t z = 0; z < side; ++z) {
                const auto at = [&](std::int64_t i) { return -extent / 2 + grid.step * static_cast<double>(i); };
                grid.values.push_back(static_cast<float>(density(at(x), at(y), at(z))));
            }
    return grid;
}

}  // namespace cameo::support
