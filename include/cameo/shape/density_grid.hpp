// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// Densities on a regular lattice.
/// Shapes   values[(x * sides[1] + y) * sides[2] + z]: z runs fastest
/// Units    densities are raw, as fields give them; the lattice point (x, y, z) is at origin + step (x, y, z), in world
///          units
struct DensityGrid {
    std::array<std::int64_t, 3> sides{};
    Vector3 origin{};
    double step = 1.0;
    std::vector<float> values;

    [[nodiscard]] float at(std::int64_t x, std::int64_t y, std::int64_t z) const {
        return values[static_cast<std::size_t>((x * sides[1] + y) * sides[2] + z)];
    }
};

/// At most so many points along one side.
inline constexpr std::int64_t max_grid_side = 1024;

/// Passes when every side is 2 to max_grid_side, the step is positive, and there are as many finite values as points.
/// Errors   invalid_argument: naming the part
CAMEO_API void check(const DensityGrid& grid);

/// Sets the `count` outermost layers of all six faces to `value`, so that a surface inside closes there.
CAMEO_API void close_border(DensityGrid& grid, std::int64_t count, float value);

/// The lowest and the highest value, leaving out those of `ignored` (a border).
[[nodiscard]] CAMEO_API std::array<float, 2> value_range(const DensityGrid& grid, float ignored);

}  // namespace cameo
