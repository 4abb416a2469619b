// SPDX-License-Identifier: Apache-2.0
// What holds for every command, tried on the program as its users start it.
#include "support/catch.hpp"

#include "program.hpp"
#include "support/temporary_folder.hpp"

namespace support = cameo::support;

using Catch::Contains;
using Catch::StartsWith;
using support::run_cameo;

TEST_CASE("the program answers on stdout and complains on stderr", "[apps][program]") {
    const auto version = run_cameo({"--version"});
    CHECK(version.exit_code == 0);
    CHECK_THAT(version.out, StartsWith("cameo "));
    CHECK(version.err.empty());
    const auto nothing = run_cameo({});
    CHECK(nothing.exit_code == 2);
    CHECK(nothing.out.empty());
    CHECK_THAT(nothing.err, Contains("Try: cameo --help"));
}

TEST_CASE("misuse ends with 2 and a hint", "[apps][program]") {
    const auto verb = run_cameo({"dokter"});
    CHECK(verb.exit_code == 2);
    CHECK_THAT(verb.err, Contains("did you mean doctor?"));
    const auto option = run_cameo({"doctor", "--jsn"});
    CHECK(option.exit_code == 2);
    CHECK(option.err == "cameo doctor: there is no option --jsn; did you mean --json?\nTry: cameo doctor --help\n");
    CHECK(option.out.empty());
    CHECK(run_cameo({"doctor", "surplus"}).exit_code == 2);
    CHECK(run_cameo({"doctor", "--progress", "sometimes"}).exit_code == 2);
    CHECK(run_cameo({"completion"}).exit_code == 2);
}

TEST_CASE("a full disk behind stdout ends with 7", "[apps][program]") {
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"doctor"},
                                                      {"doctor", "--json"},
                                                      {"help"},
                                                      {"--help"},
                                                      {"--version"},
                                                      {"completion", "zsh"}}) {
        INFO(arguments.front());
        const auto result = run_cameo(arguments, {.output = "/dev/full"});
        CHECK(result.exit_code == 7);
        CHECK_THAT(result.err, Contains("standard output: No space left on device"));
    }
}

TEST_CASE("a closed stdout ends with 7, and no file gets its number", "[apps][program]") {
    const auto result = run_cameo({"doctor"}, {.closed_output = true});
    CHECK(result.exit_code == 7);
    const support::TemporaryFolder folder;
    support::write_npy_zeros(folder / "in.npy", 1000);
    const auto converted = run_cameo({"convert", "in.npy"}, {.folder = folder.path(), .closed_output = true});
    CHECK(converted.exit_code == 7);  // the file is made; telling so failed
    CHECK_THAT(support::contents(folder / "in.safetensors"), !Contains("made in.safetensors"));
    CHECK(run_cameo({"convert", (folder / "in.safetensors").string(), "--dry-run", (folder / "x.safetensors").string()})
              .exit_code == 0);
}

TEST_CASE("a reader that has seen enough disturbs nobody", "[apps][program]") {
    const auto program = "'" + std::string(CAMEO_PROGRAM) + "'";
    for (const auto* command : {" doctor | head -1", " help | head -1", " doctor | true"}) {
        INFO(command);
        const auto result = support::run("/bin/bash", {.arguments = {"-o", "pipefail", "-c", program + command}});
        CHECK(result.exit_code == 0);
        CHECK_THAT(result.err, !Contains("pipe") && !Contains("Pipe"));
    }
}

TEST_CASE("colour is for terminals, and NO_COLOR is obeyed", "[apps][program]") {
    const std::vector<std::string> bad{"convert", "/nowhere.pkl"};
    CHECK_THAT(run_cameo(bad).err, !Contains("\x1b"));
    const std::map<std::string, std::string> able{{"TERM", "xterm"}};
    CHECK_THAT(run_cameo(bad, {.environment = able, .error_is_terminal = true}).err, Contains("\x1b[31m"));
    for (const auto& environment :
         {std::map<std::string, std::string>{{"TERM", "xterm"}, {"NO_COLOR", "1"}}, {{"TERM", "dumb"}}})
        CHECK_THAT(run_cameo(bad, {.environment = environment, .error_is_terminal = true}).err,
                   !Contains("\x1b") && Contains("nowhere.pkl"));
    CHECK_THAT(run_cameo(bad, {.environment = {{"TERM", "xterm"}, {"NO_COLOR", ""}}, .error_is_terminal = true}).err,
               Contains("\x1b[31m"));  // empty counts as not set
}

TEST_CASE("the environment and the configuration reach the program, weakest last", "[apps][program]") {
    const support::TemporaryFolder folder;
    const auto config = (folder / "cameo.json").string();
    support::write(config, R"({"json": true})");
    const auto is_json = [](const support::ProcessResult& result) { return result.out.starts_with('{'); };
    CHECK_FALSE(is_json(run_cameo({"doctor"})));
    CHECK(is_json(run_cameo({"doctor", "--config", config})));
    CHECK(is_json(run_cameo({"doctor"}, {.environment = {{"CAMEO_CONFIG", config}}})));
    CHECK(is_json(run_cameo({"doctor"}, {.environment = {{"CAMEO_JSON", "1"}}})));
    CHECK_FALSE(is_json(run_cameo({"doctor", "--config", config}, {.environment = {{"CAMEO_JSON", "0"}}})));
    CHECK(is_json(run_cameo({"doctor", "--config", config, "--json"}, {.environment = {{"CAMEO_JSON", "0"}}})));
    CHECK_FALSE(
        is_json(run_cameo({"doctor", "--config", config, "--no-json"}, {.environment = {{"CAMEO_JSON", "1"}}})));
    const auto wrong = run_cameo({"doctor"}, {.environment = {{"CAMEO_JSON", "perhaps"}}});
    CHECK(wrong.exit_code == 2);
    CHECK_THAT(wrong.err, Contains("CAMEO_JSON: expected yes or no"));
    support::write(config, "{");
    CHECK(run_cameo({"doctor", "--config", config}).exit_code == 3);
    CHECK(run_cameo({"doctor", "--config", "/nowhere.json"}).exit_code == 7);
}

TEST_CASE("the exit codes can be asked for", "[apps][program]") {
    const auto result = run_cameo({"help", "exit-codes"});
    CHECK(result.exit_code == 0);
    for (const auto* line : {"    0  done\n", "    3  ", "    7  ", "  130  stopped on request\n"})
        CHECK_THAT(result.out, Contains(line));
}
