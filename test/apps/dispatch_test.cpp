// SPDX-License-Identifier: Apache-2.0
#include "dispatch.hpp"

#include <algorithm>
#include <map>
#include <new>
#include <set>
#include <stdexcept>

#include <cameo/core/error.hpp>
#include <nlohmann/json.hpp>
#include "support/catch.hpp"

#include "help_texts.hpp"
#include "terminal_capture.hpp"
#include "verbs.hpp"

namespace support = cameo::support;

using namespace cameo::apps;
using cameo::Errc;
using Catch::Contains;
using Catch::StartsWith;

namespace {

/// A verb that fails as it is told.
template <class Failure>
class Failing final : public Command {
  public:
    void declare(OptionTable& table) override { table.example("cameo fail", "fails"); }
    void run(Terminal&) override { Failure::happen(); }
};

template <Errc code>
struct Known {
    static void happen() { throw cameo::Error(code, "head.pkl: expected a head, got a tail"); }
};
struct NoMemory {
    static void happen() { throw std::bad_alloc(); }
};
struct Unknown {
    static void happen() { throw std::logic_error("vector::at"); }
};
struct NotEvenAnException {
    static void happen() { throw 42; }
};
struct Misuse {
    static void happen() { throw UsageError("INPUT and OUTPUT are the same"); }
};

struct Outcome {
    int code = -1;
    std::string out, err;
};

template <class Failure>
Outcome outcome_of() {
    support::CapturedTerminal captured;
    const auto failing = verb<Failing<Failure>>("fail", "fails");
    const int code = run_verb(failing, {}, captured.terminal, [] { return std::stop_token(); });
    return {code, captured.out.text(), captured.err.text()};
}

Outcome dispatched(const std::vector<std::string>& arguments) {
    support::CapturedTerminal captured;
    const int code = dispatch(arguments, captured.terminal, [] { return std::stop_token(); });
    return {code, captured.out.text(), captured.err.text()};
}

}  // namespace

TEST_CASE("each kind of error has its documented exit code", "[apps][exit]") {
    CHECK(outcome_of<Known<Errc::internal>>().code == 1);
    CHECK(outcome_of<Known<Errc::invalid_argument>>().code == 2);
    CHECK(outcome_of<Known<Errc::shape_mismatch>>().code == 2);
    CHECK(outcome_of<Known<Errc::bad_file>>().code == 3);
    CHECK(outcome_of<Known<Errc::no_face>>().code == 4);
    CHECK(outcome_of<Known<Errc::model_mismatch>>().code == 5);
    CHECK(outcome_of<Known<Errc::resume_mismatch>>().code == 5);
    CHECK(outcome_of<Known<Errc::out_of_memory>>().code == 6);
    CHECK(outcome_of<Known<Errc::io_failure>>().code == 7);
    CHECK(outcome_of<Known<Errc::device_unsupported>>().code == 8);
    CHECK(outcome_of<Known<Errc::peer_lost>>().code == 9);
    CHECK(outcome_of<Known<Errc::cancelled>>().code == 130);
    CHECK(cameo::errc_table().size() == 12);  // a new one wants a line above and in the documentation
}

TEST_CASE("errors of others are mapped too", "[apps][exit]") {
    CHECK(outcome_of<NoMemory>().code == 6);
    CHECK_THAT(outcome_of<NoMemory>().err, Contains("not enough memory"));
    CHECK(outcome_of<Unknown>().code == 1);
    CHECK_THAT(outcome_of<Unknown>().err, Contains("please report it: vector::at"));
    CHECK(outcome_of<NotEvenAnException>().code == 1);
}

TEST_CASE("a failure says which command, and what happened, on stderr alone", "[apps][exit]") {
    const auto outcome = outcome_of<Known<Errc::bad_file>>();
    CHECK(outcome.out.empty());
    CHECK(outcome.err == "cameo fail: head.pkl: expected a head, got a tail\n");
}

TEST_CASE("a misuse says where help is", "[apps][exit]") {
    const auto outcome = outcome_of<Misuse>();
    CHECK(outcome.code == 2);
    CHECK(outcome.err == "cameo fail: INPUT and OUTPUT are the same\nTry: cameo fail --help\n");
}

TEST_CASE("the table of exit codes is complete", "[apps][exit]") {
    std::map<int, std::set<std::string>> names;
    const auto record = exit_codes_record();
    for (const auto& row : record.at("exit_codes")) names[row.at("exit_code").get<int>()].insert(row.at("name"));
    const std::map<int, std::set<std::string>> documented{
        {0, {"done"}},          {1, {"internal"}},   {2, {"invalid_argument", "shape_mismatch"}},
        {3, {"bad_file"}},      {4, {"no_face"}},    {5, {"model_mismatch", "resume_mismatch"}},
        {6, {"out_of_memory"}}, {7, {"io_failure"}}, {8, {"device_unsupported"}},
        {9, {"peer_lost"}},     {130, {"cancelled"}}};
    CHECK(names == documented);
    for (const auto& row : cameo::errc_table()) {
        INFO(row.name);
        CHECK_THAT(exit_codes_text(), Contains(std::string(row.meaning).substr(0, 20)));
    }
}

