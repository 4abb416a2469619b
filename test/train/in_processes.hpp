// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include <cameo/train/gloo_group.hpp>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace cameo::support {

/// Says so where many processes cannot be tested.
inline bool without_gloo() {
    if (!gloo_available()) WARN("skipped: this build is without Gloo");
    return !gloo_available();
}

/// Calls work(group) on as many threads, each of which stands for a process of one run. Returns what each threw. Catch2's
/// checks belong behind it.
template <class Work>
std::vector<std::exception_ptr> in_processes(std::int64_t count, const Work& work,
                                             std::chrono::milliseconds patience = std::chrono::seconds(25)) {
    const TemporaryFolder folder;
    std::vector<std::exception_ptr> problems(static_cast<std::size_t>(count));
    std::vector<std::jthread> threads;
    for (std::int64_t rank = 0; rank < count; ++rank)
        threads.emplace_back([&, rank] {
            try {
                GlooGroup group({.rank = rank, .size = count, .file = folder / "meeting"}, patience);
                work(group);
            } catch (...) {
                problems[static_cast<std::size_t>(rank)] = std::current_exception();
            }
        });
    threads.clear();
    return problems;
}

inline void rethrow_first(const std::vector<std::exception_ptr>& problems) {
    for (const auto& problem : problems)
        if (problem) std::rethrow_exception(problem);
}

}  // namespace cameo::support
