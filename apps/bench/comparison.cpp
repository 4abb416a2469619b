// SPDX-License-Identifier: Apache-2.0
#include "bench/comparison.hpp"

#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/plot.hpp"

namespace cameo::apps::bench {
namespace {

using Json = nlohmann::ordered_json;

Json number(const std::optional<double>& value) { return value && std::isfinite(*value) ? Json(*value) : Json(); }

std::string words(const std::optional<double>& value, const char* format) {
    return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

constexpr const char* columns =
    "{:<13} {:<11} {:>3} {:>3} {:>9} {:>20} {:>9} {:>6} {:>9} {:>9} {:>8} {:>9} {:>8} {:>7}";

}  // namespace

std::optional<double> Comparison::gflops() const {
    return seconds && gflop > 0.0 ? std::optional(gflop / *seconds) : std::nullopt;
}

std::optional<double> Comparison::share_of_peak() const {
    const auto rate = gflops();
    return rate && peak_gflops > 0.0 ? std::optional(*rate / peak_gflops) : std::nullopt;
}

std::optional<double> Comparison::samples_per_s_per_gflops() const {
    return seconds && samples > 0.0 && peak_gflops > 0.0 ? std::optional(samples / *seconds / peak_gflops)
                                                         : std::nullopt;
}

Json record_of(const Comparison& line) {
    const auto rate = [&](double things) {
        return line.seconds && things > 0.0 ? Json(things / *line.seconds) : Json();
    };
    return {{"case", line.case_name},
            {"candidate", line.candidate},
            {"threads", line.threads},
            {"batch", line.batch},
            {"seconds", number(line.seconds)},
            {"ratio", line.ratio ? Json(line.ratio->median) : Json()},
            {"ratio_min", line.ratio ? Json(line.ratio->least) : Json()},
            {"ratio_max", line.ratio ? Json(line.ratio->greatest) : Json()},
            {"share_of_peak", number(line.share_of_peak())},
            {"samples_per_s_per_gflops", number(line.samples_per_s_per_gflops())},
            {"max_abs", number(line.max_abs)},
            {"psnr_db", number(line.psnr_db)},
            {"peak_rss_mb", number(line.peak_mb)},
            {"rounds", line.rounds},
            {"rounds_left_out", line.left_out},
            {"against", line.against},
            {"rel_l2", number(line.rel_l2)},
            {"share_beyond_1e-5", number(line.share_beyond)},
            {"kept_mb", number(line.kept_mb)},
            {"gflop", line.gflop > 0.0 ? Json(line.gflop) : Json()},
            {"gflops", number(line.gflops())},
            {"peak_gflops", line.peak_gflops > 0.0 ? Json(line.peak_gflops) : Json()},
            {"rays_per_s", rate(line.rays)},
            {"samples_per_s", rate(line.samples)}};
}

std::string table_head() {
    return fmt::format(columns, "case", "candidate", "thr", "n", "ms", "ratio", "GFLOP/s", "of P", "Msample/s",
                       "max abs", "PSNR dB", "rel. L2", "peak MB", "rounds");
}

std::string table_line(const Comparison& line) {
    const auto scaled = [](std::optional<double> value, double factor) {
        if (value) *value *= factor;
        return value;
    };
    std::string ratio = "none";
    if (line.candidate == line.against)
        ratio = "1";
    else if (line.ratio)
        ratio = fmt::format("{:.2f} ({:.2f}-{:.2f})", line.ratio->median, line.ratio->least, line.ratio->greatest);
    const auto samples =
        line.seconds && line.samples > 0.0 ? std::optional(line.samples / *line.seconds / 1e6) : std::nullopt;
    auto text =
        fmt::format(columns, line.case_name, line.candidate, line.threads, line.batch,
                    words(scaled(line.seconds, 1e3), "{:.1f}"), ratio, words(line.gflops(), "{:.0f}"),
                    words(scaled(line.share_of_peak(), 100), "{:.0f} %"), words(samples, "{:.2f}"),
                    words(line.max_abs, "{:.1e}"), words(line.psnr_db, "{:.1f}"), words(line.rel_l2, "{:.1e}"),
                    words(line.peak_mb, "{:.0f}"), fmt::format("{}/{}", line.rounds, line.rounds + line.left_out));
    if (const auto rate = line.samples_per_s_per_gflops())
        text += fmt::format("\n              {:.0f} rays/s, {:.1f} k samples/s per GFLOP/s of P",
                            line.rays / *line.seconds, *rate / 1e3);
    if (line.share_beyond && *line.share_beyond > 0.0)
        text += fmt::format("\n              {:.3f} % of the rays are more than 1e-5 off", 100 * *line.share_beyond);
    if (line.kept_mb) text += fmt::format("\n              {:.0f} MB kept for the gradient", *line.kept_mb);
    return text;
}

std::string plot_of(std::span<const Comparison> lines) {
    std::vector<Bar> bars;
    for (const auto& line : lines)
        if (line.ratio && line.candidate != line.against)
            bars.push_back(
                {fmt::format("{} {} ({} thr, n {})", line.case_name, line.candidate, line.threads, line.batch),
                 fmt::format("{:.2f} x {}", line.ratio->median, line.against), line.ratio->median, line.ratio->least,
                 line.ratio->greatest});
    return bar_plot("times as fast, with the least and the greatest of a round", bars);
}

}  // namespace cameo::apps::bench
