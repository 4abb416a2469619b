// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "anatomy.hpp"

namespace cameo::synth {

/// What a surface point belongs to; labels and colours are decided from this and the place.
enum class Part : std::uint8_t { nothing, skin, eye, mouth, teeth, hair, cloth, glasses, hat, mask, hand };

struct Surface {
    float distance = 1.0F;
    Part part = Part::nothing;
};

/// Coordinates of the eyelids in front of the face: u towards the temple, v upwards, 0 between the corners.
struct EyePlace {
    float u, v, upper, lower;  ///< world units; the lids' edges at this u
    float opening;             ///< negative between the lids
};
[[nodiscard]] inline EyePlace eye_place(const Anatomy& s, Vec3 p) noexcept {
    const float x = std::abs(p.x) - s.eye.x, y = p.y - s.eye.y;
    EyePlace e{};
    e.u = s.eye_cos * x + s.eye_sin * y;
    e.v = s.eye_cos * y - s.eye_sin * x;
    const float t = e.u / s.eye_half, arch = 1.0F - t * t;
    e.upper = s.eye_up * arch * (1.0F - 0.22F * t);
    e.lower = -s.eye_down * arch * (1.0F + 0.28F * t) - 0.0015F * t;
    e.opening = std::max(e.v - e.upper, e.lower - e.v);
    return e;
}

/// Coordinates of the mouth in front of the face.
struct MouthPlace {
    float xm;                                          ///< across, -1 and 1 at the corners
    float middle;                                      ///< height of the line between the lips
    float inner_up, inner_down, outer_up, outer_down;  ///< heights of the lips' edges
    float opening;                                     ///< negative between the open lips
};
[[nodiscard]] inline MouthPlace mouth_place(const Anatomy& s, Vec3 p) noexcept {
    MouthPlace m{};
    m.xm = p.x / s.mouth_half;
    const float q = m.xm * m.xm, arch = 1.0F - q, dip = bump(q * 14.0F);
    m.middle = s.mouth_y + s.corner_lift * q + s.corner_skew * m.xm * std::min(q, 1.5F) - 0.0022F * dip +
               0.0012F * bump(square(std::abs(m.xm) - 0.42F) * 10.0F);
    const auto gap = [&](float g) {
        return g > 0.0F ? g * arch : g * (1.0F + q);
    };  // closed lips stay closed beyond the corners
    const float up = m.middle + gap(s.gap_up), down = m.middle - gap(s.gap_down);
    m.opening = std::max(std::max(p.y - up, down - p.y), (std::abs(m.xm) - 0.985F) * s.mouth_half);
    m.inner_up = m.middle + std::max(s.gap_up, 0.0F) * arch;
    m.inner_down = m.middle - std::max(s.gap_down, 0.0F) * arch;
    const float bow = 1.0F - 0.26F * bump(q * 22.0F);
    m.outer_up = m.inner_up + s.lip_up * arch * bow * (1.0F - 0.35F * q) * 1.08F;
    m.outer_down = m.inner_down - s.lip_down * arch * (1.0F + 0.10F * q);
    return m;
}

/// Where the face is cut off below: negative above the edge of the jaw, which rises towards the ears.
[[nodiscard]] inline float jaw_edge(const Anatomy& s, Vec3 p) noexcept {
    return s.jaw_slope_y * (p.y - s.menton_y) + s.jaw_slope_z * (p.z - 0.20F);
}

/// Height of the brow's middle line at |x|, and its half thickness; negative thickness outside the brow.
struct BrowPlace {
    float along;   ///< 0 at the inner end, 1 at the outer
    float offset;  ///< height above the middle line
    float half;    ///< half thickness there
};
[[nodiscard]] inline BrowPlace brow_place(const Anatomy& s, Vec3 p) noexcept {
    BrowPlace b{};
    b.along = (std::abs(p.x) - s.brow_inner) / s.brow_half;
    const float a = b.along, peak = 0.62F;
    const float rise = a < peak ? 1.0F - square((peak - a) / peak) : 1.0F - 1.35F * square((a - peak) / (1.0F - peak));
    const float middle = s.brow_y + s.brow_arch * rise - s.brow_tilt * (1.0F - saturate(a * 1.6F)) - 0.004F * a;
    b.offset = p.y - middle;
    b.half = s.brow_thick * smooth_step(-0.06F, 0.16F, a) * (1.0F - 0.72F * smooth_step(0.45F, 1.05F, a)) *
             (a < 1.05F ? 1.0F : 0.0F);
    return b;
}

/// Coordinates on the hair: which strand, and how far along it.
struct Strand {
    float across, along;
    Vec3 tangent;
    float apart;  ///< 0 where strands meet at the parting, 1 away from it
    float hand;   ///< 1 left of the parting, -1 right of it: a cross product needs it to mirror
};
[[nodiscard]] Strand strand_at(const Anatomy& s, Vec3 p) noexcept;

/// The noise that mirrors with the numbers (Anatomy::side).
[[nodiscard]] inline float sided_noise(const Anatomy& s, Vec3 p, float frequency) noexcept {
    const float right = 0.5F + 0.5F * s.side, left = 0.5F - 0.5F * s.side;
    return noise(p * frequency) * right + noise(Vec3{-p.x, p.y, p.z} * frequency) * left;
}

/// The eyes' ellipsoids lean back towards the temples.
[[nodiscard]] inline Vec3 sheared_eye(Vec3 q) noexcept { return {q.x, q.y, q.z + 0.16F * q.x}; }

/// Curls: rounded tufts, 1 on their crests and -1 between them.
[[nodiscard]] inline float curl_at(const Anatomy& s, Vec3 p) noexcept {
    return std::clamp(1.1F * sided_noise(s, p, 27.0F) + 0.5F * sided_noise(s, p + Vec3{0.0F, 5.0F, 0.0F}, 52.0F), -1.0F,
                      1.0F);
}

/// Where a beard grows, 0 to 1, without its ragged edge.
[[nodiscard]] float beard_region(const Anatomy& s, Vec3 p, const MouthPlace& m, float ragged) noexcept;

/// How far inside the region where hair grows a point near the scalp is; negative outside.
[[nodiscard]] float hair_growth(const Anatomy& s, Vec3 p) noexcept;

/// To the ellipsoid of the skull, on which skin and hair rest: known once, it serves both.
[[nodiscard]] float cranium_distance(const Anatomy& s, Vec3 p) noexcept;
[[nodiscard]] float skin_distance(const Anatomy& s, Vec3 p, float cranium) noexcept;
/// May stop at a lower bound that is `limit` or more.
[[nodiscard]] float hair_distance(const Anatomy& s, Vec3 p, float cranium, float limit) noexcept;

/// The distance to one part alone, without regard to what lies before it. Near that part's own surface only.
[[nodiscard]] float part_distance(const Anatomy& s, Vec3 p, Part part) noexcept;

/// Distance to the nearest surface and whose it is; see Head::distance().
[[nodiscard]] Surface head_surface(const Anatomy& s, Vec3 p) noexcept;

}  // namespace cameo::synth
