// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>

#include <cameo/core/device.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// How far a task has come. Units: of the task (views, steps, files)
struct Progress {
    std::string_view task;  ///< valid during the call only
    std::int64_t done = 0, total = 0;
};

/// How to do a task, never what comes out of it: where, with how much memory, until when. A value, cheap to copy; free
/// of LibTorch, so that every layer can take one.
struct Context {
    Device device{};

    std::uint64_t memory_budget = 0;  ///< bytes that one call may use beyond its arguments and results; 0: no limit
    std::int64_t max_rays = 0;        ///< rays worked on at a time; 0: as the budget allows

    std::stop_token stop{};                           ///< lets another thread, or `progress`, cancel
    std::function<void(const Progress&)> progress{};  ///< may be empty; called on the thread that does the work

    /// Errors: cancelled: a stop was requested
    CAMEO_API void check_cancelled() const;

    /// Tells `progress`, then check_cancelled().
    CAMEO_API void report(std::string_view task, std::int64_t done, std::int64_t total) const;
};

/// How many of `rays` to work on at a time when each needs `bytes_per_ray` and the call `fixed_bytes` besides: at least
/// 1, at most `rays`.
/// Errors   out_of_memory: the budget has no room for one ray; invalid_argument: a negative count
[[nodiscard]] CAMEO_API std::int64_t ray_chunk(const Context& context, std::int64_t rays, std::uint64_t bytes_per_ray,
                                               std::uint64_t fixed_bytes = 0);

}  // namespace cameo
