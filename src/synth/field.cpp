// SPDX-License-Identifier: Apache-2.0
#include "field.hpp"

namespace cameo::synth {
namespace {

/// Is the ball about `centre` farther than `reach` from p? Then what it holds cannot change a smooth minimum.
bool beyond(Vec3 p, Vec3 centre, float radius, float reach) noexcept {
    const Vec3 v = p - centre;
    const float limit = radius + reach;
    return limit <= 0.0F || dot(v, v) >= limit * limit;
}

/// Skull, face and neck without features; `cranium`: cranium_distance(s, p).
float egg(const Anatomy& s, Vec3 p, float cranium) noexcept {
    const float below = std::max(0.06F - p.y, 0.0F);
    const float width = s.face_width / (1.0F + s.face_taper * below * below);
    const float dz = p.z - 0.02F, u = p.x / width, v = dz / (dz > 0.0F ? s.face_front : s.face_back);
    const float u2 = u * u, v2 = v * v;
    const float r = std::max(0.62F * std::sqrt(u2 + v2) + 0.38F * std::sqrt(std::sqrt(u2 * u2 + v2 * v2)), 0.05F);
    const float rho = std::sqrt(p.x * p.x + dz * dz);
    const float wall = (rho - rho / r) * 0.93F;
    const float jaw = jaw_edge(s, p);
    float face = smooth_max(wall, jaw, s.jaw_round);
    face = smooth_max(face, p.y - 0.155F, 0.09F);
    float head = smooth_min(cranium, face, 0.06F);
    if (p.y > head + 0.08F) return head;  // the neck is too far below to blend with
    const float lean = -0.045F + 0.13F * std::min(p.y + 0.1F, 0.15F);
    const Vec3 q{p.x / s.neck_rx, 0.0F, (p.z - lean) / s.neck_rz};
    float neck = (length(q) - 1.0F) * s.neck_rx * 0.97F;
    neck = std::max(neck, p.y - 0.02F);
    const float ax = std::abs(p.x);
    const float muscle = capsule({ax, p.y, p.z}, {0.118F, -0.07F, -0.055F}, {0.030F, -0.43F, 0.045F}, 0.030F, 0.022F);
    neck = smooth_min(neck, muscle, 0.045F);
    if (s.throat > 0.0F)
        neck -= s.throat * bump(square(p.x * 28.0F) + square((p.y + 0.325F) * 22.0F) + square((p.z - 0.09F) * 10.0F));
    return smooth_min(head, neck, 0.045F);
}

/// A stretch of the nose's ridge: round in front, and a wedge that widens towards the face behind.
float ridge(Vec3 p, Vec3 a, Vec3 b, float ra, float rb, float flare) noexcept {
    const float t = saturate((a.y - p.y) / (a.y - b.y));
    const Vec3 axis = mix(a, b, t), v = p - axis;
    const float behind = std::max(-v.z, 0.0F), ahead = std::max(v.z, 0.0F);
    return (std::sqrt(v.x * v.x + v.y * v.y + ahead * ahead) - mix(ra, rb, t) - flare * std::min(behind, 0.06F)) *
           0.88F;
}

float nose(const Anatomy& s, Vec3 p, float ax) noexcept {
    const Vec3 q{ax, p.y, p.z};
    float d = ridge(q, s.nose_root, s.nose_bridge, s.nose_root_r, s.nose_bridge_r, 0.40F);
    d = smooth_min(d, ridge(q, s.nose_bridge, s.nose_tip, s.nose_bridge_r, s.nose_tip_r * 0.84F, 0.40F), 0.006F);
    d = smooth_min(d, length(q - s.nose_tip - Vec3{0.0F, 0.0F, 0.001F}) - s.nose_tip_r * 0.96F, 0.012F);
    d = smooth_min(d, ellipsoid(q - s.nose_wing, s.nose_wing_inverse), 0.020F);
    return d;
}

float ear(const Anatomy& s, Vec3 p, float ax) noexcept {
    Vec3 q = (Vec3{ax, p.y, p.z} - s.ear) * (1.0F / s.ear_scale);
    q = {s.ear_turn_cos * q.x + s.ear_turn_sin * q.z, q.y,
         s.ear_turn_cos * q.z - s.ear_turn_sin * q.x};  // x: out of the plate
    constexpr float c = 0.970F, n = 0.243F;             // leans back
    q = {q.x, c * q.y - n * q.z, c * q.z + n * q.y};
    q.z += 0.034F;
    const float narrow = 1.0F - 2.2F * std::min(q.y + 0.01F, 0.06F) * -1.0F * (q.y < -0.01F ? 1.0F : 0.0F);
    const float ey = q.y / 0.078F, ez = q.z / (0.046F * std::max(narrow, 0.6F));
    const float rr = std::sqrt(ey * ey + ez * ez), ring = (rr - 1.0F) * 0.050F;
    float plate = std::sqrt(square(std::max(ring, 0.0F)) + square(std::max(std::abs(q.x) - 0.006F, 0.0F))) - 0.005F;
    plate = ring < 0.0F ? std::max(plate, std::abs(q.x) - 0.011F) : plate;
    const float rim = std::sqrt(square(ring + 0.005F) + square(q.x - 0.008F)) - 0.0075F;
    float d = smooth_min(plate, rim, 0.008F);
    const float inner =
        std::sqrt(
            square((std::sqrt(square((q.y - 0.004F) / 0.048F) + square((q.z - 0.006F) / 0.028F)) - 1.0F) * 0.034F) +
            square(q.x - 0.007F)) -
        0.0045F;
    d = smooth_min(d, inner, 0.008F);  // antihelix
    d = smooth_max(d, -ellipsoid(q - Vec3{0.016F, -0.004F, 0.012F}, {1.0F / 0.015F, 1.0F / 0.026F, 1.0F / 0.019F}),
                   0.008F);                                                          // concha
    d = smooth_min(d, length(q - Vec3{0.006F, -0.010F, 0.034F}) - 0.0085F, 0.010F);  // tragus
    d = smooth_min(d, ellipsoid(q - Vec3{0.002F, -0.070F, 0.010F}, {1.0F / 0.010F, 1.0F / 0.018F, 1.0F / 0.018F}),
                   0.016F);  // lobe
    return d * s.ear_scale * 0.9F;
}

}  // namespace

float cranium_distance(const Anatomy& s, Vec3 p) noexcept { return ellipsoid(p - s.cranium, s.cranium_inverse); }

float skin_distance(const Anatomy& s, Vec3 p, float cranium) noexcept {
    const float ax = std::abs(p.x);
    float d = egg(s, p, cranium);
    if (d > 0.16F) return d - 0.09F;  // far away a lower bound does: nothing below reaches out that far

    if (s.swellings.reach(p.y, p.z)) d -= s.swellings.at(ax, p.y, p.z);
    if (p.z > 0.08F) {
        if (!beyond(p, {0.0F, 0.045F, 0.25F}, 0.125F, d + 0.048F)) {
            const float upper = smooth_step(-0.03F, 0.06F, p.y);
            d = smooth_min(d, nose(s, p, ax), mix(0.028F, 0.048F, upper));
            if (p.y < 0.02F) {
                const Vec3 h = Vec3{ax, p.y, p.z} - s.nostril;
                const Vec3 turned{0.90F * h.x + 0.43F * h.z * 0.3F, h.y, h.z - 0.35F * h.x};
                const float hole =  // an ellipsoid's distance, never more than the true one
                    0.0062F * (length(turned * Vec3{1.0F / 0.0085F, 1.0F / 0.0062F, 1.0F / 0.0125F}) - 1.0F);
                d = smooth_max(d, -hole, 0.006F);
                const Vec3 w = Vec3{ax, p.y, p.z} - (s.nose_wing + Vec3{0.0125F, 0.006F, -0.004F});
                d += 0.0035F *
                     bump(square(w.x * 130.0F) + square(w.y * 40.0F) + square(w.z * 25.0F));  // crease of the wing
            }
        }
        // Eyes: a ball of lid, then the slit between the lids.
        const Vec3 at_eye = Vec3{ax, p.y, p.z} - s.eye;
        const float from_eye = dot(at_eye, at_eye);
        if (from_eye < square(0.115F)) {
            d = smooth_min(d, ellipsoid(sheared_eye(at_eye), s.lid_inverse), 0.020F);
            const EyePlace e = eye_place(s, p);
            const float t = e.u / (s.eye_half * 1.18F),
                        fade = bump(t * t * 0.9F) * smooth_step(square(0.105F), square(0.075F), from_eye);
            if (fade > 0.0F) {
                const float fold = e.v - e.upper - s.crease_height * (0.75F + 0.25F * (1.0F - t * t));
                d += s.crease * fade * bump(square(fold * s.crease_narrow));
                d -= 0.5F * s.crease * fade * bump(square((fold - 0.0085F) * 100.0F));
                d += 0.0008F * fade * bump(square((e.v - e.lower + 0.0085F) * 110.0F));
                d += s.bag * fade * bump(square((e.v - e.lower + 0.0175F) * 75.0F));
            }
            // The slit widens away from the ball, so that brow and cheek never overhang it; not at its corners.
            const float corner = square(e.u / s.eye_half);
            const float off = std::max(ellipsoid(sheared_eye(at_eye), s.eye_inverse) - 0.0045F, 0.0F);
            d = smooth_max(d,
                           std::min(std::min(0.9F * off, 0.013F) * saturate(2.2F - 2.2F * corner) - e.opening,
                                    p.z - s.eye.z + 0.004F),
                           0.0035F);
        }
        // Mouth.
        if (p.y > s.mouth_y - 0.11F && p.y < s.mouth_y + 0.075F && ax < 0.13F) {
            const MouthPlace m = mouth_place(s, p);
            const float q = m.xm * m.xm, inside = q < 1.0F ? 1.0F - q : 0.0F;
            const float front = smooth_step(0.10F, 0.19F, p.z);
            if (inside > 0.0F) {
                const float up = (p.y - m.inner_up) / (m.outer_up - m.inner_up + 0.004F);
                const float down = (m.inner_down - p.y) / (m.inner_down - m.outer_down + 0.004F);
                const float full = inside * (2.0F - inside) * front;
                d -= s.lip_out_up * full * bump(square((up - 0.48F) * 1.05F));
                d -= s.lip_out_down * full * bump(square((down - 0.46F) * 1.00F));
                const float seam =
                    (p.y - 0.5F * (m.inner_up + m.inner_down)) / (0.0058F + 0.5F * (m.inner_up - m.inner_down));
                d += 0.0036F * std::min(inside * 2.0F, 1.0F) * front * bump(square(seam) * 0.9F);
            }
            d = smooth_max(d, std::min(-m.opening, p.z - 0.150F - 0.055F * std::min(q * q, 1.0F)), 0.005F);
        }
        // Fold from the nose's wing past the mouth's corner.
        if (s.nasolabial > 0.0F && p.y < 0.03F && p.y > -0.17F) {
            const float t = saturate((-0.008F - p.y) / 0.105F);
            const float line = 0.047F + 0.040F * t + 0.010F * t * (1.0F - t) * 2.0F;
            const float reach = bump(square((t - 0.45F) * 1.55F));
            d += s.nasolabial * reach * bump(square((ax - line) * 75.0F));
            d -= 0.6F * s.nasolabial * reach * bump(square((ax - line - 0.014F) * 55.0F));
        }
        if (s.age > 0.02F && p.y > 0.16F && p.y < 0.27F) {  // lines of the forehead
            const float wander = noise(Vec3{ax * 17.0F, p.y * 30.0F, 3.0F});
            const float y = p.y + 0.010F * bump(square(ax * 8.0F)) - 0.003F * wander;
            const float wave = 0.5F + 0.5F * sin_of(y * 262.0F);
            d += 0.0012F * s.age * (0.65F + 0.35F * wander) * wave * wave * bump(square(ax * 6.6F)) *
                 bump(square((p.y - 0.213F) * 19.0F));
        }
    }
    if (s.beard > 0.0F && p.y < 0.07F && p.z > -0.06F) {  // a full beard has body
        const MouthPlace m = mouth_place(s, p);
        const float cover = beard_region(s, p, m, 0.0F);
        if (cover > 0.0F)
            d -=
                s.beard * cover * (0.0075F + 0.0018F * noise(Vec3{ax * 55.0F + 20.0F * p.y, p.y * 22.0F, p.z * 30.0F}));
    }
    if (ax > 0.12F && !beyond({ax, p.y, p.z}, s.ear + Vec3{0.02F, 0.0F, -0.03F}, 0.115F * s.ear_scale, d + 0.02F))
        d = smooth_min(d, ear(s, p, ax), 0.012F);
    return d * 0.9F;
}

float beard_region(const Anatomy& s, Vec3 p, const MouthPlace& m, float ragged) noexcept {
    const float ax = std::abs(p.x);
    if (p.y > 0.07F || p.z < -0.06F) return 0.0F;
    // From the corner of the mouth along the cheek, then up in front of the ear.
    const float cheek_line = -0.090F + 0.26F * std::max(ax - 0.055F, 0.0F) +
                             5.0F * square(std::max(ax - 0.115F, 0.0F)) + 0.115F * smooth_step(0.115F, 0.035F, p.z) +
                             ragged;
    float cover = smooth_step(cheek_line + 0.024F, cheek_line - 0.026F, p.y);
    // The moustache falls from below the nose to both sides of the mouth.
    const float top = s.nose_base.y - 0.001F - 10.0F * ax * ax + 0.6F * ragged;
    const float moustache = smooth_step(top + 0.004F, top - 0.016F, p.y) * smooth_step(0.092F, 0.066F, ax) *
                            smooth_step(0.10F, 0.18F, p.z) * (1.0F - 0.35F * bump(square(ax * 110.0F)));
    cover = std::max(cover, moustache);
    if (m.xm * m.xm < 1.4F && p.z > 0.13F) {
        const float beside = std::max(std::abs(m.xm) - 0.96F, 0.0F) * s.mouth_half;
        const float outside = std::max(std::max(p.y - m.outer_up, m.outer_down - p.y), beside) + 0.3F * ragged;
        cover *= smooth_step(-0.001F, 0.010F, outside);
        cover *= 1.0F - 0.45F * bump(square(std::abs(m.xm) * 1.6F - 0.9F) * 3.0F +
                                     square((p.y - m.outer_down + 0.014F) * 55.0F));
    }
    const float throat = s.menton_y - 0.02F + 0.27F * (0.20F - p.z) + ragged;
    return cover * smooth_step(throat - 0.035F, throat + 0.02F, p.y) * smooth_step(0.07F, 0.045F, p.y) *
           smooth_step(-0.06F, -0.03F, p.z);
}

Strand strand_at(const Anatomy& s, Vec3 p) noexcept {
    // Hair flows away from a line on top of the head, the parting, then falls.
    const float part_x = 0.045F * s.hair_part;
    const float x = p.x - part_x;
    const float z = p.z + 0.02F, run = std::clamp(z, -0.09F, 0.14F), off = z - run;
    const float radial = std::sqrt(x * x + off * off) + 1e-4F;
    const float angle = atan2_of(off, std::abs(x));
    const float height = p.y - 0.40F;
    Strand t{};
    t.hand = x < 0.0F ? -1.0F : 1.0F;
    t.across = run * 5.0F + angle * 0.9F;
    t.along = std::sqrt(radial * radial + height * height);
    t.apart = smooth_step(0.02F, 0.14F, radial);
    const float flat = smooth_step(-0.24F, 0.02F, height);  // on the crown strands run outwards, lower they hang
    const Vec3 out{x / radial, 0.0F, off / radial};
    t.tangent = normalized(out * flat + Vec3{0.0F, -1.0F + 0.4F * flat, 0.0F});
    const float wave = s.hair_wave * (0.035F + 0.05F * s.hair_curl);
    t.across += wave * sin_of(t.along * (30.0F + 25.0F * s.hair_curl) + 5.0F * noise(t.across * 3.0F, 0.5F));
    return t;
}

namespace {

struct Rough {
    float ragged, tuft;  ///< noise in [-1, 1]
};

float growth(const Anatomy& s, Vec3 p, Rough rough) noexcept {
    // Above a line from the forehead down to the temple, in front of the ear, behind it down to the nape.
    const float ax = std::abs(p.x);
    const float temple = bump(square((ax - 0.100F) * 15.0F));
    const float recede = s.hairline + temple * (0.006F + 0.75F * std::max(s.hairline, 0.0F));
    const float fringe =
        s.hair_fringe * (0.105F + 0.022F * rough.tuft + 0.009F * rough.ragged - 0.32F * s.hair_sweep * p.x);
    const float front =
        (0.072F + (p.y - 0.15F) * 1.16F - p.z) * 0.653F - recede + fringe + 0.0025F * rough.ragged - 0.10F * ax * ax;
    const float side = mix(-0.080F, 0.050F, smooth_step(-0.035F, 0.05F, p.y)) - p.z + 0.004F * rough.ragged;
    return smooth_min(smooth_max(front, side, 0.03F), p.y + 0.115F + 0.006F * rough.ragged, 0.03F);
}

/// By how much roughness can change growth().
float growth_reach(const Anatomy& s) noexcept { return 0.006F + 0.031F * s.hair_fringe; }

}  // namespace

float hair_growth(const Anatomy& s, Vec3 p) noexcept {
    const float ax = std::abs(p.x);
    const float ragged = noise(Vec3{ax * 75.0F, p.y * 45.0F, p.z * 45.0F});
    float tuft = 0.0F;
    if (s.hair_fringe > 0.0F)
        tuft = noise(Vec3{p.x * 24.0F, p.y * 9.0F, 4.0F}) * (0.5F + 0.5F * s.side) +
               noise(Vec3{p.x * -24.0F, p.y * 9.0F, 4.0F}) * (0.5F - 0.5F * s.side);
    return growth(s, p, {ragged, tuft});
}

float hair_distance(const Anatomy& s, Vec3 p, float cranium, float limit) noexcept {
    const float scale = 0.85F / (1.0F + 0.8F * s.hair_curl);
    const float bound =
        cranium - std::max(s.hair_top, 0.75F * s.hair_thick) - s.hair_lump;  // even where it is thickest
    if (s.hair_long <= 0.0F && (bound * scale >= limit || bound > 0.025F)) return bound * scale;
    // The cap: the skull, thickened; thicker on top than at the sides.
    const float high = smooth_step(0.12F, 0.36F, p.y);
    const float thick = mix(s.hair_thick * 0.75F, s.hair_top, high);
    const float even = growth(s, p, {});
    // Thin at the hairline, so that it springs from the skin instead of lying on it like a lid.
    const float sprung = mix(0.22F, 1.0F, smooth_step(-0.01F, s.hair_taper, even));
    float cap = cranium - thick * sprung;
    // Locks that fall: an elliptical curtain about head and neck, open in front of the face.
    const float drop = saturate((0.16F - p.y) / 0.6F);
    const float rx = s.cranium_radii.x + s.hair_side * (1.0F - 0.5F * drop) + 0.012F -
                     0.045F * smooth_step(0.1F, 0.5F, drop) * (1.0F - s.hair_long * 0.6F);
    const float rz = s.cranium_radii.z * 0.80F + s.hair_side - 0.07F * smooth_step(0.15F, 0.6F, drop);
    const float kx = p.x / rx, kz = (p.z + 0.062F) / rz;
    const float face_edge = 0.060F - 0.06F * saturate((p.y - 0.05F) * -3.0F);
    float curtain = 1.0F;
    if (s.hair_long > 0.0F) {
        curtain = (std::sqrt(kx * kx + kz * kz) - 1.0F) * std::min(rx, rz) * 0.9F;
        curtain = smooth_max(curtain, p.y - 0.22F, 0.08F) + 0.09F * (1.0F - smooth_step(0.0F, 0.35F, s.hair_long));
    }
    // Locks, curls and ragged edges are not computed where they cannot matter.
    const float plain_cap = std::max(cap, -(even + growth_reach(s)) * 0.85F);
    float plain = plain_cap - s.hair_lump;
    if (s.hair_long > 0.0F) {
        const float plain_curtain =
            std::max(std::max(curtain, p.z - face_edge - 0.010F), s.hair_end - 0.014F - p.y) - s.hair_lump;
        plain = std::min(plain, plain_curtain) - 0.0075F;  // of the smooth minimum
    }
    if (plain > 0.025F || plain * scale >= limit) return plain * scale;
    if ((even - growth_reach(s)) * 0.85F < s.hair_round - cap)
        cap = smooth_max(cap, -hair_growth(s, p) * 0.85F, s.hair_round);

    const Strand strand = strand_at(s, p);
    const float bunch = noise(strand.across * 7.0F, strand.along * 2.0F + 9.0F);
    const float lock = 0.6F * bunch + 0.4F * noise(strand.across * 17.0F, strand.along * 3.0F);
    float d = cap;
    if (s.hair_long > 0.0F) {
        curtain = smooth_max(curtain, s.hair_end + 0.014F * bunch - p.y, 0.045F);
        curtain = smooth_max(curtain, p.z - face_edge - 0.010F * bunch, 0.055F);
        d = smooth_min(cap, curtain, 0.03F);
    }
    if (d < 0.06F) {
        const float coarse = s.hair_curl > 0.0F ? curl_at(s, p) * s.hair_curl + lock * (1.0F - s.hair_curl) : lock;
        d -= s.hair_lump * coarse * strand.apart * smooth_step(0.06F, 0.02F, d);
    }
    return d * scale;
}

namespace {

float eye_distance(const Anatomy& s, Vec3 p) noexcept {
    return 0.95F * ellipsoid(sheared_eye({std::abs(p.x) - s.eye.x, p.y - s.eye.y, p.z - s.eye.z}), s.eye_inverse);
}

/// Gums and teeth end behind the lips: what lies deeper is of no account.
float behind_lips(const Anatomy& s, Vec3 p) noexcept { return mouth_place(s, p).opening - 0.008F; }

float teeth_distance(const Anatomy& s, Vec3 p, float inside) noexcept {
    const float wide = 0.93F * s.mouth_half;  // the arch ends within the lips
    float upper = (std::sqrt(square(p.x / wide) + square((p.z - 0.154F) / 0.080F)) - 1.0F) * 0.85F * wide;
    upper = smooth_max(std::abs(upper) - 0.006F, s.mouth_y - 0.0075F - p.y, 0.003F);
    float lower = (std::sqrt(square(p.x / (0.9F * wide)) + square((p.z - 0.150F) / 0.075F)) - 1.0F) * 0.77F * wide;
    lower = smooth_max(std::abs(lower) - 0.006F, p.y - (s.mouth_y - std::max(s.gap_down, 0.0F) - 0.004F), 0.003F);
    return std::max(std::min(upper, lower), inside);
}

/// The hollow behind the teeth, curved as the face is, so that it never shows beside the corners of a wide mouth.
float mouth_distance(Vec3 p, float inside) noexcept {
    return 0.75F * std::max(p.z - 0.185F + 6.0F * p.x * p.x, inside);
}

float shoulders(Vec3 p, float ax) noexcept {
    const float trunk = ellipsoid(p - Vec3{0.0F, -0.640F, -0.075F}, {1.0F / 0.56F, 1.0F / 0.255F, 1.0F / 0.21F});
    const float slope = capsule({ax, p.y, p.z}, {0.10F, -0.36F, -0.085F}, {0.40F, -0.52F, -0.085F}, 0.07F, 0.09F);
    return smooth_min(trunk, slope, 0.10F);
}

float inside_box(Vec3 p, float ax) noexcept { return std::max(ax - 0.495F, -0.495F - p.y); }

float chest_distance(Vec3 p, float ax, float body) noexcept { return std::max(body, inside_box(p, ax)) * 0.9F; }

/// A pullover with a round collar.
float cloth_distance(Vec3 p, float ax, float body) noexcept {
    const float rim = std::sqrt(square(p.x) + square(p.z + 0.045F));
    const float hole = 0.165F + 0.035F * smooth_step(-0.1F, 0.1F, p.z);
    return std::max(smooth_max(body - 0.012F, hole - rim, 0.018F), inside_box(p, ax)) * 0.9F;
}

float glasses_distance(const Anatomy& s, Vec3 p, float ax) noexcept {
    const float plane = s.nose_root.z + 0.040F, broad = s.face_width - 0.178F;
    const Vec3 q{ax - s.eye.x, p.y - s.eye.y + 0.004F, p.z - plane + 0.9F * square(ax)};
    // A rounded rectangle bent round the face.
    const float wide = std::max(std::abs(q.x) - 0.027F, 0.0F), tall = std::max(std::abs(q.y) - 0.017F, 0.0F);
    const float frame = std::abs(std::sqrt(wide * wide + tall * tall) - 0.026F);
    const float rim = std::sqrt(frame * frame + square(std::max(std::abs(q.z) - 0.002F, 0.0F))) - 0.0042F;
    const float bridge = capsule({ax, p.y, p.z}, {0.0F, s.eye.y + 0.017F, plane + 0.010F},
                                 {s.eye.x - 0.050F, s.eye.y + 0.010F, plane - 0.003F}, 0.0038F, 0.0038F);
    // The temples leave the hinges outwards, clear the widest part of the head and end behind the ears.
    const Vec3 hinge{s.eye.x + 0.053F, s.eye.y + 0.012F, plane - 0.9F * square(s.eye.x + 0.053F)};
    const Vec3 bend{s.ear.x - 0.004F + broad, s.eye.y + 0.014F, 0.13F},
        ear_top{s.ear.x + 0.020F + broad, s.eye.y + 0.016F, 0.04F};
    const Vec3 q2{ax, p.y, p.z};
    const float temple =
        std::min(std::min(capsule(q2, hinge, bend, 0.0042F, 0.0042F), capsule(q2, bend, ear_top, 0.0042F, 0.0042F)),
                 capsule(q2, ear_top, {s.ear.x + 0.018F, s.ear.y + 0.055F, s.ear.z - 0.03F}, 0.0042F, 0.0040F));
    return std::min(std::min(rim, bridge), temple) * 0.8F;
}

float hat_distance(const Anatomy& s, Vec3 p) noexcept {
    const float thick = std::max(s.hair_top, s.hair_thick) + s.hair_lump + 0.020F;
    const float from_pole = square(p.x) + square(p.z + 0.02F);  // where the ribs would meet they fade
    const float knit = 0.0016F * sin_of(96.0F * atan2_of(p.z + 0.02F, std::abs(p.x))) *
                       smooth_step(square(0.05F), square(0.16F), from_pole);
    const float dome = ellipsoid(
        p - s.cranium - Vec3{0.0F, 0.012F, 0.0F},
        {1.0F / (s.cranium_radii.x + thick), 1.0F / (s.cranium_radii.y + thick), 1.0F / (s.cranium_radii.z + thick)});
    const float hem = 0.196F + 0.28F * std::min(p.z, 0.30F) - p.y;
    const float crown = smooth_max(dome - knit, hem, 0.015F);
    const float fold = smooth_max(smooth_max(dome - 0.012F - knit, hem, 0.014F), -hem - 0.085F, 0.014F);
    return std::min(crown, fold) * 0.8F;
}

float mask_distance(const Anatomy& s, Vec3 p, float ax) noexcept {
    const float over =
        smooth_min(egg(s, p, cranium_distance(s, p)),
                   ellipsoid(p - Vec3{0.0F, -0.055F, 0.215F},
                             {1.0F / 0.085F, 1.0F / 0.115F, 1.0F / (s.nose_tip.z + s.nose_tip_r - 0.207F)}),
                   0.07F);
    const float pleat = 0.0020F * sin_of((p.y + 0.1F) * 130.0F) * smooth_step(0.16F, 0.10F, ax);
    const float shell = std::abs(over - 0.013F - pleat) - 0.004F;
    const float top = p.y - 0.046F + 0.42F * ax, bottom = s.menton_y + 0.002F + 0.30F * ax - p.y;
    const float cloth = smooth_max(smooth_max(shell, std::max(top, bottom), 0.006F), 0.055F - p.z, 0.006F);
    const float loop = std::min(capsule({ax, p.y, p.z}, {0.172F, -0.035F, 0.055F},
                                        {s.ear.x + 0.010F, s.ear.y + 0.055F, s.ear.z + 0.010F}, 0.0035F, 0.0035F),
                                capsule({ax, p.y, p.z}, {0.155F, -0.105F, 0.055F},
                                        {s.ear.x + 0.004F, s.ear.y - 0.060F, s.ear.z - 0.010F}, 0.0035F, 0.0035F));
    return std::min(cloth, loop) * 0.8F;
}

/// A left hand before the mouth, its fingers pointing to the other cheek.
float hand_distance(Vec3 p) noexcept {
    float d = ellipsoid(p - Vec3{0.115F, -0.190F, 0.375F}, {1.0F / 0.105F, 1.0F / 0.100F, 1.0F / 0.036F});
    d = smooth_min(d, capsule(p, {0.15F, -0.26F, 0.36F}, {0.26F, -0.47F, 0.30F}, 0.062F, 0.068F), 0.06F);
    struct Finger {
        Vec3 root, joint, tip;
        float r;
    };
    constexpr Finger fingers[] = {
        {{0.080F, -0.115F, 0.380F}, {0.000F, -0.060F, 0.375F}, {-0.085F, -0.045F, 0.345F}, 0.0250F},
        {{0.050F, -0.155F, 0.382F}, {-0.045F, -0.108F, 0.380F}, {-0.130F, -0.098F, 0.340F}, 0.0255F},
        {{0.045F, -0.205F, 0.380F}, {-0.048F, -0.165F, 0.376F}, {-0.122F, -0.158F, 0.338F}, 0.0240F},
        {{0.055F, -0.250F, 0.374F}, {-0.025F, -0.222F, 0.366F}, {-0.085F, -0.218F, 0.335F}, 0.0210F},
        {{0.150F, -0.130F, 0.365F}, {0.140F, -0.060F, 0.355F}, {0.115F, -0.010F, 0.335F}, 0.0265F}};
    for (const Finger& f : fingers) {
        const float finger = smooth_min(capsule(p, f.root, f.joint, f.r * 1.08F, f.r),
                                        capsule(p, f.joint, f.tip, f.r, f.r * 0.86F), 0.008F);
        d = smooth_min(d, finger, 0.011F);
    }
    return std::max(d, -0.495F - p.y) * 0.9F;
}

}  // namespace

float part_distance(const Anatomy& s, Vec3 p, Part part) noexcept {
    const float ax = std::abs(p.x);
    switch (part) {
        case Part::skin:
            return p.y < -0.15F
                       ? std::min(skin_distance(s, p, cranium_distance(s, p)), chest_distance(p, ax, shoulders(p, ax)))
                       : skin_distance(s, p, cranium_distance(s, p));
        case Part::eye:
            return eye_distance(s, p);
        case Part::teeth:
            return teeth_distance(s, p, behind_lips(s, p));
        case Part::mouth:
            return mouth_distance(p, behind_lips(s, p));
        case Part::hair:
            return hair_distance(s, p, cranium_distance(s, p), 1.0F);
        case Part::cloth:
            return cloth_distance(p, ax, shoulders(p, ax));
        case Part::glasses:
            return glasses_distance(s, p, ax);
        case Part::hat:
            return hat_distance(s, p);
        case Part::mask:
            return mask_distance(s, p, ax);
        case Part::hand:
            return hand_distance(p);
        case Part::nothing:
            break;
    }
    return 1.0F;
}

Surface head_surface(const Anatomy& s, Vec3 p) noexcept {
    const float ax = std::abs(p.x);
    const float cranium = cranium_distance(s, p);
    Surface best{skin_distance(s, p, cranium), Part::skin};
    const auto consider = [&](float d, Part part) {
        if (d < best.distance) best = {d, part};
    };
    if (p.z > 0.05F && best.distance < 0.25F) {
        consider(eye_distance(s, p), Part::eye);
        if (s.gap_up + s.gap_down > 0.0F && !beyond(p, {0.0F, s.mouth_y, 0.2F}, 0.12F, 0.0F)) {
            const float inside = behind_lips(s, p);
            consider(teeth_distance(s, p, inside), Part::teeth);
            consider(mouth_distance(p, inside), Part::mouth);
        }
    }
    consider(hair_distance(s, p, cranium, best.distance), Part::hair);
    if (p.y < -0.15F) {
        const float body = shoulders(p, ax);
        consider(cloth_distance(p, ax, body), Part::cloth);
        consider(chest_distance(p, ax, body), Part::skin);
    }
    if (s.accessories != Accessories{}) {
        if (s.accessories.glasses) consider(glasses_distance(s, p, ax), Part::glasses);
        if (s.accessories.hat) consider(hat_distance(s, p), Part::hat);
        if (s.accessories.face_mask) consider(mask_distance(s, p, ax), Part::mask);
        if (s.accessories.hand) consider(hand_distance(p), Part::hand);
    }
    return best;
}

}  // namespace cameo::synth
