// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

// Arithmetic of the heads: float32, one fixed order of operations, and elementary functions of our own, so that the
// same numbers give the same head whatever the C library. Only sqrt, floor and abs are taken from it: IEEE defines them.
namespace cameo::synth {

struct Vec3 {
    float x = 0.0F, y = 0.0F, z = 0.0F;

    friend constexpr Vec3 operator+(Vec3 a, Vec3 b) noexcept { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
    friend constexpr Vec3 operator-(Vec3 a, Vec3 b) noexcept { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
    friend constexpr Vec3 operator*(Vec3 a, Vec3 b) noexcept { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
    friend constexpr Vec3 operator*(Vec3 a, float s) noexcept { return {a.x * s, a.y * s, a.z * s}; }
    friend constexpr Vec3 operator*(float s, Vec3 a) noexcept { return a * s; }
    friend constexpr Vec3 operator-(Vec3 a) noexcept { return {-a.x, -a.y, -a.z}; }
    friend constexpr bool operator==(Vec3, Vec3) noexcept = default;
};

[[nodiscard]] constexpr float dot(Vec3 a, Vec3 b) noexcept { return a.x * b.x + a.y * b.y + a.z * b.z; }
[[nodiscard]] constexpr Vec3 cross(Vec3 a, Vec3 b) noexcept {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
[[nodiscard]] inline float length(Vec3 a) noexcept { return std::sqrt(dot(a, a)); }
[[nodiscard]] inline Vec3 normalized(Vec3 a) noexcept { return a * (1.0F / std::max(length(a), 1e-12F)); }

[[nodiscard]] constexpr float square(float v) noexcept { return v * v; }
[[nodiscard]] constexpr float saturate(float v) noexcept { return std::clamp(v, 0.0F, 1.0F); }
[[nodiscard]] constexpr float mix(float a, float b, float t) noexcept { return a + (b - a) * t; }
[[nodiscard]] constexpr Vec3 mix(Vec3 a, Vec3 b, float t) noexcept { return a + (b - a) * t; }

/// 0 below `from`, 1 above `to`, C1 between; `to` may lie below `from`.
[[nodiscard]] constexpr float smooth_step(float from, float to, float v) noexcept {
    const float t = saturate((v - from) / (to - from));
    return t * t * (3.0F - 2.0F * t);
}

/// min(a, b), rounded where both lie within k of each other; exactly a when b - a >= k.
[[nodiscard]] inline float smooth_min(float a, float b, float k) noexcept {
    const float h = std::max(k - std::abs(a - b), 0.0F);
    return std::min(a, b) - h * h * (0.25F / k);
}
[[nodiscard]] inline float smooth_max(float a, float b, float k) noexcept { return -smooth_min(-a, -b, k); }

/// exp(v), relative error below 3e-7.
[[nodiscard]] inline float exp_of(float v) noexcept {
    v = std::clamp(v, -80.0F, 80.0F);
    const float n = std::floor(v * 1.44269504F + 0.5F);
    const float r = (v - n * 0.693359375F) + n * 2.12194440e-4F;
    const float p =
        1.0F +
        r * (1.0F + r * (0.5F + r * (0.166666667F + r * (0.0416666667F + r * (0.00833333333F + r * 0.00138888889F)))));
    return p * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}
[[nodiscard]] inline float tanh_of(float v) noexcept {
    const float e = exp_of(-2.0F * std::abs(v));
    return std::copysign((1.0F - e) / (1.0F + e), v);
}
[[nodiscard]] inline float softplus(
    float v) noexcept {  // log1p by its own inverse would be slower; a smooth ramp serves
    return 0.5F * (v + std::sqrt(v * v + 1.0F));
}
/// sin(v), absolute error below 1e-6 for |v| < 1000.
[[nodiscard]] inline float sin_of(float v) noexcept {
    const float turns = std::abs(v) * 0.159154943F;
    float t = turns - std::floor(turns + 0.5F);  // in [-0.5, 0.5]
    if (t > 0.25F) t = 0.5F - t;
    if (t < -0.25F) t = -0.5F - t;
    const float a = t * 6.28318531F, b = a * a;
    return (v < 0.0F ? -a : a) *
           (1.0F - b * (0.166666667F - b * (0.00833333333F - b * (1.98412698e-4F - b * 2.75573192e-6F))));
}
/// cos(v), likewise; exactly even, as sin_of() is exactly odd.
[[nodiscard]] inline float cos_of(float v) noexcept { return sin_of(std::abs(v) + 1.57079633F); }
/// atan2(y, x), absolute error below 1e-5; odd in y.
[[nodiscard]] inline float atan2_of(float y, float x) noexcept {
    const float ax = std::abs(x), ay = std::abs(y);
    const float a = std::min(ax, ay) / std::max(std::max(ax, ay), 1e-20F), s = a * a;
    float r = a * (0.99997726F +
                   s * (-0.33262347F + s * (0.19354346F + s * (-0.11643287F + s * (0.05265332F - s * 0.01172120F)))));
    if (ay > ax) r = 1.57079633F - r;
    if (x < 0.0F) r = 3.14159265F - r;
    return y < 0.0F ? -r : r;
}

/// (1 - q)^3 inside the unit ball, 0 outside: C2, and free to skip.
[[nodiscard]] constexpr float bump(float q) noexcept {
    if (q >= 1.0F) return 0.0F;
    const float t = 1.0F - q;
    return t * t * t;
}

[[nodiscard]] inline float ellipsoid(Vec3 p, Vec3 inverse_radii) noexcept {
    const Vec3 a = p * inverse_radii, b = a * inverse_radii;
    const float k0 = length(a), k1 = std::max(length(b), 1e-6F);
    return k0 * (k0 - 1.0F) / k1;
}
[[nodiscard]] inline float capsule(Vec3 p, Vec3 a, Vec3 b, float ra, float rb) noexcept {
    const Vec3 pa = p - a, ba = b - a;
    const float t = saturate(dot(pa, ba) / dot(ba, ba));
    return length(pa - ba * t) - mix(ra, rb, t);
}

[[nodiscard]] constexpr std::uint32_t hash(std::int32_t x, std::int32_t y, std::int32_t z) noexcept {
    std::uint32_t h = static_cast<std::uint32_t>(x) * 0x8da6b343U ^ static_cast<std::uint32_t>(y) * 0xd8163841U ^
                      static_cast<std::uint32_t>(z) * 0xcb1ab31fU;
    h ^= h >> 15;
    h *= 0x2c1b3c6dU;
    h ^= h >> 12;
    h *= 0x297a2d39U;
    return h ^ (h >> 15);
}
[[nodiscard]] constexpr float lattice(std::int32_t x, std::int32_t y, std::int32_t z) noexcept {
    return static_cast<float>(hash(x, y, z) >> 8) * (2.0F / 16777215.0F) - 1.0F;
}

/// Smooth value noise in [-1, 1], one bump per unit, C1.
[[nodiscard]] inline float noise(Vec3 p) noexcept {
    const float fx = std::floor(p.x), fy = std::floor(p.y), fz = std::floor(p.z);
    const auto ix = static_cast<std::int32_t>(fx), iy = static_cast<std::int32_t>(fy),
               iz = static_cast<std::int32_t>(fz);
    const auto fade = [](float t) { return t * t * (3.0F - 2.0F * t); };
    const float u = fade(p.x - fx), v = fade(p.y - fy), w = fade(p.z - fz);
    const auto row = [&](std::int32_t y, std::int32_t z) { return mix(lattice(ix, y, z), lattice(ix + 1, y, z), u); };
    return mix(mix(row(iy, iz), row(iy + 1, iz), v), mix(row(iy, iz + 1), row(iy + 1, iz + 1), v), w);
}
[[nodiscard]] inline float noise(float x, float y) noexcept {
    const float fx = std::floor(x), fy = std::floor(y);
    const auto ix = static_cast<std::int32_t>(fx), iy = static_cast<std::int32_t>(fy);
    const auto fade = [](float t) { return t * t * (3.0F - 2.0F * t); };
    const float u = fade(x - fx), v = fade(y - fy);
    return mix(mix(lattice(ix, iy, 7), lattice(ix + 1, iy, 7), u),
               mix(lattice(ix, iy + 1, 7), lattice(ix + 1, iy + 1, 7), u), v);
}

}  // namespace cameo::synth
