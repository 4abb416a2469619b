// SPDX-License-Identifier: Apache-2.0
// `cameo bench` as its users start it, with one round: whether it is fast is not what tests find out.
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <cameo/core/tensor_state.hpp>
#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>

#include "dispatch.hpp"
#include "program.hpp"
#include "studio.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_training.hpp"
#include "terminal_capture.hpp"
#include "verbs.hpp"

using namespace cameo;
using Catch::Contains;
using nlohmann::json;
using support::run_cameo;
using support::Studio;
using Words = std::vector<std::string>;

namespace {

std::vector<json> objects(const std::string& text) {
    std::vector<json> result;
    for (const auto& line : support::lines(text)) result.push_back(json::parse(line));
    return result;
}

/// Small, and of a machine that does other things meanwhile.
Words with(const Studio& studio, Words words) {
    for (const auto* more : {"--rounds", "1", "--keep-noisy", "--threads", "1", "--network"}) words.emplace_back(more);
    words.push_back((studio.folder / "tiny.safetensors").string());
    return words;
}

/// A peer that knows the right answer to "raw": cameo's own, which it cannot compute, so it gives zeros of that shape.
std::string peer_with(const Studio& studio, const std::string& shape_file) {
    support::write(studio.folder / "peer.sh",
                   "while read -r line; do case \"$line\" in\n"
                   "*hello*) echo '{\"name\": \"zeros\", \"cases\": [\"raw\"]}' ;;\n"
                   "*'\"case\"'*) echo '{\"ready\": true}' ;;\n"
                   "*round*) sleep 0.02; echo '{\"seconds\": 0.01}' ;;\n"
                   "*output*) file=${line#*file\\\":\\\"}; cp '" +
                       shape_file + "' \"${file%%\\\"*}\"; echo '{\"written\": true}' ;;\nesac; done\n");
    return "sh '" + (studio.folder / "peer.sh").string() + "'";
}

}  // namespace

TEST_CASE("bench compare tells each candidate of each case of a model, as text, JSON and a plot", "[apps][bench]") {
    const Studio studio;
    support::write(studio.folder / "heads.json", support::tiny_training().dump());
    const auto plot = (studio.folder / "plot.svg").string();
    const auto result =
        run_cameo(with(studio, {"bench", "compare", "--cases", "frame,raw_step,train_step", "--json", "--plot", plot,
                                "--training", (studio.folder / "heads.json").string()}));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    std::map<std::string, std::set<std::string>> seen;
    for (const auto& line : objects(result.out)) {
        const auto name = line.at("case").get<std::string>();
        INFO(line.dump());
        seen[name].insert(line.at("candidate").get<std::string>());
        CHECK(line.at("threads") == 1);
        CHECK(line.at("batch") == (name == "train_step" ? 2 : 1));
        CHECK(line.at("seconds") > 0.0);
        CHECK(line.at("ratio") > 0.0);
        CHECK(line.at("rounds") == 1);
        if (line.at("candidate") == "cameo") CHECK(line.at("max_abs") < 1e-3);
        if (name.find("step") != std::string::npos && line.at("candidate") == "cameo") CHECK(line.at("rel_l2") < 1e-2);
    }
    CHECK(seen.size() == 3);
    for (const auto& [name, candidates] : seen) CHECK((candidates == std::set<std::string>{"reference", "cameo"}));
    CHECK_THAT(result.err, Contains("GFLOP/s of float32 multiply-adds") && Contains("at the end"));
    CHECK_THAT(support::contents(plot), Contains("train_step cameo") && Contains("</svg>"));

    const auto text = run_cameo(with(studio, {"bench", "compare", "--cases", "raw"}));
    REQUIRE(text.exit_code == 0);
    CHECK_THAT(text.out, Contains("samples/s per GFLOP/s") && Contains("reference") && Contains("1/1"));
}

TEST_CASE("bench compare gives no ratio of too few rounds, and says so", "[apps][bench]") {
    const Studio studio;
    const auto result = run_cameo({"bench", "compare", "--cases", "raw", "--rounds", "1", "--threads", "1", "--json",
                                   "--network", (studio.folder / "tiny.safetensors").string()});
    REQUIRE(result.exit_code == 0);
    for (const auto& line : objects(result.out)) CHECK(line.at("ratio").is_null());
    CHECK_THAT(result.err, Contains("no ratio") && Contains("--keep-noisy"));
}

TEST_CASE("bench compare takes turns with a peer, and ends with its words when it lies", "[apps][bench]") {
    const Studio studio;
    const auto features = [&](const at::Tensor& result, const char* name) {
        StateDict state;
        state.add("result", stored(result));
        const auto path = (studio.folder / name).string();
        io::write_safetensors(path, state);
        return path;
    };
    const auto& config = studio.model.config();
    const auto rays = config.raw_resolution * config.raw_resolution;
    const auto good = features(at::zeros({1, rays, config.feature_channels}), "good");
    const auto result = run_cameo(
        with(studio, {"bench", "compare", "--cases", "raw,backbone", "--json", "--peer", peer_with(studio, good)}));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto lines = objects(result.out);
    REQUIRE(lines.size() == 5);  // of the backbone it knows nothing
    CHECK(lines[2].at("candidate") == "peer");
    CHECK(lines[2].at("seconds") == 0.01);
    CHECK(lines[2].at("max_abs") > 0.01);

    const auto bad = features(at::zeros({1, 5}), "bad");
    const auto lied = run_cameo(with(studio, {"bench", "compare", "--cases", "raw", "--peer", peer_with(studio, bad)}));
    CHECK(lied.exit_code == 9);
    CHECK_THAT(lied.err, Contains("peer zeros: raw") && Contains("[1, 5]"));
    const auto died =
        run_cameo(with(studio, {"bench", "compare", "--cases", "raw", "--peer", "echo no such library >&2; exit 4"}));
    CHECK(died.exit_code == 9);
    CHECK_THAT(died.err, Contains("no such library") && Contains("exit code 4"));
    CHECK(died.out.empty());
    const auto hung =
        run_cameo(with(studio, {"bench", "compare", "--cases", "raw", "--peer", "sleep 60", "--peer-limit", "300ms"}));
    CHECK(hung.exit_code == 9);
    CHECK_THAT(hung.err, Contains("within 0.3 s"));
}

