// SPDX-License-Identifier: Apache-2.0
// `cameo eval` as its users start it.
#include <string>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"

using cameo::support::run_cameo;
using nlohmann::json;

TEST_CASE("eval scores the default model, by camera and skin tone", "[apps][eval]") {
    const auto found = run_cameo({"eval", "--heads", "12", "--json"});
    INFO(found.err);
    REQUIRE(found.exit_code == 0);
    const auto record = json::parse(found.out);
    const auto& all = record.at("all");
    CHECK(all.at("heads") == 12);
    CHECK(all.at("psnr_db") > 18.0);
    CHECK(all.at("mask_iou") > 0.9);
    CHECK_FALSE(record.contains("distances"));
    for (const auto* key : {"yaw", "skin_tone"}) {
        std::int64_t heads = 0;
        double sum = 0.0;
        for (const auto& group : record.at(key)) {
            const auto count = group.at("heads").get<std::int64_t>();
            heads += count;
            sum += static_cast<double>(count) * group.at("psnr_db").get<double>();
        }
        CHECK(heads == 12);
        CHECK(sum / 12 == Approx(all.at("psnr_db").get<double>()));
    }
}

TEST_CASE("eval says how far fresh heads are from heads, in words too", "[apps][eval]") {
    const auto found = run_cameo({"eval", "--heads", "1", "--pictures", "6"});
    INFO(found.err);
    REQUIRE(found.exit_code == 0);
    CHECK_THAT(found.out,
               Catch::Contains("PSNR dB") && Catch::Contains("level of 16 pixels") && Catch::Contains("other heads"));
}

TEST_CASE("eval refuses what cannot be meant", "[apps][eval]") {
    for (const auto& [arguments, part] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{{{"eval", "--heads", "-1"}, "--heads"},
                                                                       {{"eval", "--heads", "0"}, "nothing to do"},
                                                                       {{"eval", "--pictures", "60000"}, "50000"}}) {
        const auto refused = run_cameo(arguments);
        CHECK(refused.exit_code == 2);
        CHECK_THAT(refused.err, Catch::Contains(part));
    }
}
