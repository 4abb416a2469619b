// SPDX-License-Identifier: Apache-2.0
// cameo-train as its users start it.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include <cameo/generate/eg3d.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/io/snapshot_folder.hpp>

#include "support/catch.hpp"
#include "support/failing_disk.hpp"
#include "support/process.hpp"
#include "support/temporary_folder.hpp"
#include "support/tensors.hpp"
#include "support/tiny_training.hpp"

using namespace cameo;
using nlohmann::json;
using support::text_of;

namespace {

json tiny() {
    auto config = support::tiny_training();
    config["steps"] = 30;
    config["snapshot_interval"] = 1;
    config["threads"] = 1;
    config["data_threads"] = 1;
    return config;
}

std::filesystem::path written(const support::TemporaryFolder& folder, const std::string& text,
                              const std::string& name = "config.json") {
    io::write_file(folder / name, text, io::Overwrite::yes);
    return folder / name;
}

support::ProcessSetup with(const std::filesystem::path& config) {
    return {.arguments = {"--config", config.string()}, .limit = std::chrono::seconds(300)};
}

support::ProcessResult trained(const std::filesystem::path& config) {
    return support::run(CAMEO_TRAIN_PROGRAM, with(config));
}

}  // namespace

TEST_CASE("a run that is killed at any moment ends with the model of the unbroken one", "[train][program]") {
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["output"] = "whole";
    const auto whole = trained(written(folder, config.dump(), "whole.json"));
    INFO(whole.err);
    REQUIRE(whole.exit_code == 0);

    config["output"] = "killed";
    const auto path = written(folder, config.dump());
    std::mt19937 random(7);  // the moments are anything at all; the seed only spreads them
    for (int kill = 0; kill < 5; ++kill) {
        support::Process process(CAMEO_TRAIN_PROGRAM, with(path));
        // At least one step of its own, so that the run gets on.
        REQUIRE(process.wait_for_error("images/s"));
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60000));
        process.signal(SIGKILL);
        const auto killed = process.wait();
        INFO(killed.err);
        CHECK((killed.signal == SIGKILL || killed.exit_code == 0));
    }
    const auto last = trained(path);
    INFO(last.err);
    REQUIRE(last.exit_code == 0);
    CHECK(text_of(folder / "killed" / "model.safetensors") == text_of(folder / "whole" / "model.safetensors"));
    // Steps that were made twice are told once.
    const auto steps_in = [&](const std::string& run) {
        std::vector<std::int64_t> steps;
        std::ifstream lines(folder / run / "stats.jsonl");
        for (std::string line; std::getline(lines, line);) steps.push_back(json::parse(line).at("step"));
        return steps;
    };
    CHECK(steps_in("whole").size() == 30);
    CHECK((steps_in("killed") == steps_in("whole")));
    for (const auto& name : support::names_in(folder / "killed"))
        CHECK_FALSE(name.starts_with(".snapshot"));  // what a killed process left is gone

    const auto model = Eg3d::load(io::read_safetensors(folder / "whole" / "model.safetensors"));
    CHECK(model.config().z_dim == 64);
    CHECK_FALSE(model.config().normalize_z);
    CHECK(model.config().white_background);
}

TEST_CASE("SIGTERM ends a run after a snapshot, from which it goes on", "[train][program]") {
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["steps"] = 100000;
    config["snapshot_interval"] = 100000;
    const auto path = written(folder, config.dump());
    support::Process process(CAMEO_TRAIN_PROGRAM, with(path));
    REQUIRE(process.wait_for_error("images/s"));
    process.signal(SIGTERM);
    const auto stopped = process.wait();
    INFO(stopped.err);
    CHECK(stopped.exit_code == 130);
    const io::SnapshotFolder kept(folder / "run");
    REQUIRE(kept.steps().size() == 1);
    CHECK(std::filesystem::exists(folder / "run" / "model.safetensors"));
    support::Process second(CAMEO_TRAIN_PROGRAM, with(path));
    CHECK(second.wait_for_error("going on from step " + std::to_string(kept.steps().back())));
}

