// SPDX-License-Identifier: Apache-2.0
#include "bench/comparison.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/catch.hpp"

using namespace cameo::apps::bench;
using Catch::Contains;

namespace {

Comparison some() {
    Comparison line;
    line.case_name = "raw";
    line.candidate = "cameo";
    line.against = "reference";
    line.threads = 2;
    line.seconds = 0.5;
    line.ratio = Spread{20.0, 18.0, 21.0};
    line.gflop = 14.0;
    line.samples = 1e6;
    line.rays = 1e4;
    line.peak_gflops = 200.0;
    line.max_abs = 1e-6;
    line.psnr_db = 138.0;
    line.peak_mb = 300.0;
    line.rounds = 7;
    return line;
}

}  // namespace

TEST_CASE("a line's rates follow from its seconds and the witness", "[apps][bench]") {
    auto line = some();
    CHECK(*line.gflops() == Approx(28.0));
    CHECK(*line.share_of_peak() == Approx(0.14));
    CHECK(*line.samples_per_s_per_gflops() == Approx(1e4));
    line.peak_gflops = 0.0;  // a machine without a witness
    CHECK_FALSE(line.share_of_peak());
    CHECK_FALSE(line.samples_per_s_per_gflops());
    line.seconds.reset();
    CHECK_FALSE(line.gflops());
}

TEST_CASE("a record has all keys, null for what is not known", "[apps][bench]") {
    const std::vector<std::string> keys{
        "case",    "candidate", "threads",     "batch",         "seconds",
        "ratio",   "ratio_min", "ratio_max",   "share_of_peak", "samples_per_s_per_gflops",
        "max_abs", "psnr_db",   "peak_rss_mb", "rounds"};
    const auto record = record_of(some()), empty = record_of(Comparison{});
    for (const auto& key : keys) {
        INFO(key);
        CHECK((record.contains(key) && !record[key].is_null()));
        CHECK(empty.contains(key));
    }
    CHECK(record["ratio_min"] == 18.0);
    CHECK(record["rays_per_s"] == 2e4);
    for (const auto* key : {"seconds", "ratio", "share_of_peak", "max_abs", "psnr_db", "rays_per_s"})
        CHECK(empty[key].is_null());
}

TEST_CASE("the table says plainly where there is no ratio, and the plot leaves it out", "[apps][bench]") {
    auto noisy = some(), base = some();
    noisy.ratio.reset();
    noisy.rounds = 3;
    noisy.left_out = 4;
    base.candidate = "reference";
    CHECK_THAT(table_line(some()), Contains("20.00 (18.00-21.00)") && Contains("7/7") && Contains("138.0"));
    CHECK_THAT(table_line(noisy), Contains("none") && Contains("3/7"));
    const std::vector<Comparison> lines{some(), noisy, base};
    const auto plot = plot_of(lines);
    CHECK_THAT(plot, Contains("20.00 x reference"));
    CHECK(plot.find("raw cameo") == plot.rfind("raw cameo"));
}