TEST_CASE("bench policies tells time and nearness of each way to render, dominated ones too", "[apps][bench]") {
    const Studio studio;
    const auto plot = (studio.folder / "policies.svg").string();
    const auto result = run_cameo(with(studio, {"bench", "policies", "--sizes", "8,4", "--json", "--plot", plot}));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    std::map<std::string, std::set<std::string>> seen;
    std::size_t equal = 0;
    for (const auto& line : objects(result.out)) {
        INFO(line.dump());
        seen[line.at("scene")].insert(line.at("policy").get<std::string>());
        CHECK(line.at("seconds") > 0.0);
        const auto full = line.at("side") == 8;
        if (line.at("policy") == "reference" && full) {
            ++equal;
            CHECK(line.at("psnr_db").is_null());
            CHECK(line.at("dominated") == false);
        }
        if (line.at("policy") == "fused" && full) CHECK(line.at("psnr_db") > 90.0);
        // Errors of 48 10^-4 and 10^-3 at most; of a model, before what follows.
        if (line.at("policy") == "thrifty" && full && line.at("scene") == "ellipsoid") CHECK(line.at("psnr_db") > 40.0);
        CHECK(line.at("dominated").is_boolean());
    }
    CHECK(seen.at("model").size() == 16);
    CHECK(seen.at("ellipsoid").size() == 16);
    CHECK(seen.at("spheres").size() == 9);  // a closed form has no planes to fuse
    CHECK(equal == 3);
    CHECK_THAT(support::contents(plot), Contains("reference") && Contains("</svg>"));

    const auto text = run_cameo(
        with(studio, {"bench", "policies", "--scenes", "spheres", "--policies", "reference,half", "--sizes", "8"}));
    REQUIRE(text.exit_code == 0);
    CHECK_THAT(text.out, Contains("48+48") && Contains("24+24") && Contains("equal"));
}

TEST_CASE("a word of bench's that cannot be obeyed is answered in words", "[apps][bench]") {
    const Studio studio;
    struct Case {
        Words words;
        int exit_code;
        std::string part;
    };
    const auto model = (studio.folder / "tiny.safetensors").string();
    support::write(studio.folder / "there.svg", "");
    const auto there = (studio.folder / "there.svg").string();
    const std::vector<Case> cases{{{}, 2, "ACTION"},
                                  {{"race"}, 2, "compare or policies"},
                                  {{"compare", "--cases", "frames"}, 2, "did you mean frame?"},
                                  {{"compare", "--cases", "frame,,raw"}, 2, "--cases"},
                                  {{"policies", "--policies", "fsed"}, 2, "did you mean fused?"},
                                  {{"policies", "--scenes", "city"}, 2, "--scenes"},
                                  {{"compare", "--rounds", "0"}, 2, "--rounds"},
                                  {{"compare", "--rounds", "-3"}, 2, "--rounds"},
                                  {{"compare", "--least-busy", "1.5"}, 2, "--least-busy"},
                                  {{"compare", "--threads", "0"}, 2, "--threads"},
                                  {{"compare", "--threads", "two"}, 2, "--threads"},
                                  {{"compare", "--batch", "0"}, 2, "--batch"},
                                  {{"policies", "--sizes", "0"}, 2, "--sizes"},
                                  {{"policies", "--cases", "raw"}, 2, "bench compare"},
                                  {{"compare", "--policies", "fused"}, 2, "bench policies"},
                                  {{"compare", "--plot", "plot.png"}, 2, ".svg"},
                                  {{"compare", "--cases", "raw", "--plot", there, "--model", model}, 7, "--force"},
                                  {{"compare", "--cases", "raw", "--model", "none.safetensors"}, 7, "none.safetensors"},
                                  {{"compare", "--cases", "raw", "--model", there}, 3, "there.svg"},
                                  {{"policies", "--model", "net.pkl"}, 3, "cameo convert"},
                                  {{"compare", "--cases", "train_step", "--training", "none.json"}, 7, "none.json"},
                                  {{"compare", "--peer-limit", "0s"}, 2, "--peer-limit"}};
    for (const auto& [words, exit_code, part] : cases) {
        support::CapturedTerminal captured;
        CHECK(apps::run_verb(apps::bench_speed, words, captured.terminal, [] { return std::stop_token(); }) ==
              exit_code);
        INFO(part << ": " << captured.err.text());
        CHECK_THAT(captured.err.text(), Contains(part));
        CHECK(captured.out.text().empty());
    }
}
