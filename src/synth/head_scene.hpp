// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "material.hpp"
#include "raster.hpp"

namespace cameo::synth {

/// A head as raster() wants it.
struct HeadScene {
    const Anatomy& s;

    [[nodiscard]] Surface surface(Vec3 p) const noexcept;
    [[nodiscard]] Vec3 normal(Vec3 p, Part part) const noexcept;
    /// The same from fewer points, for what is averaged anyway.
    [[nodiscard]] Vec3 quick_normal(Vec3 p, Part part) const noexcept;
    [[nodiscard]] Lighting lighting(const Hit& hit) const noexcept;
    [[nodiscard]] Vec3 shade(const Hit& hit, const Lighting& lighting, Vec3 direction, float footprint,
                             FaceLabel& label) const noexcept;
};

}  // namespace cameo::synth
