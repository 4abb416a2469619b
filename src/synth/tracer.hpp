// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "field.hpp"

namespace cameo::synth {

/// A scene is anything with surface(p) and normal(p, part): heads, and the solids that tests know in closed form.
/// Where a ray ends.
struct Hit {
    float distance = 0.0F;   ///< along the ray, world units; 0 when nothing is hit
    Vec3 point{}, normal{};  ///< normal: geometric, outward, unit
    Part part = Part::nothing;

    explicit operator bool() const noexcept { return part != Part::nothing; }
};

/// The stretch of a ray inside the box of side 1.
struct Stretch {
    float from = 0.0F, to = -1.0F;
};
[[nodiscard]] inline Stretch through_box(Vec3 origin, Vec3 direction, float half = 0.5F) noexcept {
    Stretch s{0.0F, 1e9F};
    const auto slab = [&](float o, float d) {
        const float inverse = 1.0F / (std::abs(d) > 1e-9F ? d : 1e-9F);
        const float a = (-half - o) * inverse, b = (half - o) * inverse;
        s.from = std::max(s.from, std::min(a, b));
        s.to = std::min(s.to, std::max(a, b));
    };
    slab(origin.x, direction.x);
    slab(origin.y, direction.y);
    slab(origin.z, direction.z);
    return s;
}

/// How far all rays of a narrow cone may go before they can meet anything. Units  spread: radius of the cone at
/// distance 1
template <class Scene>
[[nodiscard]] float free_stretch(const Scene& scene, Vec3 origin, Vec3 direction, float spread) noexcept {
    const Stretch box = through_box(origin, direction, 0.5F + 4.0F * spread);
    float t = box.from;
    while (t < box.to) {
        const float clear = scene.surface(origin + direction * t).distance - spread * t - 0.002F;
        if (clear < 0.004F) return t;
        t += clear / (1.0F + spread);
    }
    return 1e9F;
}

/// Sphere tracing from distance `from` on.
template <class Scene>
[[nodiscard]] Hit trace(const Scene& scene, Vec3 origin, Vec3 direction, float from) noexcept {
    constexpr float close = 0.0003F;
    constexpr int most_steps = 160;
    const Stretch box = through_box(origin, direction);
    Hit hit;
    float t = std::max(from, box.from);
    for (int step = 0; step < most_steps && t < box.to; ++step) {
        const Surface surface = scene.surface(origin + direction * t);
        if (surface.distance < close) {
            hit.part = surface.part;
            hit.normal = scene.normal(origin + direction * t, hit.part);
            // The rest of the way is longer the flatter the ray comes in.
            hit.distance = t + surface.distance / std::max(-dot(hit.normal, direction), 0.2F);
            hit.point = origin + direction * hit.distance;
            break;
        }
        t += surface.distance;
    }
    return hit;
}

}  // namespace cameo::synth
