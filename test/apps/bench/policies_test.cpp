// SPDX-License-Identifier: Apache-2.0
#include "bench/policies.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/catch.hpp"

using namespace cameo::apps::bench;
using Catch::Contains;

namespace {

PolicyLine line(std::string policy, std::optional<double> seconds, std::optional<double> psnr) {
    PolicyLine made{.scene = "model", .policy = std::move(policy), .samples = 48, .fine_samples = 24, .side = 64};
    if (seconds) made.seconds = Spread{*seconds, *seconds, *seconds};
    made.psnr_db = psnr;
    return made;
}

}  // namespace

TEST_CASE("what is neither faster nor nearer than another is marked, and stays", "[apps][bench]") {
    std::vector<PolicyLine> lines{line("reference", 4.0, {}), line("fused", 0.2, 130.0), line("slow", 0.3, 130.0),
                                  line("half", 0.1, 50.0),    line("worse", 0.1, 49.0),  line("same", 0.1, 50.0),
                                  line("unknown", {}, 200.0)};
    mark_dominated(lines);
    const std::vector<bool> expected{false, false, true, false, true, false, false};
    for (std::size_t i = 0; i < lines.size(); ++i) {
        INFO(lines[i].policy);
        CHECK(lines[i].dominated == expected[i]);
    }
    CHECK_THAT(table_line(lines[2]), Contains("dominated") && Contains("48+24") && Contains("300.0"));
    CHECK_THAT(table_line(lines[0]), Contains("equal") && !Contains("dominated"));
    CHECK(record_of(lines[0])["psnr_db"].is_null());
    CHECK(record_of(lines[6])["seconds"].is_null());
    CHECK_THAT(plot_of(lines), Contains("slow 48+24 at 64 px</title>") && !Contains("unknown"));
}
