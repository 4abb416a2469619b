// SPDX-License-Identifier: Apache-2.0
// cameo-train as its users start it.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <cameo/core/tensor_state.hpp>
#include <cameo/generate/discriminator.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/io/snapshot_folder.hpp>
#include <cameo/train/gloo_group.hpp>
#include <cameo/train/paired.hpp>

#include "support/catch.hpp"
#include "support/failing_disk.hpp"
#include "support/process.hpp"
#include "support/temporary_folder.hpp"
#include "support/tensors.hpp"
#include "support/tiny_training.hpp"
#include "train/in_processes.hpp"

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
    config["output"] = "denser";
    config["start_density"] = 3;
    REQUIRE(trained(written(folder, config.dump())).exit_code == 0);
    const auto denser = Eg3d::load(io::read_safetensors(folder / "denser" / "model.safetensors"));
    auto expected = Eg3d::load(first);
    scale_density(expected, 3);
    const auto found = denser.parameters(), wanted = expected.parameters();
    for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(support::same(found[i].tensor, wanted[i].tensor));
    config.erase("start");
    CHECK(trained(written(folder, config.dump())).exit_code == 2);
    config["start"] = "run/model.safetensors";
    config["model"]["plane_channels"] = 5;
    config["output"] = "third";
    CHECK(trained(written(folder, config.dump())).exit_code == 3);
}

TEST_CASE("a generator is trained against a discriminator that stays with it", "[train][program]") {
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["objective"] = "adversarial";
    config["steps"] = 4;
    config["batch"] = 4;
    config["snapshot_interval"] = 2;
    config["validation"] = {{"heads", 2}, {"interval", 2}};
    config["discriminator"] = {{"channel_base", 64}, {"channel_max", 8}};
    config["adversarial"] = {{"penalty_interval", 2},
                             {"density", 0.25},
                             {"blur", {{"from", 1}, {"images", 8}}},
                             {"style_mixing", 0.5},
                             {"augmentation", {{"strength", 0.2}, {"target", 0.6}}}};
    const auto path = written(folder, config.dump());
    const auto result = trained(path);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(result.err, Catch::Contains("r1_penalty") && Catch::Contains("PSNR"));
    const auto bytes = text_of(folder / "run" / "model.safetensors");

    // From the snapshot in the middle on, the same again: discriminator, its moments and the augmentation are in it.
    REQUIRE(std::filesystem::remove(folder / "run" / "snapshot-000000004.safetensors"));
    const auto again = trained(path);
    CHECK_THAT(again.err, Catch::Contains("going on from step 2"));
    CHECK(text_of(folder / "run" / "model.safetensors") == bytes);

    // Whoever begins with that model has both networks.
    const auto model = io::read_safetensors(folder / "run" / "model.safetensors");
    const auto generator = Eg3d::load(model);
    const auto discriminator = DualDiscriminator::load(model);
    config["output"] = "second";
    config["start"] = "run/model.safetensors";
    config["steps"] = 1;
    config["adversarial"] = {{"generator_rate", 0}, {"discriminator_rate", 0}};
    REQUIRE(trained(written(folder, config.dump())).exit_code == 0);
    const auto second = io::read_safetensors(folder / "second" / "model.safetensors");
    const auto same_as = [](const NamedTensors& a, const NamedTensors& b) {
        REQUIRE(a.size() == b.size());
        for (std::size_t i = 0; i < a.size(); ++i) CHECK(support::same(a[i].tensor, b[i].tensor));
    };
    same_as(Eg3d::load(second).parameters(), generator.parameters());
    same_as(DualDiscriminator::load(second).parameters(), discriminator.parameters());

    config["batch"] = 2;
    const auto refused = trained(written(folder, config.dump()));
    CHECK(refused.exit_code == 2);
    CHECK_THAT(refused.err, Catch::Contains("group_size"));
    config["batch"] = 4;
    config["paired"] = {{"mask", 1}};
    CHECK_THAT(trained(written(folder, config.dump())).err, Catch::Contains("unknown one, 'paired'"));
}

