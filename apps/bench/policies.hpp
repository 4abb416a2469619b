// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bench/rounds.hpp"
#include "bench/statistics.hpp"
#include "terminal.hpp"

namespace cameo::apps::bench {

/// What a renderer policy costs and how near it comes to the reference: a line of the table.
struct PolicyLine {
    std::string scene, policy;
    std::int64_t samples = 0, fine_samples = 0;  ///< of a ray, in the first and the second pass
    std::int64_t side = 0;                       ///< of the rendered picture, pixels
    int threads = 1;
    std::optional<Spread> seconds{};  ///< empty: no round counted
    std::optional<double> psnr_db{};  ///< empty: nothing differs
    std::size_t rounds = 0;
    bool dominated = false;  ///< another one of the table is as fast and as near, and better in one of both
};

/// Marks what is dominated among lines of one scene and number of threads. A line without seconds dominates nothing.
void mark_dominated(std::span<PolicyLine> lines);

[[nodiscard]] nlohmann::ordered_json record_of(const PolicyLine& line);
[[nodiscard]] std::string policy_head();
[[nodiscard]] std::string table_line(const PolicyLine& line);
[[nodiscard]] std::string plot_of(std::span<const PolicyLine> lines);

struct PoliciesOptions {
    std::vector<std::string> policies{}, scenes{};
    std::optional<std::filesystem::path> network{};  ///< of the scene "model"
    std::vector<std::int64_t> sides{};               ///< empty: the scene's own and half of it
    std::vector<int> threads{1};
    std::size_t rounds = 7;
    double least_seconds = 0.1;  ///< of a turn
    double least_busy = RoundLimits{}.least_busy;
    bool keep_noisy = false;
    std::optional<std::filesystem::path> plot{};
    bool force = false;
};

/// All names, in the order of the table; what there is to render.
[[nodiscard]] std::span<const std::string_view> policy_names();
[[nodiscard]] std::span<const std::string_view> scene_names();

/// Errors   those of the model's file; cancelled
void compare_policies(const PoliciesOptions& options, Terminal& terminal);

}  // namespace cameo::apps::bench
