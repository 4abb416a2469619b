// SPDX-License-Identifier: Apache-2.0
#include "bench/peer.hpp"

#include <chrono>
#include <filesystem>
#include <string>

#include <signal.h>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/io/safetensors.hpp>

#include "apps/program.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using apps::bench::Peer;
using namespace std::chrono_literals;

namespace {

constexpr const char* greeting = "read line; echo '{\"name\": \"shell\", \"cases\": [\"raw\"]}'\n";

/// A peer made of shell lines.
struct Script {
    support::TemporaryFolder folder;

    Script() { ::signal(SIGPIPE, SIG_IGN); }  // as main() does
    [[nodiscard]] Peer::Options options(const std::string& lines, std::chrono::milliseconds limit = 20s) const {
        support::write(folder / "peer.sh", lines);
        return {.command = "exec sh '" + (folder / "peer.sh").string() + "'", .threads = 2, .limit = limit};
    }
    [[nodiscard]] auto fails_with(const std::string& lines, const std::string& words) const {
        CHECK_THROWS_MATCHES(Peer(options(lines)), Error, support::is_error(Errc::peer_lost, words));
    }
};

}  // namespace

TEST_CASE("a peer that keeps to the protocol is asked line by line", "[apps][bench]") {
    const Script script;
    StateDict result;
    result.add("result", stored(at::tensor({1.0f, 2.0f})));
    io::write_safetensors(script.folder / "result.safetensors", result);
    const auto lines = "exec 2>'" + (script.folder / "log").string() +
                       "'\nwhile read -r line; do echo \"$line\" >&2; case \"$line\" in\n"
                       "*hello*) echo '{\"name\": \"shell\", \"cases\": [\"raw\", \"frame\"]}' ;;\n"
                       "*'\"case\"'*) echo '{\"ready\": true}' ;;\n"
                       "*round*) sleep 0.03; echo '{\"seconds\": 0.02, \"cpu_seconds\": 0.03}' ;;\n"
                       "*output*) cp '" +
                       (script.folder / "result.safetensors").string() + "' '" + (script.folder / "out").string() +
                       "'; echo '{\"written\": true}' ;;\n"
                       "esac; done\necho end >&2\n";
    {
        Peer peer(script.options(lines));
        CHECK(peer.name() == "shell");
        CHECK(peer.offers("frame"));
        CHECK_FALSE(peer.offers("conv3x3_64"));
        peer.begin("raw", 3, "model.safetensors", "inputs.safetensors");
        const auto turn = peer.turn();
        CHECK(turn.seconds == 0.02);
        CHECK(*turn.busy == Approx(1.5));
        CHECK(at::equal(owned_tensor(peer.output(script.folder / "out").at("result"), "result"),
                        at::tensor({1.0f, 2.0f})));
    }
    const auto log = support::contents(script.folder / "log");
    CHECK_THAT(log, Catch::Contains("\"protocol\":1") && Catch::Contains("\"threads\":2") &&
                        Catch::Contains("\"batch\":3") && Catch::Contains("inputs.safetensors"));
    CHECK_THAT(log, Catch::EndsWith("end\n"));  // it was let to end by itself
}

TEST_CASE("a peer that dies ends the comparison with its own words", "[apps][bench]") {
    const Script script;
    script.fails_with("read line; echo 'no module named eg3d' >&2; exit 3\n",
                      "exit code 3; its last words:\nno module");
    script.fails_with("read line; kill -9 $$\n", "signal 9");
    script.fails_with("exit 0\n", "it said nothing on stderr");
    CHECK_THROWS_MATCHES(Peer(Peer::Options{.command = "/nowhere/peer"}), Error,
                         support::is_error(Errc::peer_lost, "exit code 127"));
    Peer peer(script.options(std::string(greeting) + "read line; echo 'out of memory' >&2\n"));
    CHECK_THROWS_MATCHES(peer.begin("raw", 1, "m", "i"), Error,
                         support::is_error(Errc::peer_lost, "peer shell: expected an answer to \"case\""));
    // Only the end of what it said is told.
    script.fails_with("i=0; while [ $i -lt 300 ]; do echo 'a long complaint' >&2; i=$((i+1)); done; echo last >&2\n",
                      "last");
}

TEST_CASE("a peer that answers something else than the protocol has is believed nothing", "[apps][bench]") {
    const Script script;
    script.fails_with("read line; echo hello\n", "got \"hello\"");
    script.fails_with("read line; echo '[1]'\n", "JSON object");
    script.fails_with("read line; echo '{\"name\": 5, \"cases\": []}'\n", "a name and a list of cases");
    script.fails_with("read line; echo '{\"name\": \"a\", \"cases\": [1]}'\n", "a name and a list of cases");
    script.fails_with("read line; echo '{\"error\": \"no GPU here\"}'\n", "it says: no GPU here");
    script.fails_with("read line; head -c 3000000 /dev/zero | tr '\\0' x; sleep 5\n", "no end of it");

    const auto turn_of = [&](const std::string& answer, const std::string& words) {
        Peer peer(script.options(std::string(greeting) + "read line; echo '" + answer + "'\n"));
        CHECK_THROWS_MATCHES(peer.turn(), Error, support::is_error(Errc::peer_lost, words));
    };
    turn_of(R"({"seconds": -1})", "above 0, got -1");
    turn_of(R"({"seconds": 0})", "above 0, got 0");
    turn_of(R"({"seconds": "1"})", "above 0, got");
    turn_of(R"({"seconds": 1e9})", "expected at most the");
    turn_of(R"({"time": 1})", "seconds");
    turn_of(R"({"seconds": 1e-6, "cpu_seconds": -2})", "cpu_seconds");

    Peer peer(script.options(std::string(greeting) + "read line; echo '{\"ready\": false}'; read line; echo " +
                             "'{\"written\": true}'; read line\n"));
    CHECK_THROWS_MATCHES(peer.begin("raw", 1, "m", "i"), Error, support::is_error(Errc::peer_lost, "ready"));
    CHECK_THROWS_MATCHES(peer.output(script.folder / "none"), Error, support::is_error(Errc::peer_lost, "its output"));
}

TEST_CASE("a peer that hangs is given up, and whoever waits for it can be stopped", "[apps][bench]") {
    const Script script;
    CHECK_THROWS_MATCHES(Peer(script.options("read line; sleep 100\n", 200ms)), Error,
                         support::is_error(Errc::peer_lost, "within 0.2 s"));
    auto options = script.options("read line; sleep 100\n");
    options.check = [] { throw Error(Errc::cancelled, "stopped"); };
    CHECK_THROWS_MATCHES(Peer(options), Error, support::is_error(Errc::cancelled));
}
