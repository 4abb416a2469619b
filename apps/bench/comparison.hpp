// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "bench/statistics.hpp"

namespace cameo::apps::bench {

/// What a comparison found of one candidate in one case: a line of the table.
struct Comparison {
    std::string case_name, candidate, against;  ///< against: whose seconds the ratio is over
    int threads = 1;
    std::int64_t batch = 1;
    std::optional<double> seconds{};
    std::optional<Spread> ratio{};
    double gflop = 0.0, samples = 0.0, rays = 0.0;  ///< of one call, by formula; 0: does not apply
    double peak_gflops = 0.0;                       ///< the witness's best; 0: unknown
    std::optional<double> max_abs{}, psnr_db{}, rel_l2{};
    std::optional<double> share_beyond{};        ///< of the rays: those with a feature more than 1e-5 off
    std::optional<double> peak_mb{}, kept_mb{};  ///< of memory: at most, and for the gradient. Units: 10^6 bytes
    std::size_t rounds = 0, left_out = 0;

    [[nodiscard]] std::optional<double> gflops() const;  ///< per second
    [[nodiscard]] std::optional<double> share_of_peak() const;
    [[nodiscard]] std::optional<double> samples_per_s_per_gflops() const;
};

[[nodiscard]] nlohmann::ordered_json record_of(const Comparison& line);

/// The names of the columns, and a line of them.
[[nodiscard]] std::string table_head();
[[nodiscard]] std::string table_line(const Comparison& line);

/// An SVG file: a bar for each ratio.
[[nodiscard]] std::string plot_of(std::span<const Comparison> lines);

}  // namespace cameo::apps::bench
