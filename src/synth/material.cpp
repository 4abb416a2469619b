// SPDX-License-Identifier: Apache-2.0
#include "material.hpp"

namespace cameo::synth {
namespace {

constexpr Vec3 skin_soften{0.55F, 0.28F, 0.20F};

float ear_region(const Anatomy& s, Vec3 p) noexcept {
    const Vec3 q = (Vec3{std::abs(p.x), p.y, p.z} - s.ear - Vec3{0.022F, 0.0F, -0.035F}) * (1.0F / s.ear_scale);
    return length({q.x / 0.030F, q.y / 0.088F, q.z / 0.060F}) - 1.0F;
}

bool on_nose(const Anatomy& s, Vec3 p) noexcept {
    const float top = s.nose_root.y - 0.036F, bottom = s.nose_base.y + 0.002F;
    if (p.y > top || p.y < bottom || p.z < 0.19F) return false;
    const float t = (top - p.y) / (top - s.nose_wing.y);
    const float half = mix(0.017F, s.nose_wing.x + 0.016F, smooth_step(0.1F, 1.0F, t));
    const float under =
        p.y < s.nose_wing.y ? 1.0F - square((s.nose_wing.y - p.y) / (s.nose_wing.y - bottom + 0.004F)) : 1.0F;
    return std::abs(p.x) < half * std::sqrt(std::max(under, 0.0F));
}

/// How much of the brow's hair covers this point of skin.
float brow_cover(const Anatomy& s, Vec3 p, float footprint) noexcept {
    if (p.z < 0.05F || p.y < 0.08F || p.y > 0.23F) return 0.0F;
    const BrowPlace b = brow_place(s, p);
    if (b.half <= 0.0F || b.along < -0.1F || b.along > 1.06F) return 0.0F;
    const float ax = std::abs(p.x);
    // Single hairs lean outwards; near the inner end they stand up.
    const float lean = mix(0.35F, 1.6F, saturate(b.along * 1.6F));
    const float hair = noise((ax - b.offset * lean) * 330.0F, (b.offset + ax * 0.25F) * 60.0F);
    const float fine = smooth_step(0.0045F, 0.0012F, footprint);
    const float edge = std::abs(b.offset + 0.0006F) / b.half + 0.22F * fine * hair;
    const float core = smooth_step(1.18F, 0.35F, edge);
    return saturate(core * s.brow_density * (1.0F + 0.30F * fine * hair) *
                    mix(0.75F, 1.0F, smooth_step(0.0F, 0.25F, b.along)));
}

void paint_skin(const Anatomy& s, Vec3 p, float footprint, Material& m) noexcept {
    const float ax = std::abs(p.x);
    const float light_skin = 1.0F - s.melanin;
    Vec3 c = s.skin;
    // Blood and bone: cheeks, nose tip and ears are redder, the forehead is paler.
    const float cheek =
        bump(square((ax - 0.112F) * 11.0F) + square((p.y + 0.002F) * 12.5F)) * smooth_step(0.02F, 0.12F, p.z);
    const float tip = bump(dot(p - s.nose_tip, p - s.nose_tip) * 420.0F);
    const float ears = smooth_step(0.25F, -0.25F, ear_region(s, p));
    const float red = (s.blush * (cheek + 0.7F * tip) + 0.025F * tip + 0.085F * ears) * (0.6F + 0.6F * light_skin);
    c = c * Vec3{1.0F + 0.10F * red, 1.0F - 1.35F * red, 1.0F - 1.25F * red};
    const float rouge = s.make_up * 0.28F * bump(square((ax - 0.128F) * 10.0F) + square((p.y - 0.012F) * 16.0F)) *
                        smooth_step(0.02F, 0.12F, p.z);
    c = mix(c, c * Vec3{1.0F, 0.62F, 0.62F}, rouge * 1.6F);
    c = c * (1.0F + 0.035F * bump(square(ax * 6.0F) + square((p.y - 0.21F) * 9.0F)));
    const float blotch = sided_noise(s, p + Vec3{0.0F, 3.0F, 0.0F}, 21.0F) + 0.5F * sided_noise(s, p, 47.0F);
    c = c * Vec3{1.0F + 0.012F * blotch, 1.0F + 0.028F * blotch, 1.0F + 0.026F * blotch};
    const float fine = smooth_step(0.0040F, 0.0012F, footprint);
    if (fine > 0.0F) {
        const float pores = sided_noise(s, p, 230.0F);
        c = c * (1.0F + 0.030F * fine * pores);
    }
    if (s.freckles > 0.0F) {
        const float zone = bump(square(ax * 5.2F) + square((p.y - 0.025F) * 8.0F)) * smooth_step(0.08F, 0.16F, p.z);
        const float spots = smooth_step(0.28F, 0.66F, sided_noise(s, p + Vec3{0.0F, 1.0F, 2.0F}, 150.0F)) *
                                (0.7F + 0.3F * smooth_step(0.006F, 0.002F, footprint)) +
                            0.45F * smooth_step(-0.4F, 0.6F, sided_noise(s, p, 62.0F));
        const float amount = saturate(zone * 1.6F) * spots * s.freckles;
        c = mix(c, c * Vec3{0.66F, 0.46F, 0.36F}, saturate(0.85F * amount));
    }
    m.specular = 0.20F;
    m.sharpness = 14.0F;
    m.soften = skin_soften;

    if (p.z > 0.05F && p.y > -0.02F && p.y < 0.20F && ax > 0.02F) {
        const EyePlace e = eye_place(s, p);
        const float t = e.u / s.eye_half, near = bump(t * t * 0.42F);
        // The thin skin round the eyes is darker and redder.
        const float ring = near * smooth_step(0.034F, 0.0F, e.opening);
        c = c * (Vec3{1.0F, 1.0F, 1.0F} - Vec3{0.07F, 0.11F, 0.095F} * (ring * (0.75F + 0.5F * s.age)));
        const float above = e.v - e.upper;
        if (s.make_up > 0.0F) {
            const float lid = near * smooth_step(-0.002F, 0.003F, above) * smooth_step(0.030F, 0.006F, above);
            c = mix(c, s.shadow_lid * (0.5F + 0.5F * light_skin), 0.50F * s.make_up * lid);
        }
        // Lashes: a dark line that thickens towards the temple; wider than a pixel only where it may be.
        const float thin = (0.0020F + 0.0016F * saturate(t + 0.4F)) * (0.80F + 0.45F * s.make_up) *
                           (0.55F + 0.45F * smooth_step(0.004F, 0.024F, e.upper - e.lower));
        const float width = thin + 0.25F * footprint;
        const float share = std::sqrt(thin / width);  // a line that is blurred wider is paler
        const float reach = smooth_step(1.16F + 0.10F * s.make_up, 0.92F, t) * smooth_step(-0.85F, -0.35F, t);
        const float upper_lash = share * smooth_step(width, 0.2F * width, std::abs(above - 0.15F * width)) * reach;
        const float below = e.lower - e.v;
        const float lower_lash =
            smooth_step(0.0035F, 0.0F, below) * smooth_step(-0.003F, 0.0F, below) * reach * (0.20F + 0.35F * s.make_up);
        const float ball = ellipsoid(sheared_eye({ax - s.eye.x, p.y - s.eye.y, p.z - s.eye.z}), s.eye_inverse);
        const float lash =
            smooth_step(0.012F, 0.006F, ball) *
            saturate(std::max(upper_lash * (0.80F + 0.2F * s.make_up), lower_lash) * (0.6F + 0.5F * s.lash));
        c = mix(c, Vec3{0.022F, 0.015F, 0.012F}, lash);
        m.specular *= 1.0F - 0.8F * lash;
        // The waterline and the inner corner are moist and pink.
        const float rim = smooth_step(0.0012F, -0.0012F, e.opening);
        c = mix(c, mix(s.skin, Vec3{0.62F, 0.30F, 0.27F}, 0.55F), rim * 0.8F * (1.0F - lash));
    }
    const float brow = brow_cover(s, p, footprint);
    c = mix(c, s.brow, brow * 0.93F);
    m.specular *= 1.0F - 0.7F * brow;

    if (p.y < 0.08F && p.z > -0.08F) {
        const MouthPlace mouth = mouth_place(s, p);
        const float q = mouth.xm * mouth.xm;
        // Hairs of a beard lie downwards, on the cheeks also backwards; its edge is ragged.
        const float comb = ax * 1.0F + 0.25F * p.y, down = p.y + 0.5F * std::max(0.12F - p.z, 0.0F);
        const float hairs = noise(Vec3{comb * 210.0F, down * 42.0F, p.z * 40.0F});
        const float tuft = noise(Vec3{comb * 75.0F, down * 24.0F, p.z * 24.0F});
        const float beard = beard_region(s, p, mouth, 0.006F * tuft + 0.006F * fine * hairs);
        if (beard > 0.0F) {
            const float shade = 0.16F * s.beard_shadow * (0.55F + 0.45F * light_skin);
            c = mix(c, mix(c, Vec3{0.10F, 0.10F, 0.11F}, 0.6F), shade * beard * (1.0F + 0.5F * fine * hairs));
            const float full = saturate(s.beard * 1.3F - 0.1F) *
                               smooth_step(0.10F, 0.80F, beard * (0.92F + 0.18F * tuft + 0.40F * fine * hairs));
            const float tone =
                1.0F + 0.30F * tuft + 0.34F * fine * std::min(hairs, 0.4F) + 0.25F * smooth_step(0.9F, 0.3F, beard);
            c = mix(c, mix(s.hair, s.brow, 0.35F) * tone, 0.95F * full);
            m.specular *= 1.0F - 0.65F * full;
            m.normal = normalized(m.normal + Vec3{p.x < 0.0F ? -1.0F : 1.0F, 0.35F, 0.0F} *
                                                 (full * (0.28F * tuft + 0.30F * fine * hairs)));
        }
        if (q < 1.0F && p.z > 0.14F) {
            const float soft = 0.0028F + 0.35F * footprint;
            const float inside = std::min(mouth.outer_up - p.y, p.y - mouth.outer_down);
            const float cover = smooth_step(-soft, soft * 1.2F, inside) * smooth_step(1.0F, 0.90F, q);
            const float wrinkle = fine * noise(ax * 420.0F, p.y * 30.0F);
            const float lower = smooth_step(0.001F, -0.001F, p.y - mouth.middle);
            const Vec3 lip = s.lip * (0.95F + 0.07F * lower + 0.05F * wrinkle);
            c = mix(c, lip, cover * 0.92F);
            m.specular += cover * (0.16F + 0.25F * s.make_up);
            m.sharpness = mix(m.sharpness, 34.0F, cover);
            // Between the lips little light gets in.
            const float seam = mouth.inner_up - mouth.inner_down;
            const float line = smooth_step(
                0.0042F, 0.0F,
                std::max(std::max(p.y - mouth.inner_up, mouth.inner_down - p.y), 0.0F) + 0.25F * seam * 0.0F);
            const float dark = line * smooth_step(1.0F, 0.84F, q) * 0.66F;
            c = c * (Vec3{1.0F, 1.0F, 1.0F} - Vec3{0.72F, 0.86F, 0.84F} * dark);
            m.specular *= 1.0F - dark;
        }
        // Nostrils.
        const Vec3 hole = Vec3{ax, p.y, p.z} - s.nostril;
        const float depth = bump(square(hole.x * 75.0F) + square((hole.y) * 85.0F) + square(hole.z * 48.0F));
        c = c * (1.0F - 0.85F * saturate(depth * 1.6F));
        m.occlusion = 1.0F - 0.5F * depth;
    }
    // Roots: the hairline is no edge, and a cropped scalp is not bare.
    if (p.y > -0.14F) {
        const float grows = hair_growth(s, p);
        if (grows > -0.010F) {
            const float grain = noise(Vec3{ax * 190.0F, p.y * 45.0F, p.z * 70.0F});  // single hairs, lying back
            const float roots = smooth_step(-0.008F, 0.014F, grows + 0.008F * fine * grain);
            c = mix(c, s.hair * (0.85F + 0.2F * fine * grain),
                    s.hair_roots * roots * smooth_step(-0.1F, 0.2F, ear_region(s, p)));
            m.specular *= 1.0F - 0.6F * roots;
        }
    }
    m.albedo = c;
}

void paint_eye(const Anatomy& s, Vec3 p, Vec3 n, float footprint, Material& m) noexcept {
    const Vec3 centre{p.x < 0.0F ? -s.eye.x : s.eye.x, s.eye.y, s.eye.z};
    const Vec3 at = p - centre;
    const Vec3 q =
        normalized(Vec3{at.x, at.y, at.z + 0.16F * std::abs(at.x) * (at.x * centre.x < 0.0F ? -1.0F : 1.0F)} *
                   Vec3{1.0F / 0.0435F, 1.0F / 0.0435F, 1.0F / 0.0435F});
    const float facing = dot(q, s.gaze);
    const Vec3 side = q - s.gaze * facing;
    const float r = length(side) * 0.0435F;
    const float soft = 0.0008F + 0.4F * footprint;
    const EyePlace e = eye_place(s, p);
    const float t = e.u / s.eye_half;
    Vec3 c{0.68F, 0.655F, 0.635F};
    const float corner = smooth_step(0.45F, 1.05F, std::abs(t));
    c = mix(c, Vec3{0.70F, 0.46F, 0.42F}, 0.55F * corner + 0.4F * smooth_step(-0.72F, -0.98F, t));
    const float veins = smooth_step(0.25F, 0.8F, noise(Vec3{std::abs(p.x) * 160.0F, p.y * 420.0F, 2.0F}));
    c = mix(c, Vec3{0.72F, 0.35F, 0.32F}, 0.20F * veins * corner);
    if (facing > 0.0F && r < s.iris_r + 3.0F * soft) {
        const float angle = atan2_of(side.y, std::abs(side.x));
        const float ratio = r / s.iris_r;
        const float fibre =
            noise(angle * 9.0F + 20.0F, ratio * 2.2F) * 0.6F + noise(angle * 23.0F, ratio * 3.0F) * 0.4F;
        Vec3 iris = mix(s.iris_inner, s.iris, smooth_step(0.35F, 0.75F, ratio + 0.10F * fibre));
        iris = iris * (1.0F + 0.32F * fibre * smooth_step(0.004F, 0.001F, footprint));
        // Light that entered above leaves below: the lower half glows.
        iris = iris * (0.95F + 0.75F * smooth_step(0.4F, -0.9F, side.y / std::max(length(side), 1e-6F)) *
                                   smooth_step(0.2F, 0.7F, ratio));
        iris = mix(iris, iris * 0.22F, smooth_step(0.74F, 1.02F, ratio));  // limbal ring
        iris = mix(Vec3{0.006F, 0.005F, 0.005F}, iris, smooth_step(0.0064F - soft, 0.0064F + soft, r));
        c = mix(c, iris, smooth_step(s.iris_r + soft, s.iris_r - soft, r));
    }
    // The lids shade the ball; the upper more.
    const float under = e.upper - e.v, over = e.v - e.lower, gap = std::max(e.upper - e.lower, 0.002F);
    m.occlusion = mix(0.52F, 1.0F, smooth_step(-0.001F, std::min(0.011F, 0.5F * gap), under)) *
                  mix(0.80F, 1.0F, smooth_step(-0.001F, std::min(0.006F, 0.3F * gap), over));
    m.albedo = c;
    m.soften = {0.3F, 0.2F, 0.18F};
    m.glint = 1.0F;
    m.specular = 0.05F;
    m.sharpness = 30.0F;
    // The cornea bulges: its highlight sits nearer the middle than the ball's would.
    const float bulge = smooth_step(s.iris_r * 1.1F, 0.0F, r);
    m.normal = normalized(mix(n, normalized(s.gaze * 0.55F + n * 0.45F + side * 0.5F), 0.75F * bulge));
}

void paint_hair(const Anatomy& s, Vec3 p, Vec3 n, float footprint, Material& m) noexcept {
    const Strand strand = strand_at(s, p);
    const float fine = smooth_step(0.010F, 0.0016F, footprint);
    const float kink = s.hair_curl;
    const float locks = noise(strand.across * 9.0F, strand.along * 2.0F);
    const float threads = noise(strand.across * 34.0F + 0.8F * locks, strand.along * 5.0F + 3.0F);
    const float wires = fine * noise(strand.across * 95.0F, strand.along * 9.0F);
    // Curled hairs run round the tufts: bands along the contours of their height.
    const float tuft = kink > 0.0F ? curl_at(s, p) : 0.0F;
    const float rings = kink > 0.0F ? fine * sin_of(15.0F * tuft + 4.0F * threads) : 0.0F;
    const float tone = mix(0.16F * locks + 0.20F * threads + 0.22F * wires,
                           0.26F * tuft + 0.12F * threads + 0.17F * rings + 0.10F * wires, kink);
    const float tips = smooth_step(0.1F, 0.6F, strand.along);
    m.albedo = s.hair * (1.0F + 1.15F * tone + 0.12F * tips);
    m.albedo = {std::max(m.albedo.x, 0.003F), std::max(m.albedo.y, 0.003F), std::max(m.albedo.z, 0.003F)};
    // Tangent in the surface, tilted strand by strand.
    const Vec3 flat = strand.tangent - n * dot(strand.tangent, n);
    m.tangent = normalized(flat + n * (0.22F * threads + 0.16F * wires + 0.25F * locks + 0.3F * kink * rings));
    const Vec3 across = cross(flat, n) * strand.hand;
    m.normal = normalized(n + across * (0.30F * locks * (1.0F - kink) + 0.22F * threads + 0.18F * wires));
    m.specular = mix(0.50F, 0.16F, kink);
    m.sharpness = 26.0F;
    m.soften = {0.25F, 0.2F, 0.2F};
    m.occlusion = 0.92F + 0.25F * std::min(tone, 0.2F);
}

}  // namespace

FaceLabel label_at(const Anatomy& s, Vec3 p, Part part) noexcept {
    const bool left = p.x >= 0.0F;
    switch (part) {
        case Part::nothing:
            return FaceLabel::background;
        case Part::eye:
            return left ? FaceLabel::l_eye : FaceLabel::r_eye;
        case Part::mouth:
        case Part::teeth:
            return FaceLabel::mouth;
        case Part::hair:
            return FaceLabel::hair;
        case Part::cloth:
            return FaceLabel::cloth;
        case Part::glasses:
            return FaceLabel::eye_g;
        case Part::hat:
            return FaceLabel::hat;
        case Part::mask:
            return FaceLabel::face_mask;
        case Part::hand:
            return FaceLabel::other;
        case Part::skin:
            break;
    }
    if (std::abs(p.x) > 0.15F && ear_region(s, p) < 0.0F) return left ? FaceLabel::l_ear : FaceLabel::r_ear;
    const float jaw = jaw_edge(s, p);
    if (jaw > -0.014F || (p.z < -0.03F && p.y < 0.02F)) return FaceLabel::neck;
    if (brow_cover(s, p, 1.0F) > 0.30F) return left ? FaceLabel::l_brow : FaceLabel::r_brow;
    const MouthPlace mouth = mouth_place(s, p);
    if (mouth.xm * mouth.xm < 0.96F && p.z > 0.15F && p.y < mouth.outer_up && p.y > mouth.outer_down)
        return p.y > mouth.middle ? FaceLabel::u_lip : FaceLabel::l_lip;
    if (on_nose(s, p)) return FaceLabel::nose;
    return FaceLabel::skin;
}

Material material_at(const Anatomy& s, Vec3 p, Vec3 n, Part part, float footprint) noexcept {
    Material m;
    m.normal = n;
    m.label = label_at(s, p, part);
    switch (part) {
        case Part::nothing:
            break;
        case Part::skin:
            paint_skin(s, p, footprint, m);
            break;
        case Part::eye:
            paint_eye(s, p, n, footprint, m);
            break;
        case Part::hair:
            paint_hair(s, p, n, footprint, m);
            break;
        case Part::teeth: {
            const float gap = bump(square((std::abs(p.x) * 62.0F - std::floor(std::abs(p.x) * 62.0F + 0.5F)) * 9.0F)) *
                              smooth_step(0.006F, 0.002F, footprint);
            m.albedo = Vec3{0.80F, 0.75F, 0.67F} * (1.0F - 0.25F * gap) *
                       (1.0F - 0.45F * smooth_step(0.45F, 0.95F, std::abs(p.x) / s.mouth_half));
            m.specular = 0.25F;
            m.sharpness = 40.0F;
            m.soften = skin_soften;
            break;
        }
        case Part::mouth:
            m.albedo = {0.10F, 0.022F, 0.020F};
            m.occlusion = 0.5F;
            break;
        case Part::cloth: {
            const float knit =
                smooth_step(0.005F, 0.0015F, footprint) * sin_of(p.y * 900.0F) * sin_of(std::abs(p.x) * 700.0F);
            m.albedo = s.cloth * (1.0F + 0.06F * knit);
            m.soften = {0.15F, 0.15F, 0.15F};
            break;
        }
        case Part::glasses:
            m.albedo = {0.03F, 0.03F, 0.035F};
            m.specular = 0.6F;
            m.sharpness = 60.0F;
            break;
        case Part::hat:
            m.albedo = s.cloth * 0.8F;
            m.soften = {0.15F, 0.15F, 0.15F};
            break;
        case Part::mask:
            m.albedo = {0.62F, 0.76F, 0.82F};
            m.soften = {0.3F, 0.3F, 0.3F};
            break;
        case Part::hand:
            m.albedo = s.skin * 0.95F;
            m.specular = 0.15F;
            m.sharpness = 12.0F;
            m.soften = skin_soften;
            break;
    }
    return m;
}

}  // namespace cameo::synth
