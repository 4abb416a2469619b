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
#include "support/tiny_training.hpp"

using namespace cameo;
using nlohmann::json;

namespace {

json tiny() {
    auto config = support::tiny_training();
    config["steps"] = 4;
    config["data_threads"] = 0;
    config["validation"] = {{"heads", 2}, {"interval", 2}};
    return config;
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