TEST_CASE("a word that is no command is answered with the nearest one", "[apps][dispatch]") {
    CHECK(dispatched({"covnert"}).err ==
          "cameo: there is no command \"covnert\"; did you mean convert?\nTry: cameo --help\n");
    CHECK(dispatched({"covnert"}).code == 2);
    CHECK(dispatched({"frobnicate"}).err == "cameo: there is no command \"frobnicate\"\nTry: cameo --help\n");
    CHECK(dispatched({""}).code == 2);
    CHECK(dispatched({}).code == 2);
    CHECK_THAT(dispatched({}).err, Contains("cameo --help"));
}

TEST_CASE("an option before the command is answered with the right order", "[apps][dispatch]") {
    const auto outcome = dispatched({"--json", "doctor"});
    CHECK(outcome.code == 2);
    CHECK_THAT(outcome.err, Contains("the command comes first, then its options: cameo COMMAND --json"));
}

TEST_CASE("the version is one line", "[apps][dispatch]") {
    for (const auto* word : {"--version", "-V"}) {
        const auto outcome = dispatched({word});
        CHECK(outcome.code == 0);
        CHECK_THAT(outcome.out, Catch::Matches("cameo [0-9]+\\.[0-9]+\\.[0-9]+\n"));
        CHECK(outcome.err.empty());
    }
}

TEST_CASE("help texts start with examples and mention every option and argument", "[apps][help]") {
    for (const auto* verb : verbs()) {
        INFO(verb->name);
        const auto name = std::string(verb->name);
        const auto outcome = dispatched({name, "--help"});
        CHECK(outcome.code == 0);
        CHECK(outcome.err.empty());
        CHECK(outcome.out == help_of(*verb));
        CHECK(dispatched({"help", name}).out == outcome.out);
        CHECK(dispatched({name, "-h"}).out == outcome.out);
        CHECK(dispatched({name, "--nonsense", "--help"}).out == outcome.out);
        CHECK_THAT(outcome.out, StartsWith("Examples:\n  "));
        with_table(*verb, [&](const OptionTable& table) {
            REQUIRE_FALSE(table.examples().empty());
            for (const auto& example : table.examples()) {
                CHECK_THAT(outcome.out, Contains(example.command));
                CHECK_THAT(example.command, Contains("cameo " + name));
            }
            for (const auto& row : table.options()) {
                CHECK_THAT(outcome.out, Contains("--" + row.name));
                CHECK_FALSE(row.notes.help.empty());
                CHECK(row.is_switch == row.notes.value.empty());
                for (const auto& alias : row.notes.aliases) CHECK_THAT(outcome.out, Contains("--" + alias));
            }
            for (const auto& row : table.arguments()) {
                CHECK_THAT(outcome.out, Contains(row.name));
                CHECK_FALSE(row.notes.help.empty());
            }
        });
    }
}

TEST_CASE("option names are unique within a verb and no letter is taken twice", "[apps][help]") {
    for (const auto* verb : verbs()) {
        INFO(verb->name);
        with_table(*verb, [&](const OptionTable& table) {
            std::multiset<std::string> names;
            for (const auto& row : table.options()) {
                names.insert(row.name);
                names.insert(row.notes.aliases.begin(), row.notes.aliases.end());
                if (row.is_switch) names.insert("no-" + row.name);
                if (row.notes.letter != 0) names.insert(std::string(1, row.notes.letter));
            }
            for (const auto& name : names) {
                INFO(name);
                CHECK(names.count(name) == 1);
            }
        });
    }
}

TEST_CASE("the overview starts with examples and names every command and exit code", "[apps][help]") {
    const auto outcome = dispatched({"--help"});
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.out, StartsWith("Examples:\n"));
    CHECK(dispatched({"help"}).out == outcome.out);
    for (const auto* verb : verbs())
        CHECK_THAT(outcome.out, Contains("\n  " + std::string(verb->name)) && Contains(std::string(verb->summary)));
    for (const auto& row : cameo::errc_table()) CHECK_THAT(outcome.out, Contains(std::to_string(row.exit_code) + "  "));
}

TEST_CASE("help lines fit 100 columns", "[apps][help]") {
    auto text = overview();
    for (const auto* verb : verbs()) text += help_of(*verb);
    for (std::size_t start = 0; start < text.size();) {
        const auto end = text.find('\n', start);
        INFO(text.substr(start, end - start));
        CHECK(end - start <= 100);
        start = end + 1;
    }
}

TEST_CASE("help about nothing known is a misuse", "[apps][help]") {
    const auto outcome = dispatched({"help", "convrt"});
    CHECK(outcome.code == 2);
    CHECK_THAT(outcome.err, Contains("did you mean convert?"));
}

TEST_CASE("help and exit codes can be had as JSON", "[apps][help]") {
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"help", "--json"},
                                                      {"help", "exit-codes", "--json"},
                                                      {"completion", "bash", "--json"}}) {
        const auto outcome = dispatched(arguments);
        REQUIRE(outcome.code == 0);
        const auto object = nlohmann::json::parse(outcome.out);
        CHECK(object.at("schema") == Terminal::schema);
        CHECK(object.at("command") == arguments.front());
        CHECK(std::count(outcome.out.begin(), outcome.out.end(), '\n') == 1);
    }
}
