// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/density_grid.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <cameo/core/error.hpp>

namespace cameo {

void check(const DensityGrid& grid) {
    std::size_t points = 1;
    for (const auto side : grid.sides) {
        if (side < 2 || side > max_grid_side)
            throw Error(Errc::invalid_argument, "density grid: expected sides of 2 to " +
                                                    std::to_string(max_grid_side) + " points, got " +
                                                    std::to_string(side));
        points *= static_cast<std::size_t>(side);
    }
    if (!(grid.step > 0.0) || !std::isfinite(grid.step))
        throw Error(Errc::invalid_argument, "density grid: expected a positive step, got " + std::to_string(grid.step));
    if (grid.values.size() != points)
        throw Error(Errc::invalid_argument, "density grid: expected " + std::to_string(points) + " values, got " +
                                                std::to_string(grid.values.size()));
    const auto bad = std::ranges::find_if_not(grid.values, [](float value) { return std::isfinite(value); });
    if (bad != grid.values.end())
        throw Error(Errc::invalid_argument, "density grid: expected finite values, got another at index " +
                                                std::to_string(bad - grid.values.begin()));
}

void close_border(DensityGrid& grid, std::int64_t count, float value) {
    const auto outside = [&](std::int64_t i, std::size_t axis) { return i < count || i >= grid.sides[axis] - count; };
    for (std::int64_t x = 0; x < grid.sides[0]; ++x)
        for (std::int64_t y = 0; y < grid.sides[1]; ++y) {
            auto* row = grid.values.data() + (x * grid.sides[1] + y) * grid.sides[2];
            const auto whole = outside(x, 0) || outside(y, 1);
            for (std::int64_t z = 0; z < grid.sides[2]; ++z)
                if (whole || outside(z, 2)) row[z] = value;
        }
}

std::array<float, 2> value_range(const DensityGrid& grid, float ignored) {
    std::array range{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
    for (const float value : grid.values) {
        if (value == ignored) continue;
        range = {std::min(range[0], value), std::max(range[1], value)};
    }
    return range;
}

}  // namespace cameo