TEST_CASE("configurations that cannot be meant are refused by name", "[train][program]") {
    const support::TemporaryFolder folder;
    const auto refused = [&](const std::string& text, int code, const std::string& part) {
        INFO(text);
        const auto result = trained(written(folder, text));
        CHECK(result.exit_code == code);
        CHECK_THAT(result.err, Catch::Contains(part));
        CHECK(result.out.empty());
    };
    refused("{", 2, "expected JSON");
    refused(R"({"step": 3})", 2, "unknown one, 'step'");
    refused(R"({"model": {"planes": 3}})", 2, "config.json: model: expected keys among");
    refused(R"({"steps": "many"})", 2, "config.json: steps: expected an integer from 1 to");
    refused(R"({"steps": 1.5})", 2, "steps: expected an integer");
    refused(R"({"batch": 0})", 2, "batch: expected an integer from 1");
    refused(R"({"paired": 3})", 2, "paired: expected an object, got 3");
    refused(R"({"device": "tpu"})", 2, "device: expected 'cpu' or 'cuda', got \"tpu\"");
    refused(R"({"steps": 1, "steps": 2})", 2, "'steps' twice");
    refused(R"({"model": {"plane_resolution": 48}})", 5, "plane");
    refused(R"({"data": {"first_identity": 899999, "identities": 2}})", 2, "kept for tests");
    CHECK(trained(folder / "none.json").exit_code == 7);
    CHECK(support::run(CAMEO_TRAIN_PROGRAM, {.arguments = {"--confg", "x"}}).exit_code == 2);
    const auto help = support::run(CAMEO_TRAIN_PROGRAM, {.arguments = {"--help"}});
    CHECK(help.exit_code == 0);
    CHECK_THAT(help.out, Catch::Contains("--config FILE.json"));
}

TEST_CASE("another run's snapshots are refused, naming what differs", "[train][program]") {
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["steps"] = 2;
    REQUIRE(trained(written(folder, config.dump())).exit_code == 0);
    config["model"]["plane_channels"] = 5;
    config["paired"]["mask"] = 2;
    const auto result = trained(written(folder, config.dump()));
    CHECK(result.exit_code == 5);
    CHECK_THAT(result.err,
               Catch::Contains("objective.mask was 0.5, is 2") && Catch::Contains("plane_channels was 4, is 5"));
}

TEST_CASE("a run begins with the weights of another model", "[train][program]") {
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["steps"] = 2;
    REQUIRE(trained(written(folder, config.dump())).exit_code == 0);
    config["output"] = "second";
    config["licence"] = "CC0-1.0";
    config["start"] = "run/model.safetensors";
    config["steps"] = 1;
    config["paired"] = {{"learning_rate", 0}};
    const auto result = trained(written(folder, config.dump()));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    // Nothing was learnt, so the model is the first one.
    const auto first = io::read_safetensors(folder / "run" / "model.safetensors"),
               second = io::read_safetensors(folder / "second" / "model.safetensors");
    CHECK(json::parse(second.metadata.at("cameo")).at("licence") == "CC0-1.0");
    for (const auto& [name, tensor] : Eg3d::load(first).parameters()) {
        INFO(name);
        for (const auto& [other, found] : Eg3d::load(second).parameters())
            if (other == name) CHECK(support::same(tensor, found));
    }
    config["model"]["plane_channels"] = 5;
    config["output"] = "third";
    CHECK(trained(written(folder, config.dump())).exit_code == 3);
}

TEST_CASE("a full disk ends the run with the last good snapshot whole", "[train][program]") {
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["steps"] = 2;
    const auto path = written(folder, config.dump());
    REQUIRE(trained(path).exit_code == 0);
    const io::SnapshotFolder kept(folder / "run");
    REQUIRE(kept.steps() == std::vector<std::int64_t>{1, 2});
    // Snapshots of a larger model do not fit into the files that the process may write.
    std::filesystem::remove(kept.path_of(2));
    const auto size = std::filesystem::file_size(kept.path_of(1));
    struct rlimit before {};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const struct rlimit small { size - 1000, before.rlim_max };
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    auto setup = with(path);
    setup.ignored_signals = {SIGXFSZ};
    const auto result = support::run(CAMEO_TRAIN_PROGRAM, setup);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    INFO(result.err);
    CHECK(result.exit_code == 7);
    CHECK_THAT(result.err, Catch::Contains("snapshot-000000002"));
    CHECK(kept.steps() == std::vector<std::int64_t>{1});
    CHECK(kept.load(1).size() > 10);
}