namespace {

/// Starts a run of so many processes, each told its place as torchrun does it; they meet at a file.
std::vector<std::unique_ptr<support::Process>> started(const std::filesystem::path& config, int processes,
                                                       const std::filesystem::path& meeting) {
    std::vector<std::unique_ptr<support::Process>> all;
    for (int rank = 0; rank < processes; ++rank) {
        auto setup = with(config);
        setup.environment = {{"RANK", std::to_string(rank)},
                             {"LOCAL_RANK", std::to_string(rank)},
                             {"WORLD_SIZE", std::to_string(processes)},
                             {"CAMEO_RENDEZVOUS", meeting.string()}};
        all.push_back(std::make_unique<support::Process>(CAMEO_TRAIN_PROGRAM, setup));
    }
    return all;
}

std::vector<support::ProcessResult> ended(std::vector<std::unique_ptr<support::Process>> processes) {
    std::vector<support::ProcessResult> results;
    for (auto& process : processes) results.push_back(process->wait());
    return results;
}

/// Waits for so many reports.
bool has_told(support::Process& process, int reports) {
    const auto told = [&] {
        int count = 0;
        for (const auto& line : support::lines(process.error())) count += line.find("images/s") != std::string::npos;
        return count;
    };
    while (told() < reports)
        if (!process.wait_for_more()) return false;
    return true;
}

/// A port that nobody listens on just now.
std::string free_port() {
    const auto listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    close(listener);
    return std::to_string(ntohs(address.sin_port));
}

}  // namespace

TEST_CASE("two processes have the gradients of one", "[train][program][processes]") {
    if (support::without_gloo()) return;
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["batch"] = 4;
    config["steps"] = 1;
    config["data"]["picture_interval"] = 1;
    REQUIRE(trained(written(folder, config.dump())).exit_code == 0);
    config["output"] = "two";
    const auto path = written(folder, config.dump(), "two.json");
    // As `torchrun` starts them, over TCP.
    const auto port = free_port();
    std::vector<std::unique_ptr<support::Process>> processes;
    for (const auto* rank : {"0", "1"}) {
        auto setup = with(path);
        setup.environment = {{"RANK", rank},
                             {"LOCAL_RANK", rank},
                             {"WORLD_SIZE", "2"},
                             {"MASTER_ADDR", "127.0.0.1"},
                             {"MASTER_PORT", port}};
        processes.push_back(std::make_unique<support::Process>(CAMEO_TRAIN_PROGRAM, setup));
    }
    const auto results = ended(std::move(processes));
    for (const auto& result : results) {
        INFO(result.err);
        CHECK(result.exit_code == 0);
        CHECK(result.out.empty());
    }
    CHECK_THAT(results[0].err, Catch::Contains("training in 2 processes") && Catch::Contains("images/s"));
    CHECK(results[1].err.empty());

    const auto one = io::SnapshotFolder(folder / "run").load(1), two = io::SnapshotFolder(folder / "two").load(1);
    int gradients = 0;
    for (const auto& [name, stored] : one.entries()) {
        if (!name.starts_with("adam.G.first.")) continue;  // a tenth of the gradients
        INFO(name);
        const auto expected = tensor(stored, name);
        gradients += support::scalar(expected.abs().max()) > 0;
        CHECK(support::relative_difference(tensor(two.at(name), name), expected) < 1e-4);
    }
    CHECK(gradients > 20);
    const auto values = [&](const std::string& run) {
        return json::parse(support::lines(text_of(folder / run / "stats.jsonl")).at(0));
    };
    for (const auto* name : {"Loss/density", "Loss/colour", "Loss/image", "Loss/mask"})
        CHECK(values("two").at(name).get<double>() == Approx(values("run").at(name).get<double>()).epsilon(1e-3));
    CHECK(values("two").at("images") == 4);
}

