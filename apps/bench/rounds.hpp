// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/instruments.hpp"
#include "bench/statistics.hpp"

namespace cameo::apps::bench {

/// One turn of a candidate. Units: seconds of one call; busy: cores that worked, CPU time over wall time, where known
struct Turn {
    double seconds = 0.0;
    std::optional<double> busy{};
};

/// One of those that take turns.
struct Candidate {
    std::string name;
    std::function<Turn()> turn;
};

/// Calls `action` until the turn has lasted `least_seconds`, at least once: a clock reads short calls badly.
[[nodiscard]] Turn timed(const Instruments& instruments, double least_seconds, const std::function<void()>& action);

/// A turn of every candidate, and the witness before and after them.
struct Round {
    double before = 0.0, after = 0.0;
    std::vector<Turn> turns;
    std::string fault{};  ///< why it does not count; empty when it does
};

/// Rounds one after the other, the order of the candidates turned round each time: A B, B A, A B, ... Calls
/// `between(done)` before each round and at the end.
[[nodiscard]] std::vector<Round> take_rounds(std::span<const Candidate> candidates, std::size_t rounds,
                                             const Instruments& instruments,
                                             const std::function<void(std::size_t done)>& between = {});

/// What a round must hold to count.
struct RoundLimits {
    int threads = 1;
    double least_busy = 0.93;  ///< of the threads, for each candidate that tells
    double most_drop = 0.05;   ///< of the witness, against `peak`
};

/// The best that the witness said in a run.
[[nodiscard]] double peak_of(std::span<const Round> rounds, double head);

/// Writes each round's fault, or none.
void judge(std::span<Round> rounds, std::span<const Candidate> candidates, double peak, const RoundLimits& limits);

/// Fewer rounds than these give no ratio.
inline constexpr std::size_t least_rounds = 5;

/// What the rounds say of a candidate against another.
struct Verdict {
    std::size_t counted = 0, left_out = 0;
    std::optional<double> seconds{};  ///< median of the rounds that count; empty without any
    std::optional<Spread> ratio{};    ///< of the medians, between the least and the greatest of a round
};

/// `keep_noisy` counts all rounds, however few.
[[nodiscard]] Verdict verdict(std::span<const Round> rounds, std::size_t candidate, std::size_t against,
                              bool keep_noisy);

}  // namespace cameo::apps::bench
