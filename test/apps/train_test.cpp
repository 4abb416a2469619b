// SPDX-License-Identifier: Apache-2.0
// `cameo train` as its users start it; cameo-train, which shares its inside, is tested in test/train.
#include <filesystem>
#include <fstream>
#include <string>

#include <cameo/generate/eg3d.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using nlohmann::json;

namespace {

json tiny() {
    return {{"batch", 2},
            {"steps", 4},
            {"report_interval", 1},
            {"data_threads", 0},
            {"validation", {{"heads", 2}, {"interval", 2}}},
            {"model",
             {{"w_dim", 16},
              {"channel_base", 64},
              {"channel_max", 8},
              {"plane_resolution", 16},
              {"plane_channels", 4},
              {"decoder_hidden", 8},
              {"features", 4},
              {"raw_resolution", 8},
              {"samples", 4},
              {"fine_samples", 4},
              {"image_resolution", 16},
              {"upsampler", {4}}}},
            {"data", {{"near_points", 40}, {"free_points", 20}, {"antialiasing", 1}}}};
}

}  // namespace

TEST_CASE("train makes a model, a line for each report and sheets of heads that it never saw", "[apps][train]") {
    const support::TemporaryFolder folder;
    io::write_file(folder / "heads.json", tiny().dump(), io::Overwrite::no);
    const auto made = support::run_cameo({"train", (folder / "heads.json").string(), "--json"});
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    const auto model = json::parse(made.out).at("model").get<std::string>();
    CHECK(Eg3d::load(io::read_safetensors(model)).config().image_resolution == 16);
    std::ifstream lines(folder / "run" / "stats.jsonl");
    std::int64_t step = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto entry = json::parse(line);
        CHECK(entry.at("step") == ++step);
        CHECK(entry.at("Loss/density") > 0.0);
        CHECK(entry.contains("validation") == (step % 2 == 0));
    }
    CHECK(step == 4);
    const auto sheet = io::read_image(folder / "run" / "unseen-000000004.png");
    CHECK(sheet.image.width() == 5 * 16);
    CHECK(sheet.image.height() == 2 * 16);
}

TEST_CASE("train says beforehand what a run takes, and leaves nothing behind", "[apps][train]") {
    const support::TemporaryFolder folder;
    io::write_file(folder / "heads.json", tiny().dump(), io::Overwrite::no);
    const auto told = support::run_cameo({"train", (folder / "heads.json").string(), "--dry-run", "--json"});
    INFO(told.err);
    REQUIRE(told.exit_code == 0);
    const auto record = json::parse(told.out);
    CHECK(record.at("parameters") > 1000);
    CHECK(record.at("images") == 8);
    CHECK(record.at("seconds") > 0.0);
    CHECK(record.at("peak_bytes") > 1000000);
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
    CHECK(support::run_cameo({"train", (folder / "none.json").string()}).exit_code == 7);
}
