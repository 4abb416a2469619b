// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/digest.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace cameo::io {
namespace {

using State = std::array<std::uint32_t, 8>;

constexpr std::size_t block_size = 64;

constexpr State initial{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

alignas(16) constexpr std::array<std::uint32_t, 64> round_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// Names and order of operations are those of FIPS 180-4, 4.1.2 and 6.2.2.
void compress_portable(State& state, const std::byte* blocks, std::size_t count) noexcept {
    for (; count > 0; --count, blocks += block_size) {
        std::array<std::uint32_t, 64> w;
        for (std::size_t t = 0; t < 16; ++t) {
            w[t] = 0;
            for (std::size_t i = 0; i < 4; ++i) w[t] = w[t] << 8u | std::to_integer<std::uint32_t>(blocks[4 * t + i]);
        }
        for (std::size_t t = 16; t < 64; ++t) {
            const auto s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ w[t - 15] >> 3u;
            const auto s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ w[t - 2] >> 10u;
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        auto [a, b, c, d, e, f, g, h] = state;
        for (std::size_t t = 0; t < 64; ++t) {
            const auto sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
            const auto t1 = h + sum1 + ((e & f) ^ (~e & g)) + round_constants[t] + w[t];
            const auto sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
            const auto t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
        const State sums{a, b, c, d, e, f, g, h};
        for (std::size_t i = 0; i < state.size(); ++i) state[i] += sums[i];
    }
}

#if defined(__x86_64__)

/// The instructions keep the eight words as ABEF and CDGH and do two rounds at a time.
/// Source   Intel, "Intel SHA Extensions" (Gulley et al., 2013)
__attribute__((target("sha,sse4.1"))) void compress_sha_ni(State& state, const std::byte* blocks,
                                                           std::size_t count) noexcept {
    const auto load = [](const void* from) __attribute__((target("sha,sse4.1"))) {
        return _mm_loadu_si128(static_cast<const __m128i*>(from));
    };
    const auto big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const auto cdab = _mm_shuffle_epi32(load(&state[0]), 0xb1);
    const auto efgh = _mm_shuffle_epi32(load(&state[4]), 0x1b);
    auto abef = _mm_alignr_epi8(cdab, efgh, 8);
    auto cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; count > 0; --count, blocks += block_size) {
        const auto abef_before = abef;
        const auto cdgh_before = cdgh;
        __m128i w[4];
#pragma GCC unroll 16
        for (std::size_t group = 0; group < 16; ++group) {
            auto& words = w[group % 4];
            if (group < 4) {
                words = _mm_shuffle_epi8(load(blocks + 16 * group), big_endian);
            } else {
                const auto& last = w[(group + 3) % 4];
                const auto middle = _mm_alignr_epi8(last, w[(group + 2) % 4], 4);
                words = _mm_add_epi32(_mm_sha256msg1_epu32(words, w[(group + 1) % 4]), middle);
                words = _mm_sha256msg2_epu32(words, last);
            }
            const auto terms = _mm_add_epi32(words, load(&round_constants[4 * group]));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, terms);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(terms, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const auto feba = _mm_shuffle_epi32(abef, 0x1b);
    const auto dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&state[0]), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&state[4]), _mm_alignr_epi8(dchg, feba, 8));
}

bool has_sha_ni() noexcept {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (b & bit_SHA) == 0) return false;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_1) != 0;
}

#endif

}  // namespace

Sha256::Compress Sha256::compress_of(Code code) noexcept {
#if defined(__x86_64__)
    static const bool available = has_sha_ni();
    if (code == Code::fastest && available) return &compress_sha_ni;
#endif
    (void)code;
    return &compress_portable;
}

Sha256::Sha256(Code code) noexcept : compress_(compress_of(code)), state_(initial), block_() {}

void Sha256::update(std::span<const std::byte> bytes) noexcept {
    const auto filled = static_cast<std::size_t>(length_ % block_size);
    length_ += bytes.size();
    if (filled > 0) {
        const auto taken = std::min(block_size - filled, bytes.size());
        std::copy_n(bytes.begin(), taken, block_.begin() + static_cast<std::ptrdiff_t>(filled));
        bytes = bytes.subspan(taken);
        if (filled + taken < block_size) return;
        compress_(state_, block_.data(), 1);
    }
    const auto whole = bytes.size() / block_size;
    compress_(state_, bytes.data(), whole);
    std::ranges::copy(bytes.subspan(whole * block_size), block_.begin());
}

Sha256::Digest Sha256::finish() noexcept {
    const auto bits = 8 * length_;
    const auto filled = static_cast<std::size_t>(length_ % block_size);
    std::array<std::byte, 2 * block_size> end{std::byte{0x80}};  // then zeros, then the length, up to a whole block
    const auto padding = (filled < 56 ? 56 : 120) - filled;
    for (std::size_t i = 0; i < 8; ++i) end[padding + i] = static_cast<std::byte>(bits >> (56 - 8 * i));
    update(std::span(end).first(padding + 8));

    Digest digest;
    for (std::size_t i = 0; i < digest.size(); ++i)
        digest[i] = static_cast<std::byte>(state_[i / 4] >> (24 - 8 * (i % 4)));
    state_ = initial;
    length_ = 0;
    return digest;
}

std::string hex(std::span<const std::byte> bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const auto byte : bytes) {
        text += "0123456789abcdef"[std::to_integer<unsigned>(byte >> 4)];
        text += "0123456789abcdef"[std::to_integer<unsigned>(byte & std::byte{15})];
    }
    return text;
}

}  // namespace cameo::io
