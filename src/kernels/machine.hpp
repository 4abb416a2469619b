// SPDX-License-Identifier: Apache-2.0
// Which of the arithmetics that are compiled this machine can do. Not for the files that hold them: those are compiled
// for machines that may not be this one.
#pragma once

#include <vector>

namespace cameo::kernels {

/// The tables of functions that this machine can use, the fastest first; the arguments give one for AVX-512, one for AVX2
/// and one for any machine.
template <auto& Avx512, auto& Avx2, auto& Baseline>
[[nodiscard]] auto usable_kernels() {
    std::vector<decltype(&Baseline())> usable;
#if defined(__x86_64__)
    const bool fused = __builtin_cpu_supports("fma");
    if (fused && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        usable.push_back(&Avx512());
    if (fused && __builtin_cpu_supports("avx2")) usable.push_back(&Avx2());
#endif
    usable.push_back(&Baseline());
    return usable;
}

}  // namespace cameo::kernels
