// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <fstream>
#include <map>

#include "support/catch.hpp"

#include "support/temporary_folder.hpp"

namespace support = cameo::support;

using namespace cameo::apps;
using Catch::Contains;

namespace {

/// Options of every kind, in the shape of a verb that renders.
struct Example {
    std::string input;
    std::optional<std::filesystem::path> output;
    std::vector<std::string> seeds;
    double truncation = 1.0;
    std::int64_t steps = 0;
    Memory memory;
    bool force = false, quiet = false;
    std::string device = "cpu";
    std::filesystem::path config;
    OptionTable table;

    Example() {
        table.flag("quiet", quiet, {.help = "say nothing", .letter = 'q'});
        table.option("config", config, {.value = "FILE", .help = "options"});
        table.end_of_common();
        table.flag("force", force, {.help = "replace", .letter = 'f'});
        table.option(
            "trunc", truncation,
            {.value = "PSI", .help = "truncation", .letter = 't', .aliases = {"truncation_psi", "truncation-psi"}});
        table.option("seed", seeds, {.value = "N", .help = "seeds"});
        table.option("steps", steps, {.value = "N", .help = "steps"});
        table.option("memory", memory, {.value = "SIZE", .help = "memory"});
        table.option("device", device, {.value = "NAME", .help = "device", .choices = {"cpu", "cuda"}});
        table.argument("INPUT", input, {.help = "the file to read"});
        table.argument("OUTPUT", output, {.help = "the file to write"});
    }
    Example(const Example&) = delete;
    Example& operator=(const Example&) = delete;

    void parse(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment = {}) {
        cameo::apps::parse(table, arguments,
                           {.verb = "generate",
                            .environment = [&](const std::string& name) -> std::optional<std::string> {
                                const auto entry = environment.find(name);
                                return entry == environment.end() ? std::nullopt : std::optional(entry->second);
                            },
                            .verbs =
                                [] {
                                    return std::vector<std::string>{"generate", "convert"};
                                },
                            .all_options =
                                [] {
                                    return std::vector<std::string>{"trunc", "licence"};
                                }});
    }
};

/// What a refused command line says.
std::string refusal(const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& environment = {}) {
    Example example;
    try {
        example.parse(arguments, environment);
    } catch (const UsageError& error) {
        CHECK(cameo::info(error.code()).exit_code == 2);
        return error.what();
    }
    return "";
}

std::filesystem::path write(const support::TemporaryFolder& folder, const std::string& text) {
    const auto path = folder / "cameo.json";
    std::ofstream(path) << text;
    return path;
}

}  // namespace

TEST_CASE("options and arguments reach their variables in any order", "[apps][options]") {
    Example example;
    example.parse({"--trunc", "-0.5", "in.pkl", "-f", "--seed=1", "--seed", "4-6", "out.png", "--memory=6G", "-q"});
    CHECK(example.input == "in.pkl");
    CHECK(example.output == std::filesystem::path("out.png"));
    CHECK(example.truncation == -0.5);
    CHECK(example.seeds == std::vector<std::string>{"1", "4-6"});
    CHECK(example.memory.bytes == std::uint64_t{6} << 30);
    CHECK(example.force);
    CHECK(example.quiet);
}

TEST_CASE("what is not given keeps its default", "[apps][options]") {
    Example example;
    example.parse({"in.pkl"});
    CHECK(example.truncation == 1.0);
    CHECK(example.device == "cpu");
    CHECK_FALSE(example.output.has_value());
    CHECK_FALSE(example.force);
    CHECK(example.seeds.empty());
}

TEST_CASE("EG3D's names work as aliases", "[apps][options]") {
    for (const auto* name : {"--trunc", "--truncation_psi", "--truncation-psi", "-t"}) {
        INFO(name);
        Example example;
        example.parse({"in.pkl", name, "0.7"});
        CHECK(example.truncation == 0.7);
    }
}

