// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "field.hpp"

namespace cameo::synth {

/// A scene is anything with surface(p), normal(p, part) and quick_normal(p, part), which may be coarser: heads, and the solids that tests know in closed form.
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

/// Sphere tracing from distance `from` on, then the root of the distance along the ray: where it changes sign, to the
/// last few bits. A ray that only passes close by goes on.
template <class Scene>
[[nodiscard]] Hit trace(const Scene& scene, Vec3 origin, Vec3 direction, float from, bool quick = false) noexcept {
    constexpr float near = 0.0015F;   // from here on steps are secants
    constexpr float least = 0.0003F;  // of a step; a chord so short lies 1e-7 below a surface of radius 0.1
    constexpr float exact = 2e-6F;    // some ten times what float32 can tell at the camera's distance
    constexpr int most_steps = 400;
    const Stretch box = through_box(origin, direction);
    const auto at = [&](float t) { return scene.surface(origin + direction * t); };
    const auto hit_at = [&](float t, Part part) {
        const Vec3 point = origin + direction * t;
        return Hit{t, point, quick ? scene.quick_normal(point, part) : scene.normal(point, part), part};
    };

    float t = std::max(from, box.from);
    if (t >= box.to) return {};
    Surface here = at(t);
    if (here.distance <= 0.0F && t > box.from) here = at(t = box.from);  // the hint was beyond the surface
    if (here.distance <= 0.0F) return hit_at(t, here.part);
    float before = t, distance_before = 2.0F * here.distance;
    for (int step = 0; step < most_steps; ++step) {
        float ahead = here.distance;
        if (here.distance < near) {
            const float fall = (distance_before - here.distance) / std::max(t - before, 1e-6F);
            ahead = fall > 0.15F ? std::min(here.distance / fall, 4.0F * here.distance) + 2e-6F : ahead;
            if (fall <= 0.15F || ahead < 2e-6F) ahead = std::max(ahead, least);
        }
        before = t;
        distance_before = here.distance;
        t += ahead;
        if (t >= box.to) return {};
        here = at(t);
        if (here.distance > 0.0F) continue;
        // The sign has changed between `before` and t: false position, the end that stays twice halved (Illinois).
        float inside = t, weight_before = distance_before, weight_inside = here.distance;
        Part part = here.part;
        int stayed = 0;  // 1: `before` did, -1: `inside` did
        for (int refine = 0; refine < 16 && here.distance < -exact && inside - before > exact; ++refine) {
            const float middle = before + (inside - before) * (weight_before / (weight_before - weight_inside));
            const Surface there = at(middle);
            if (there.distance > 0.0F) {
                before = middle;
                weight_before = there.distance;
                if (stayed == -1) weight_inside *= 0.5F;
                stayed = -1;
            } else {
                inside = middle;
                here = there;
                weight_inside = there.distance;
                if (stayed == 1) weight_before *= 0.5F;
                stayed = 1;
                part = there.part;
            }
        }
        return hit_at(inside, part);
    }
    return {};
}

}  // namespace cameo::synth
