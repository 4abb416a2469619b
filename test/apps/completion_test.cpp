// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "support/catch.hpp"

#include "help_texts.hpp"
#include "program.hpp"
#include "support/temporary_folder.hpp"
#include "verbs.hpp"

namespace support = cameo::support;

using Catch::Contains;
using support::run_cameo;

namespace {

std::string script_for(const std::string& shell) {
    const auto result = run_cameo({"completion", shell});
    REQUIRE(result.exit_code == 0);
    CHECK(result.err.empty());
    return result.out;
}

/// A shell of this machine; empty, after saying so, when there is none.
std::filesystem::path shell_named(const std::string& name) {
    for (const auto* folder : {"/bin", "/usr/bin", "/usr/local/bin"})
        if (std::filesystem::exists(std::filesystem::path(folder) / name)) return std::filesystem::path(folder) / name;
    WARN(name << ": not on this machine");
    return {};
}

/// What bash offers at the end of `words`, sorted.
std::vector<std::string> offered(const std::vector<std::string>& words, const std::filesystem::path& folder = {}) {
    std::string line;
    for (const auto& word : words) line += " '" + word + "'";
    const auto command = "source <('" + std::string(CAMEO_PROGRAM) + "' completion bash)\nCOMP_WORDS=(" + line +
                         ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) +
                         "\n_cameo\nprintf '%s\\n' \"${COMPREPLY[@]}\"";
    const auto result = support::run("/bin/bash", {.arguments = {"--norc", "-c", command}, .folder = folder});
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    auto lines = support::lines(result.out);
    std::erase(lines, "");
    std::ranges::sort(lines);
    return lines;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("completion scripts know every command, option and choice", "[apps][completion]") {
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        const auto script = script_for(shell);
        for (const auto* verb : cameo::apps::verbs()) {
            CHECK_THAT(script, Contains(std::string(verb->name)));
            cameo::apps::with_table(*verb, [&](const cameo::apps::OptionTable& table) {
                for (const auto& row : table.options()) {
                    CHECK_THAT(script, Contains((std::string(shell) == "fish" ? "-l " : "--") + row.name));
                    for (const auto& choice : row.notes.choices) CHECK_THAT(script, Contains(choice));
                }
            });
        }
    }
}

TEST_CASE("bash takes its script and knows the command then", "[apps][completion]") {
    const support::TemporaryFolder folder;
    support::write(folder / "cameo.bash", script_for("bash"));
    const auto path = (folder / "cameo.bash").string();
    CHECK(support::run("/bin/bash", {.arguments = {"-n", path}}).exit_code == 0);
    const auto known = support::run("/bin/bash", {.arguments = {"-c", "source '" + path + "'; complete -p cameo"}});
    CHECK(known.exit_code == 0);
    CHECK(known.out == "complete -F _cameo cameo\n");
    CHECK(known.err.empty());
}

TEST_CASE("bash offers commands, options, choices and files where they fit", "[apps][completion]") {
    CHECK(offered({"cameo", "con"}) == Words{"convert"});
    CHECK(offered({"cameo", "--v"}) == Words{"--version"});
    CHECK(offered({"cameo", "convert", "--keep"}) == Words{"--keep", "--keep-all"});
    CHECK(offered({"cameo", "convert", "--progress", ""}) == Words{"auto", "json", "none"});
    CHECK(offered({"cameo", "convert", "--progress", "=", "j"}) == Words{"json"});  // as bash cuts --progress=j
    CHECK(offered({"cameo", "convert", "--progress", "="}) == Words{"auto", "json", "none"});
    CHECK(offered({"cameo", "convert", "--licence", ""}).empty());
    CHECK(offered({"cameo", "completion", ""}) == Words{"bash", "fish", "zsh"});
    CHECK(offered({"cameo", "help", "exit"}) == Words{"exit-codes"});
    CHECK(offered({"cameo", "nonsense", ""}).empty());

    const support::TemporaryFolder folder;
    for (const auto* name : {"a network.pkl", "b.pt", "notes.txt", "cameo.json"}) support::write(folder / name, "");
    std::filesystem::create_directory(folder / "models");
    CHECK(offered({"cameo", "convert", ""}, folder.path()) == Words{"a network.pkl", "b.pt", "models"});
    CHECK(offered({"cameo", "convert", "a"}, folder.path()) == Words{"a network.pkl"});
    CHECK(offered({"cameo", "convert", "n"}, folder.path()) == Words{"notes.txt"});  // better any file than none
    CHECK(offered({"cameo", "doctor", "--config", "c"}, folder.path()) == Words{"cameo.json"});
}

TEST_CASE("zsh takes its script", "[apps][completion]") {
    const auto zsh = shell_named("zsh");
    if (zsh.empty()) return;
    const support::TemporaryFolder folder;
    support::write(folder / "_cameo", script_for("zsh"));
    CHECK(support::run(zsh, {.arguments = {"-n", (folder / "_cameo").string()}}).exit_code == 0);
    const auto known =
        support::run(zsh, {.arguments = {"-f", "-c",
                                         "autoload -U compinit; compinit -D -u; source '" +
                                             (folder / "_cameo").string() + "'; print ${_comps[cameo]}"}});
    CHECK(known.exit_code == 0);
    CHECK(known.out == "_cameo\n");
    CHECK(known.err.empty());
}

TEST_CASE("fish takes its script and offers what fits", "[apps][completion]") {
    const auto fish = shell_named("fish");
    if (fish.empty()) return;
    const support::TemporaryFolder folder;
    support::write(folder / "cameo.fish", script_for("fish"));
    const auto offers = [&](const std::string& line) {
        const auto result = support::run(
            fish, {.arguments = {"--no-config", "-c",
                                 "source '" + (folder / "cameo.fish").string() + "'; complete -C'" + line + "'"},
                   .environment = {{"HOME", folder.path().string()}}});
        CHECK(result.exit_code == 0);
        CHECK(result.err.empty());
        return result.out;
    };
    CHECK_THAT(offers("cameo con"), Catch::StartsWith("convert\t"));
    CHECK_THAT(offers("cameo convert --keep"), Contains("--keep-all\t") && Contains("--keep\t"));
    CHECK_THAT(offers("cameo convert --progress "), Contains("json") && Contains("none"));
    CHECK_THAT(offers("cameo completion "), Contains("bash") && Contains("zsh"));
}
