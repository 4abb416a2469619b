// SPDX-License-Identifier: Apache-2.0
#include "head_scene.hpp"

namespace cameo::synth {
namespace {

float field(const Anatomy& s, Vec3 p) noexcept { return head_surface(s, p).distance; }

/// How much of the surroundings a point sees, from the field along its normal.
float ambient(const Anatomy& s, Vec3 p, Vec3 n) noexcept {
    float closed = 0.0F, weight = 1.0F;
    for (const float h : {0.012F, 0.032F, 0.065F, 0.12F}) {
        const float d = field(s, p + n * h);
        closed += weight * std::max(h - d * 1.12F, 0.0F) / h;
        weight *= 0.72F;
    }
    return saturate(1.0F - 0.39F * closed);
}

float sunlit(const Anatomy& s, Vec3 p, Vec3 n) noexcept {
    float light = 1.0F, t = 0.014F;
    const Vec3 start = p + n * 0.006F;
    for (int i = 0; i < 9; ++i) {
        const float d = field(s, start + s.key * t);
        light = std::min(light, 0.5F + 0.5F * d / (0.22F * t));
        if (light <= 0.0F) return 0.0F;
        t += std::clamp(d, 0.014F, 0.06F);
        if (t > 0.34F) break;
    }
    light = saturate(light);
    return light * light * (3.0F - 2.0F * light);
}

float encode(float v) noexcept {
    // Linear below, a shoulder above; then the sRGB curve by square roots (error below 1/1000).
    v = std::max(v, 0.0F);
    if (v > 0.55F) {
        const float over = v - 0.55F;
        v = 0.55F + over / (1.0F + over * 1.9F);
    }
    v = std::min(v, 1.0F);
    if (v < 0.0031308F) return 12.92F * v;
    const float a = std::sqrt(v), b = std::sqrt(a), c = std::sqrt(b);
    return saturate(0.662002687F * a + 0.684122060F * b - 0.323583601F * c - 0.0225411470F * v);
}

}  // namespace

Surface HeadScene::surface(Vec3 p) const noexcept { return head_surface(s, p); }

Vec3 HeadScene::normal(Vec3 p, Part part) const noexcept {
    constexpr float h = 0.0011F;
    const auto d = [&](float x, float y, float z) { return part_distance(s, {p.x + x, p.y + y, p.z + z}, part); };
    return normalized({d(h, 0, 0) - d(-h, 0, 0), d(0, h, 0) - d(0, -h, 0), d(0, 0, h) - d(0, 0, -h)});
}

Vec3 HeadScene::quick_normal(Vec3 p, Part part) const noexcept {
    constexpr float h = 0.0005F;
    const float side = p.x < 0.0F ? -1.0F : 1.0F;  // mirrored points have mirrored normals
    const auto d = [&](float x, float y, float z) { return part_distance(s, {p.x + x, p.y + y, p.z + z}, part); };
    const float here = d(0, 0, 0);
    return normalized({(d(side * h, 0, 0) - here) * side, d(0, h, 0) - here, d(0, 0, h) - here});
}

Lighting HeadScene::lighting(const Hit& hit) const noexcept {
    return {ambient(s, hit.point, hit.normal), sunlit(s, hit.point, hit.normal)};
}

Vec3 HeadScene::shade(const Hit& hit, const Lighting& lighting, Vec3 direction, float footprint,
                      FaceLabel& label) const noexcept {
    const Material m = material_at(s, hit.point, hit.normal, hit.part, footprint);
    label = m.label;
    const Vec3 n = m.normal;
    const float open = lighting.open * m.occlusion;
    const float lit = mix(0.20F, 1.0F, lighting.lit) * m.occlusion;
    // The key as second-order spherical harmonics of a clamped cosine; skin bleeds light into the terminator.
    const float c = dot(n, s.key);
    const auto lobe = [&](float soften) {
        const float one = mix(0.5F, 0.44F, soften), two = mix(0.15625F, 0.10F, soften);
        return std::max(mix(0.235F, 0.285F, soften) + one * c + two * (3.0F * c * c - 1.0F), 0.0F);
    };
    const Vec3 key = s.key_colour * Vec3{lobe(m.soften.x), lobe(m.soften.y), lobe(m.soften.z)};
    const auto bleed = [](float v, float soften) { return v + (1.0F - v) * v * soften * 0.55F; };
    const Vec3 shadow{bleed(lit, m.soften.x), bleed(lit, m.soften.y), bleed(lit, m.soften.z)};
    const Vec3 sky = mix(s.ground_colour, s.fill_colour, 0.5F + 0.5F * n.y) *
                     Vec3{bleed(open, m.soften.x), bleed(open, m.soften.y), bleed(open, m.soften.z)};
    Vec3 out = m.albedo * (key * shadow + sky) * 0.88F;

    const Vec3 view = -direction, half = normalized(view + s.key);
    const float facing = saturate(dot(n, view)),
                fresnel = 0.04F + 0.96F * square(square(1.0F - facing)) * (1.0F - facing);
    if (m.tangent == Vec3{}) {
        const float sheen = exp_of(m.sharpness * 2.0F * (saturate(dot(n, half)) - 1.0F));
        out = out + s.key_colour * (m.specular * lit * sheen * (0.35F + 2.2F * fresnel));
        out = out + s.fill_colour * (0.35F * m.specular * open * fresnel);
    } else {
        const auto strand = [&](float shift, float sharp) {
            const float th = dot(normalized(m.tangent + n * shift), half);
            const float sine = std::sqrt(std::max(1.0F - th * th, 0.0F));
            return exp_of(sharp * 2.0F * (sine - 1.0F));
        };
        const float front = smooth_step(-0.25F, 0.6F, c) * lit;
        out = out + s.key_colour * (0.10F * m.specular * front * strand(-0.12F, 42.0F));
        out = out + m.albedo * s.key_colour * (1.1F * m.specular * front * strand(0.16F, 14.0F));
    }
    if (m.glint > 0.0F) {
        const float spot = smooth_step(0.9935F, 0.9970F, dot(n, half));
        out = out + Vec3{1.0F, 1.0F, 1.0F} * (1.15F * spot);
        const float window =
            smooth_step(0.975F, 0.992F, dot(n, normalized(view + Vec3{-s.key.x, s.key.y * 0.4F, s.key.z})));
        out = out + s.fill_colour * (0.10F * window);
    }
    return {encode(out.x), encode(out.y), encode(out.z)};
}

}  // namespace cameo::synth
