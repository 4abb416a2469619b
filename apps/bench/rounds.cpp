// SPDX-License-Identifier: Apache-2.0
#include "bench/rounds.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace cameo::apps::bench {

Turn timed(const Instruments& instruments, double least_seconds, const std::function<void()>& action) {
    const auto begin = instruments.wall(), begin_cpu = instruments.cpu();
    double calls = 0.0, wall = 0.0;
    do {
        action();
        ++calls;
        wall = instruments.wall() - begin;
    } while (wall < least_seconds);
    const auto cpu = instruments.cpu() - begin_cpu;
    return {wall / calls, wall > 0.0 ? std::optional(cpu / wall) : std::nullopt};
}

std::vector<Round> take_rounds(std::span<const Candidate> candidates, std::size_t rounds,
                               const Instruments& instruments, const std::function<void(std::size_t)>& between) {
    std::vector<Round> result;
    for (std::size_t i = 0; i < rounds; ++i) {
        if (between) between(i);
        Round round;
        round.before = result.empty() ? instruments.witness() : result.back().after;
        round.turns.resize(candidates.size());
        for (std::size_t k = 0; k < candidates.size(); ++k) {
            const auto next = i % 2 == 0 ? k : candidates.size() - 1 - k;
            round.turns[next] = candidates[next].turn();
        }
        round.after = instruments.witness();
        result.push_back(std::move(round));
    }
    if (between) between(rounds);
    return result;
}

double peak_of(std::span<const Round> rounds, double head) {
    for (const auto& round : rounds) head = std::max({head, round.before, round.after});
    return head;
}

void judge(std::span<Round> rounds, std::span<const Candidate> candidates, double peak, const RoundLimits& limits) {
    for (auto& round : rounds) {
        round.fault.clear();
        if (const auto worst = std::min(round.before, round.after); worst < (1.0 - limits.most_drop) * peak)
            round.fault = fmt::format("the machine did {:.0f} GFLOP/s beside it, {:.0f} at its best", worst, peak);
        for (std::size_t k = 0; k < candidates.size() && round.fault.empty(); ++k)
            if (const auto busy = round.turns[k].busy; busy && *busy < limits.least_busy * limits.threads)
                round.fault = fmt::format("cpu/wall of {} was {:.2f} of {}", candidates[k].name, *busy, limits.threads);
    }
}

Verdict verdict(std::span<const Round> rounds, std::size_t candidate, std::size_t against, bool keep_noisy) {
    Verdict result;
    std::vector<double> own, others, ratios;
    for (const auto& round : rounds) {
        if (!round.fault.empty() && !keep_noisy) {
            ++result.left_out;
            continue;
        }
        ++result.counted;
        own.push_back(round.turns[candidate].seconds);
        others.push_back(round.turns[against].seconds);
        ratios.push_back(others.back() / own.back());
    }
    if (own.empty()) return result;
    result.seconds = median(own);
    if (result.counted >= least_rounds || keep_noisy) {
        const auto [least, greatest] = std::ranges::minmax(ratios);
        result.ratio = Spread{median(others) / *result.seconds, least, greatest};
    }
    return result;
}

}  // namespace cameo::apps::bench
