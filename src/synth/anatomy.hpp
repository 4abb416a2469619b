// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include <cameo/synth/head.hpp>

#include "math.hpp"

namespace cameo::synth {

/// Swellings (amplitude > 0) and hollows with soft, finite support, mirrored about x = 0. World units. Arrays, so that
/// four or eight of them are worked on at once.
struct Swellings {
    static constexpr std::size_t count = 24;
    alignas(32) std::array<float, count> x{}, y{}, z{}, inverse_x{}, inverse_y{}, inverse_z{}, amplitude{};
    std::size_t used = 0;
    float top = -1.0F, back = 1.0F;  ///< above and behind there are none

    void add(Vec3 centre, Vec3 radii, float height) noexcept {
        x[used] = centre.x, y[used] = centre.y, z[used] = centre.z;
        inverse_x[used] = 1.0F / radii.x, inverse_y[used] = 1.0F / radii.y, inverse_z[used] = 1.0F / radii.z;
        amplitude[used++] = height;
        top = std::max(top, centre.y + radii.y);
        back = std::min(back, centre.z - radii.z);
    }

    [[nodiscard]] bool reach(float py, float pz) const noexcept { return py < top && pz > back; }

    /// The sum of all at (|x|, y, z), in a fixed order.
    [[nodiscard]] float at(float ax, float py, float pz) const noexcept {
        alignas(32) std::array<float, count> term{};
        for (std::size_t i = 0; i < count; ++i) {
            const float u = (ax - x[i]) * inverse_x[i], v = (py - y[i]) * inverse_y[i], w = (pz - z[i]) * inverse_z[i];
            const float t = std::max(1.0F - (u * u + v * v + w * w), 0.0F);
            term[i] = amplitude[i] * (t * t * t);
        }
        std::array<float, 8> part{};
        for (std::size_t k = 0; k < 8; ++k) part[k] = term[k] + term[k + 8] + term[k + 16];
        return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
    }
};

/// Everything the field needs, computed once per head from its numbers: lengths in world units of the head's frame
/// (+y up, face towards +z, eyes near (+-0.084, 0.084, 0.197)).
struct Anatomy {
    // skull, face, neck
    Vec3 cranium{}, cranium_inverse{};
    Vec3 cranium_radii{};
    float face_width = 0, face_taper = 0, face_front = 0, face_back = 0;
    float menton_y = 0, jaw_slope_y = 0, jaw_slope_z = 0, jaw_round = 0;
    float neck_rx = 0, neck_rz = 0, throat = 0;
    Swellings swellings;
    // nose
    Vec3 nose_root{}, nose_bridge{}, nose_tip{}, nose_wing{}, nose_wing_inverse{}, nose_base{}, nostril{};
    float nose_root_r = 0, nose_bridge_r = 0, nose_tip_r = 0;
    // eyes: `eye` is the centre of the left one (x > 0)
    Vec3 eye{}, eye_radii{}, eye_inverse{}, lid_inverse{};
    float eye_half = 0, eye_up = 0, eye_down = 0, eye_cos = 1, eye_sin = 0, crease = 0, crease_narrow = 0,
          crease_height = 0, iris_r = 0;
    Vec3 gaze{};  // unit
    float bag = 0;
    // mouth
    float mouth_y = 0, mouth_half = 0, mouth_z = 0, lip_up = 0, lip_down = 0, lip_out_up = 0, lip_out_down = 0;
    float corner_lift = 0, corner_skew = 0, gap_up = 0, gap_down = 0, nasolabial = 0;
    // brows
    float brow_y = 0, brow_arch = 0, brow_half = 0, brow_inner = 0, brow_thick = 0, brow_tilt = 0, brow_density = 0;
    // ears
    Vec3 ear{};
    float ear_scale = 1, ear_turn_cos = 1, ear_turn_sin = 0;
    // hair
    float hair_thick = 0, hair_top = 0, hair_end = 0, hair_curl = 0, hair_wave = 0, hair_fringe = 0, hair_part = 0;
    float hairline = 0, hair_roots = 0, hair_round = 0, hair_side = 0, hair_long = 0, hair_lump = 0, hair_sweep = 0,
          hair_taper = 0;
    // colours: linear RGB
    Vec3 skin{}, lip{}, iris{}, iris_inner{}, hair{}, brow{}, cloth{}, shadow_lid{};
    float melanin = 0, blush = 0, freckles = 0, age = 0, beard = 0, beard_shadow = 0, make_up = 0, lash = 0;
    // light
    Vec3 key{}, key_colour{}, fill_colour{}, ground_colour{};
    Accessories accessories;
    // which of the two mirrored noise patterns: bounded, odd in the odd numbers
    float side = 0;
};

[[nodiscard]] Anatomy make_anatomy(const HeadNumbers& numbers, const Accessories& accessories = {}) noexcept;

}  // namespace cameo::synth
