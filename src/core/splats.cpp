// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/splats.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <cameo/core/error.hpp>

namespace cameo {

void check(const GaussianSplats& splats, std::string_view subject) {
    const auto refuse = [&](const std::string& expected, const std::string& got) {
        throw Error(Errc::invalid_argument, std::string(subject) + ": expected " + expected + ", got " + got);
    };
    const auto count = splats.positions.size();
    const auto as_many = [&](std::size_t size, const char* name) {
        if (size != count)
            refuse("as many " + std::string(name) + " as positions (" + std::to_string(count) + ')',
                   std::to_string(size));
    };
    as_many(splats.log_scales.size(), "log_scales");
    as_many(splats.rotations.size(), "rotations");
    as_many(splats.opacities.size(), "opacities");
    as_many(splats.colours.size(), "colours");
    const auto finite = [](float value) { return std::isfinite(value); };
    for (std::size_t i = 0; i < count; ++i) {
        const auto number = " of index " + std::to_string(i);
        if (!std::ranges::all_of(splats.positions[i], finite)) refuse("finite positions", "another" + number);
        if (!std::ranges::all_of(splats.log_scales[i], finite)) refuse("finite log_scales", "another" + number);
        if (!std::ranges::all_of(splats.colours[i], finite)) refuse("finite colours", "another" + number);
        if (!finite(splats.opacities[i])) refuse("finite opacities", "another" + number);
        if (!std::ranges::all_of(splats.rotations[i], finite) ||
            std::ranges::all_of(splats.rotations[i], [](float value) { return value == 0.0F; }))
            refuse("rotations that are finite and not 0", "another" + number);
    }
    if (!(splats.metres_per_unit > 0.0) || !std::isfinite(splats.metres_per_unit))
        refuse("a positive scale", std::to_string(splats.metres_per_unit));
}

}  // namespace cameo