TEST_CASE("two dashes end the options", "[apps][options]") {
    Example example;
    example.parse({"--", "--force"});
    CHECK(example.input == "--force");
    CHECK_FALSE(example.force);
}

TEST_CASE("a switch never eats the word behind it", "[apps][options]") {
    Example example;
    example.parse({"--force", "in.pkl"});
    CHECK(example.force);
    CHECK(example.input == "in.pkl");
}

TEST_CASE("a mistyped option is answered with the nearest one", "[apps][options]") {
    CHECK(refusal({"in", "--forse"}) == "there is no option --forse; did you mean --force?");
    CHECK(refusal({"in", "--truc", "1"}) == "there is no option --truc; did you mean --trunc?");
    CHECK(refusal({"in", "--truncation_psy=1"}) ==
          "there is no option --truncation_psy; did you mean --truncation_psi?");
    CHECK(refusal({"in", "--zzzzzz"}) == "there is no option --zzzzzz");
    CHECK(refusal({"in", "-x"}) == "there is no option -x");
}

TEST_CASE("a shortened option is not guessed at", "[apps][options]") {
    CHECK(refusal({"in", "--forc"}) == "there is no option --forc; did you mean --force?");
}

TEST_CASE("each way to misuse an option has its sentence", "[apps][options]") {
    CHECK(refusal({}) == "INPUT is missing: the file to read");
    CHECK(refusal({"a", "b", "c"}) == "one argument too many: \"c\"");
    CHECK(refusal({"in", "--trunc"}) == "--trunc needs a value: --trunc PSI");
    CHECK(refusal({"in", "--trunc="}) == "--trunc needs a value: --trunc PSI");
    CHECK(refusal({"in", "--trunc", "--force"}) == "--trunc needs a value: --trunc PSI");
    CHECK(refusal({"in", "--trunc", "1", "--trunc", "2"}) == "--trunc is given twice");
    CHECK(refusal({"in", "--force=yes"}) == "--force takes no value");
    CHECK(refusal({"in", "--no-force=yes"}) == "--no-force takes no value");
    CHECK(refusal({"in", "--trunc", "much"}) == "--trunc: expected a number, got \"much\"");
    CHECK(refusal({"in", "--steps", "1.5"}) == "--steps: expected a whole number, got \"1.5\"");
    CHECK(refusal({"in", "--device", "cdua"}) == "--device: expected cpu or cuda, got \"cdua\"; did you mean cuda?");
    CHECK(refusal({""}) == "");  // a text may be empty: it is the reader of the file that minds
    CHECK(refusal({"in", ""}) == "OUTPUT: expected the name of a file, got \"\"");
}

TEST_CASE("the command line counts over the environment, and that over the configuration", "[apps][options]") {
    const support::TemporaryFolder folder;
    const auto config =
        write(folder, R"({"trunc": 0.1, "steps": 10, "memory": "1G", "generate": {"steps": 20}})").string();
    Example example;
    example.parse({"in", "--trunc", "0.3", "--config", config}, {{"CAMEO_TRUNC", "0.2"}, {"CAMEO_MEMORY", "2G"}});
    CHECK(example.truncation == 0.3);                       // all three have it
    CHECK(example.memory.bytes == std::uint64_t{2} << 30);  // environment and configuration
    CHECK(example.steps == 20);                             // the verb's own section counts over what is for all
}

TEST_CASE("the environment can name the configuration", "[apps][options]") {
    const support::TemporaryFolder folder;
    const auto config =
        write(folder, R"({"force": true, "generate": {"seed": [1, "4-6"], "device": "cuda"}})").string();
    Example example;
    example.parse({"in"}, {{"CAMEO_CONFIG", config}});
    CHECK(example.force);
    CHECK(example.seeds == std::vector<std::string>{"1", "4-6"});
    CHECK(example.device == "cuda");
}

