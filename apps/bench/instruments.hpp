// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace cameo::apps::bench {

/// What times are read from; tests put their own in.
/// Units    wall, cpu: seconds, of the machine and of all threads of this process; witness: float32 GFLOP/s that the
///          machine does on the run's threads now, 0 where there is no code for it
struct Instruments {
    std::function<double()> wall, cpu, witness;
};

[[nodiscard]] Instruments machine_instruments(int threads);

/// float32 GFLOP/s of independent multiply-adds on that many threads, the best of a few tenths of a second; 0 where
/// there is no code for the machine (neither AVX-512 nor AVX2).
[[nodiscard]] double multiply_add_rate(int threads);

/// GB/s, read and written together, of copying memory that no cache holds. Uses 256 MiB for a moment.
[[nodiscard]] double copy_rate(int threads);

}  // namespace cameo::apps::bench
