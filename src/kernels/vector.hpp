// SPDX-License-Identifier: Apache-2.0
// A few floats at a time, as wide as the file that includes this is compiled for. Not for other files: everything is in
// a namespace of its own for each width, since the linker would else mix functions of different machines.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__)
#include <immintrin.h>
#define CAMEO_VECTOR_BYTES 64
#define CAMEO_VECTOR_NAMESPACE avx512
#define CAMEO_VECTOR_NAME "AVX-512"
#elif defined(__AVX2__)
#include <immintrin.h>
#define CAMEO_VECTOR_BYTES 32
#define CAMEO_VECTOR_NAMESPACE avx2
#define CAMEO_VECTOR_NAME "AVX2"
#else
#define CAMEO_VECTOR_BYTES 16
#define CAMEO_VECTOR_NAMESPACE baseline
#define CAMEO_VECTOR_NAME "baseline"
#endif
#define CAMEO_INLINE inline __attribute__((always_inline))

namespace cameo::kernels::CAMEO_VECTOR_NAMESPACE {

using Vec = float __attribute__((vector_size(CAMEO_VECTOR_BYTES)));
using Int = std::int32_t __attribute__((vector_size(CAMEO_VECTOR_BYTES)));
constexpr std::int64_t lanes = CAMEO_VECTOR_BYTES / 4;
#if defined(__AVX512F__)
constexpr __mmask16 all = 0xffff;  // the forms without a mask raise false alarms (GCC bug 105593)
#endif

CAMEO_INLINE std::int64_t rounded_up(std::int64_t count, std::int64_t unit) { return (count + unit - 1) / unit * unit; }
CAMEO_INLINE std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

CAMEO_INLINE Vec load(const float* from) {
    Vec v;
    std::memcpy(&v, from, sizeof v);
    return v;
}
CAMEO_INLINE void store(float* to, Vec v) { std::memcpy(to, &v, sizeof v); }
CAMEO_INLINE void store(std::int32_t* to, Int v) { std::memcpy(to, &v, sizeof v); }
CAMEO_INLINE Vec splat(float x) { return x - Vec{}; }
CAMEO_INLINE Int splat(std::int32_t x) { return x - Int{}; }
CAMEO_INLINE Vec select(Int mask, Vec yes, Vec no) { return mask ? yes : no; }
CAMEO_INLINE Int bits(Vec v) {
    Int i;
    std::memcpy(&i, &v, sizeof i);
    return i;
}
CAMEO_INLINE Vec from_bits(Int i) {
    Vec v;
    std::memcpy(&v, &i, sizeof v);
    return v;
}

/// 0, 1, 2, ...
CAMEO_INLINE Int ramp() {
    Int i{};
    for (std::int64_t lane = 0; lane < lanes; ++lane) i[lane] = static_cast<std::int32_t>(lane);
    return i;
}

/// a b + c, rounded once where the machine can. Contraction is off, so that every other product is rounded.
CAMEO_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/// The larger and the smaller; b when one of them is NaN.
CAMEO_INLINE Vec larger(Vec a, Vec b) {
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_max_ps(all, (__m512)a, (__m512)b);
#else
    return a > b ? a : b;
#endif
}
CAMEO_INLINE Vec smaller(Vec a, Vec b) {
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_min_ps(all, (__m512)a, (__m512)b);
#else
    return a < b ? a : b;
#endif
}

/// Rounded down, and as integers. Beyond 2^31 anything.
CAMEO_INLINE Vec floor(Vec x, Int& whole) {
    const Int i = __builtin_convertvector(x, Int);
    const Vec towards_zero = __builtin_convertvector(i, Vec);
    whole = towards_zero > x ? i - 1 : i;
    return towards_zero > x ? towards_zero - 1.0f : towards_zero;
}

/// from[index] for each lane.
CAMEO_INLINE Vec gather(const float* from, Int index) {
#if defined(__AVX512F__)
    return (Vec)_mm512_mask_i32gather_ps(_mm512_setzero_ps(), all, (__m512i)index, from, 4);
#else
    Vec v{};
    for (std::int64_t lane = 0; lane < lanes; ++lane) v[lane] = from[index[lane]];
    return v;
#endif
}

using Quarter = float __attribute__((vector_size(16)));

/// Within each four lanes: lanes `First` and `First` + 1 of a and b, in turns or one pair after the other.
template <int First, bool Turns, int... Lane>
CAMEO_INLINE Vec paired(Vec a, Vec b, std::integer_sequence<int, Lane...>) {
    constexpr int other = static_cast<int>(lanes);
    return __builtin_shufflevector(
        a, b, (Lane / 4 * 4 + First + (Turns ? Lane % 4 / 2 + Lane % 2 * other : Lane % 2 + Lane % 4 / 2 * other))...);
}

/// The sums of the lanes of four vectors, always in the same order.
CAMEO_INLINE Quarter sums(Vec a, Vec b, Vec c, Vec d) {
    constexpr std::make_integer_sequence<int, static_cast<int>(lanes)> all_lanes;
    const Vec ab = paired<0, true>(a, b, all_lanes) + paired<2, true>(a, b, all_lanes);
    const Vec cd = paired<0, true>(c, d, all_lanes) + paired<2, true>(c, d, all_lanes);
    const Vec whole = paired<0, false>(ab, cd, all_lanes) + paired<2, false>(ab, cd, all_lanes);
    Quarter part[lanes / 4];
    std::memcpy(part, &whole, sizeof part);
    for (std::int64_t half = lanes / 8; half > 0; half /= 2)
        for (std::int64_t i = 0; i < half; ++i) part[i] += part[i + half];
    return part[0];
}
CAMEO_INLINE float sum(Vec x) { return sums(x, Vec{}, Vec{}, Vec{})[0]; }

/// 1 / x to 1 ulp, for x whose reciprocal is a normal number.
CAMEO_INLINE Vec reciprocal(Vec x) {
#if defined(__AVX512F__)
    const Vec guess = (Vec)_mm512_maskz_rcp14_ps(all, (__m512)x);
    return fma(guess, fma(-x, guess, splat(1.0f)), guess);
#else
    return 1.0f / x;
#endif
}

// Functions of several vectors at once, step by step for all of them: each step waits for the one before it.
#define CAMEO_EACH _Pragma("GCC unroll 8") for (int i = 0; i < Count; ++i)

/// exp(x) in place for x from -120 to 87, to 1 ulp; below -87.3 it may be 0, below -104 it is. NaN stays.
template <int Count>
CAMEO_INLINE void exp_within(Vec (&x)[Count]) {
    // The sum with 1.5 2^23 is a whole number, and its low bits are that number.
    constexpr float whole = 12582912.0f;
    Vec shifted[Count], n[Count], p[Count];
    CAMEO_EACH shifted[i] = fma(x[i], splat(1.44269504f), splat(whole));
    CAMEO_EACH n[i] = shifted[i] - whole;
    CAMEO_EACH x[i] = fma(n[i], splat(-0.693145752f), x[i]);
    CAMEO_EACH x[i] = fma(n[i], splat(-1.42860677e-6f), x[i]);
    CAMEO_EACH p[i] = fma(splat(1.381482810e-03f), x[i], splat(8.368709786e-03f));
    CAMEO_EACH p[i] = fma(p[i], x[i], splat(4.166838321e-02f));
    CAMEO_EACH p[i] = fma(p[i], x[i], splat(1.666652071e-01f));
    CAMEO_EACH p[i] = fma(p[i], x[i], splat(4.999999347e-01f));
    CAMEO_EACH p[i] = fma(p[i], x[i], splat(1.0f));
    CAMEO_EACH p[i] = fma(p[i], x[i], splat(1.0f));
#if defined(__AVX512F__)
    CAMEO_EACH x[i] = (Vec)_mm512_maskz_scalef_ps(all, (__m512)p[i], (__m512)n[i]);
#else
    Int exponent[Count];
    CAMEO_EACH exponent[i] = bits(shifted[i]) - splat(std::int32_t{0x4b400000 - 127});
    CAMEO_EACH x[i] = p[i] * from_bits((exponent[i] > 0 ? exponent[i] : Int{}) << 23);
#endif
}

constexpr float least_exponent = -120.0f, greatest_exponent = 87.0f;

/// The same for all x, with exp(87) above 87.
CAMEO_INLINE Vec exp(Vec x) {
    Vec one[1] = {smaller(splat(greatest_exponent), larger(splat(least_exponent), x))};
    exp_within(one);
    return one[0];
}

/// log(1 + exp(x)) in place, to 2 ulp; `decay` is exp(-|x|).
template <int Count>
CAMEO_INLINE void softplus(Vec (&x)[Count], Vec (&decay)[Count]) {
    Vec p[Count];
    CAMEO_EACH decay[i] = from_bits(bits(x[i]) | splat(std::int32_t{-0x7fffffff - 1}));
    CAMEO_EACH decay[i] = larger(splat(least_exponent), decay[i]);
    exp_within(decay);
    CAMEO_EACH p[i] = fma(splat(5.232694111e-03f), decay[i], splat(-2.950523728e-02f));
    CAMEO_EACH p[i] = fma(p[i], decay[i], splat(7.822594782e-02f));
    CAMEO_EACH p[i] = fma(p[i], decay[i], splat(-1.366324530e-01f));
    CAMEO_EACH p[i] = fma(p[i], decay[i], splat(1.910600644e-01f));
    CAMEO_EACH p[i] = fma(p[i], decay[i], splat(-2.484298211e-01f));
    CAMEO_EACH p[i] = fma(p[i], decay[i], splat(3.331909679e-01f));
    CAMEO_EACH p[i] = fma(p[i], decay[i], splat(-4.999949314e-01f));
    CAMEO_EACH p[i] = fma(p[i], decay[i], splat(9.999999699e-01f));
    CAMEO_EACH x[i] = fma(p[i], decay[i], larger(Vec{}, x[i]));
}
template <int Count>
CAMEO_INLINE void softplus(Vec (&x)[Count]) {
    Vec decay[Count];
    softplus(x, decay);
}

/// 1 / (1 + exp(-x)) in place, to 2 ulp.
template <int Count>
CAMEO_INLINE void sigmoid(Vec (&x)[Count]) {
    CAMEO_EACH x[i] = larger(splat(least_exponent), smaller(splat(greatest_exponent), -x[i]));
    exp_within(x);
    CAMEO_EACH x[i] = reciprocal(x[i] + 1.0f);
}

/// The derivative of softplus at x, from what softplus called its decay.
CAMEO_INLINE Vec slope(Vec x, Vec decay) {
    const Vec share = reciprocal(decay + 1.0f);
    return x < 0.0f ? decay * share : share;
}

}  // namespace cameo::kernels::CAMEO_VECTOR_NAMESPACE