TEST_CASE("a switch can be turned off again", "[apps][options]") {
    Example example;
    example.parse({"in", "--no-force", "--no-quiet"}, {{"CAMEO_FORCE", "1"}, {"CAMEO_QUIET", "yes"}});
    CHECK_FALSE(example.force);
    CHECK_FALSE(example.quiet);
    Example other;
    other.parse({"in"}, {{"CAMEO_FORCE", "1"}, {"CAMEO_QUIET", "0"}});
    CHECK(other.force);
    CHECK_FALSE(other.quiet);
}

TEST_CASE("an empty variable of the environment is none", "[apps][options]") {
    Example example;
    example.parse({"in"}, {{"CAMEO_TRUNC", ""}});
    CHECK(example.truncation == 1.0);
}

TEST_CASE("a bad value is blamed on the place it comes from", "[apps][options]") {
    CHECK(refusal({"in"}, {{"CAMEO_TRUNC", "much"}}) == "CAMEO_TRUNC: expected a number, got \"much\"");
    CHECK(refusal({"in", "--trunc", "1"}, {{"CAMEO_TRUNC", "much"}}) == "");  // overruled, so nobody minds
    const support::TemporaryFolder folder;
    const auto complaint = [&](const std::string& text) {
        const auto words = refusal({"in", "--config", write(folder, text).string()});
        const auto name = words.find("cameo.json");
        return name == std::string::npos ? words : words.substr(name);
    };
    CHECK(complaint(R"({"trunc": "much"})") == "cameo.json: trunc: expected a number, got \"much\"");
    CHECK(complaint(R"({"generate": {"steps": 1.5}})") ==
          "cameo.json: generate: steps: expected a whole number, got \"1.5\"");
    CHECK(complaint(R"({"trunk": 1})") == "cameo.json: trunk: there is no such option; did you mean trunc?");
    CHECK(complaint(R"({"generate": {"licence": "x"}})") == "cameo.json: generate: licence: there is no such option");
    CHECK(complaint(R"({"licence": "for another verb"})") == "");
    CHECK(complaint(R"({"convert": {"whatever": 1}})") == "");  // checked when that verb runs
    CHECK(complaint(R"({"convret": {}})") == "cameo.json: there is no command \"convret\"; did you mean convert?");
    CHECK(complaint(R"({"trunc": [1, 2]})") == "cameo.json: trunc: expected one value, got 2");
    CHECK(complaint(R"({"seed": [[1]]})") == "cameo.json: seed: expected a list of texts and numbers");
    CHECK(complaint(R"({"trunc": null})") ==
          "cameo.json: trunc: expected a text, a number, true, false or a list of them");
}

TEST_CASE("a configuration that cannot be read is an error of the file", "[apps][options]") {
    const support::TemporaryFolder folder;
    const auto code = [&](const std::filesystem::path& path) {
        Example example;
        try {
            example.parse({"in", "--config", path.string()});
        } catch (const cameo::Error& error) {
            CHECK_THAT(error.what(), Contains(path.string()));
            return error.code();
        }
        return cameo::Errc::internal;
    };
    CHECK(code(folder / "missing.json") == cameo::Errc::io_failure);
    CHECK(code(folder.path()) == cameo::Errc::io_failure);
    for (const auto* text :
         {"", "{", "[]", "3", "{\"trunc\": 1,}", "{\"trunc\": NaN}", "{\"trunc\": 1} x", "\xff\xfe"}) {
        INFO(text);
        CHECK(code(write(folder, text)) == cameo::Errc::bad_file);
    }
    CHECK(code(write(folder, std::string(100'000, '['))) == cameo::Errc::bad_file);  // deep, and not recursive
    CHECK(code(write(folder, "{\"trunc\": 1" + std::string(1 << 20, ' ') + "}")) == cameo::Errc::bad_file);  // too long
}

TEST_CASE("variables of the environment are named after their options", "[apps][options]") {
    CHECK(environment_name("trunc") == "CAMEO_TRUNC");
    CHECK(environment_name("keep-all") == "CAMEO_KEEP_ALL");
}