TEST_CASE("when a process is killed the others end as having lost it, and the run goes on from its snapshot",
          "[train][program][processes]") {
    if (support::without_gloo()) return;
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["batch"] = 4;
    config["steps"] = 100000;
    const auto path = written(folder, config.dump());
    for (const std::size_t victim : {1U, 0U}) {
        auto processes = started(path, 2, folder / ("meeting" + std::to_string(victim)));
        REQUIRE(has_told(*processes[0], 3));  // the first two steps have their snapshots
        processes[victim]->signal(SIGKILL);
        const auto killed = std::chrono::steady_clock::now();
        const auto other = processes[1 - victim]->wait();
        INFO(other.err);
        CHECK(std::chrono::steady_clock::now() - killed < std::chrono::seconds(30));
        CHECK(other.exit_code == 9);
        CHECK_THAT(other.err, Catch::Contains("expected the others of the run"));
        CHECK(processes[victim]->wait().signal == SIGKILL);
    }
    const io::SnapshotFolder kept(folder / "run");
    REQUIRE_FALSE(kept.steps().empty());
    const auto step = kept.steps().back();
    const auto going_on = "going on from step " + std::to_string(step);
    {
        auto processes = started(path, 2, folder / "meeting2");
        CHECK(processes[0]->wait_for_error(going_on));
        CHECK(processes[0]->wait_for_error("images/s"));
        // A launcher tells all of them to end; one is enough.
        processes[1]->signal(SIGTERM);
        for (const auto& result : ended(std::move(processes))) {
            INFO(result.err);
            CHECK(result.exit_code == 130);
        }
    }
    CHECK(kept.steps().back() > step);
    support::Process alone(CAMEO_TRAIN_PROGRAM, with(path));
    CHECK(alone.wait_for_error("going on from step " + std::to_string(kept.steps().back())));
    CHECK(alone.wait_for_error("images/s"));
}

TEST_CASE("a run whose processes cannot meet says so", "[train][program][processes]") {
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["patience"] = 1;
    auto setup = with(written(folder, config.dump()));
    setup.environment = {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "0"}};
    const auto nowhere = support::run(CAMEO_TRAIN_PROGRAM, setup);
    INFO("signal " << nowhere.signal);
    CHECK(nowhere.exit_code == 2);
    CHECK_THAT(nowhere.err, Catch::Contains("MASTER_ADDR: expected"));
    setup.environment["CAMEO_RENDEZVOUS"] = (folder / "meeting").string();
    const auto alone = support::run(CAMEO_TRAIN_PROGRAM, setup);
    CHECK(alone.exit_code == (gloo_available() ? 9 : 8));
    CHECK_THAT(alone.err, Catch::Contains("process 0 of 2: expected"));
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

TEST_CASE("a disk that is full for the numbers or for the page ends the run, snapshots whole", "[train][program]") {
    const support::TemporaryFolder folder;
    auto config = tiny();
    config["steps"] = 6;
    config["learning_rate"] = {{"shape", "constant"}};
    const auto path = written(folder, config.dump());
    REQUIRE(trained(path).exit_code == 0);
    const io::SnapshotFolder kept(folder / "run");
    const auto snapshot = text_of(kept.path_of(6));
    const auto page = text_of(folder / "run" / "run.html");
    const auto numbers = std::filesystem::file_size(folder / "run" / "stats.jsonl");
    REQUIRE(numbers + 2000 < page.size() / 2);
    // The run goes on, with reports before its next snapshot.
    config["steps"] = 12;
    config["snapshot_interval"] = 100;
    (void)written(folder, config.dump());
    for (const auto& [limit, name] : {std::pair<rlim_t, const char*>(numbers + 20, "stats.jsonl"),
                                      std::pair<rlim_t, const char*>(page.size() / 2, "run.html")}) {
        struct rlimit before {};
        REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
        const struct rlimit small { limit, before.rlim_max };
        REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
        auto setup = with(path);
        setup.ignored_signals = {SIGXFSZ};
        const auto result = support::run(CAMEO_TRAIN_PROGRAM, setup);
        REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
        INFO(result.err);
        CHECK(result.exit_code == 7);
        CHECK_THAT(result.err, Catch::Contains(name));
        CHECK(kept.steps() == std::vector<std::int64_t>{5, 6});
        CHECK((text_of(kept.path_of(6)) == snapshot));
        CHECK((text_of(folder / "run" / "run.html") == page));  // that of the last good report
    }
    // Room again: nothing is told twice, and what was half written is gone.
    REQUIRE(trained(path).exit_code == 0);
    CHECK(support::lines(text_of(folder / "run" / "stats.jsonl")).size() == 12);
}
