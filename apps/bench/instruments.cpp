// SPDX-License-Identifier: Apache-2.0
#include "bench/instruments.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cameo::apps::bench {
namespace {

double seconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds that `work(i)` takes on threads i = 0 to threads - 1 together. Not parallel_for(), which need not use all.
template <class Work>
double on_threads(int threads, const Work& work) {
    const auto begin = seconds(CLOCK_MONOTONIC);
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back([&work, i] { work(static_cast<std::size_t>(i)); });
    work(std::size_t{0});
    for (auto& other : others) other.join();
    return seconds(CLOCK_MONOTONIC) - begin;
}

#if defined(__x86_64__)
constexpr std::int64_t fma_steps = 40'000'000, fma_chains = 12;

// Chains enough to hide an instruction's latency, in registers alone. Once for each width of vectors.
#define CAMEO_STEP(fma)                                                                                 \
    c0 = fma(c0, a, b), c1 = fma(c1, a, b), c2 = fma(c2, a, b), c3 = fma(c3, a, b), c4 = fma(c4, a, b), \
    c5 = fma(c5, a, b), c6 = fma(c6, a, b), c7 = fma(c7, a, b), c8 = fma(c8, a, b), c9 = fma(c9, a, b), \
    c10 = fma(c10, a, b), c11 = fma(c11, a, b)
#define CAMEO_CHAINS(name, machine, call)                                                                      \
    __attribute__((target(machine))) float name() {                                                            \
        const auto a = call##_set1_ps(0.999f), b = call##_set1_ps(1e-6f);                                      \
        auto c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a; \
        for (std::int64_t i = 0; i < fma_steps; ++i) CAMEO_STEP(call##_fmadd_ps);                              \
        return (c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11)[0];                               \
    }
CAMEO_CHAINS(chains_avx512, "avx512f", _mm512)
CAMEO_CHAINS(chains_avx2, "avx2,fma", _mm256)
#undef CAMEO_CHAINS
#undef CAMEO_STEP
#endif

}  // namespace

Instruments machine_instruments(int threads) {
    return {[] { return seconds(CLOCK_MONOTONIC); }, [] { return seconds(CLOCK_PROCESS_CPUTIME_ID); },
            [threads] { return multiply_add_rate(threads); }};
}

double multiply_add_rate(int threads) {
#if defined(__x86_64__)
    const bool wide = __builtin_cpu_supports("avx512f");
    if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0.0;
    std::vector<float> sink(static_cast<std::size_t>(threads) * 16);
    double best = 0.0;
    // A tenth of a second each: shorter ones fit between what disturbs them. The best of some: threads of what ran
    // before may still be spinning in the first.
    for (int repetition = 0; repetition < 3; ++repetition) {
        const auto time =
            on_threads(threads, [&](std::size_t i) { sink[16 * i] = wide ? chains_avx512() : chains_avx2(); });
        best = std::max(best, 2.0 * (wide ? 16 : 8) * fma_chains * fma_steps * threads / time / 1e9);
    }
    return best;
#else
    return 0.0 * threads;
#endif
}

double copy_rate(int threads) {
    constexpr std::size_t bytes = std::size_t{128} << 20;
    std::vector<char> from(bytes, 1), to(bytes, 2);
    const auto part = bytes / static_cast<std::size_t>(threads);
    double best = 0.0;
    for (int repetition = 0; repetition < 5; ++repetition) {
        const auto time = on_threads(
            threads, [&](std::size_t i) { std::memcpy(to.data() + i * part, from.data() + i * part, part); });
        best = std::max(best, 2.0 * static_cast<double>(part) * threads / time / 1e9);
    }
    return best;
}

}  // namespace cameo::apps::bench
