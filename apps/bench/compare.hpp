// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/rounds.hpp"
#include "terminal.hpp"

namespace cameo::apps::bench {

struct CompareOptions {
    std::vector<std::string> cases{};
    std::optional<std::filesystem::path> network{};   ///< empty: Subject::full_size()
    std::optional<std::filesystem::path> training{};  ///< for train_step
    std::vector<int> threads{1};
    std::vector<std::int64_t> batches{1};
    std::size_t rounds = 7;
    double least_seconds = 0.25;  ///< of a turn
    double least_busy = RoundLimits{}.least_busy;
    bool keep_noisy = false;
    std::optional<std::string> peer{};  ///< a command
    std::chrono::milliseconds peer_limit{std::chrono::minutes(10)};
    std::optional<std::filesystem::path> plot{};
    bool force = false;
};

/// The reference policy, cameo and, where there is one, a peer take turns with the same weights, latents, cameras and
/// random numbers; a line of the table for each.
/// Errors   peer_lost; cancelled; those of the model's and the training's files
void compare(const CompareOptions& options, Terminal& terminal);

}  // namespace cameo::apps::bench
