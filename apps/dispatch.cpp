// SPDX-License-Identifier: Apache-2.0
#include "dispatch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "help_texts.hpp"
#include "values.hpp"
#include "verbs.hpp"
#include "version.hpp"

namespace cameo::apps {
namespace {

constexpr int success = 0;

/// Calls `body` and turns whatever it throws into words and an exit code.
template <class Body>
int guarded(Terminal& terminal, std::string_view verb, Body&& body) noexcept {
    const auto failed = [&](Errc code, std::string_view message) {
        terminal.end_progress();
        terminal.error(message);
        return info(code).exit_code;
    };
    try {
        try {
            body();
            terminal.end_progress();
            return success;
        } catch (const UsageError& error) {
            const auto help = verb.empty() ? std::string("cameo --help") : fmt::format("cameo {} --help", verb);
            return failed(error.code(), fmt::format("{}\nTry: {}", error.what(), help));
        } catch (const Error& error) {
            return failed(error.code(), error.what());
        } catch (const std::bad_alloc&) {
            return failed(Errc::out_of_memory, "there is not enough memory");
        } catch (const std::exception& error) {
            return failed(Errc::internal, fmt::format("a fault inside cameo, please report it: {}", error.what()));
        }
    } catch (...) {  // not even the message could be written
        return info(Errc::internal).exit_code;
    }
}

std::optional<std::string> environment(const std::string& name) {
    const auto* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::string> verb_names() {
    std::vector<std::string> names;
    for (const auto* verb : verbs()) names.emplace_back(verb->name);
    return names;
}

std::vector<std::string> option_names() {
    std::vector<std::string> names;
    for (const auto* verb : verbs())
        with_table(*verb, [&](const OptionTable& table) {
            for (const auto& row : table.options()) names.push_back(row.name);
        });
    return names;
}

bool asks_for_help(std::span<const std::string> arguments) {
    const auto end = std::ranges::find(arguments, "--");
    return std::any_of(arguments.begin(), end, [](const auto& word) { return word == "--help" || word == "-h"; });
}

}  // namespace

int run_verb(const Verb& verb, std::span<const std::string> arguments, Terminal& terminal,
             const std::function<std::stop_token()>& start) {
    return guarded(terminal, verb.name, [&] {
        const auto command = verb.make();
        CommonOptions common;
        OptionTable table;
        common.declare(table);
        command->declare(table);
        terminal.configure(verb.name, common, {});
        if (asks_for_help(arguments)) return terminal.answer({{"text", help_of(verb)}}, help_of(verb));
        parse(table, arguments, {std::string(verb.name), environment, verb_names, option_names});
        terminal.configure(verb.name, common, start());
        const auto begin = std::chrono::steady_clock::now();
        command->run(terminal);
        terminal.detail("done in " + duration_text(std::chrono::steady_clock::now() - begin));
    });
}

int dispatch(std::span<const std::string> arguments, Terminal& terminal,
             const std::function<std::stop_token()>& start) {
    if (!arguments.empty())
        if (const auto* verb = find_verb(arguments.front()))
            return run_verb(*verb, arguments.subspan(1), terminal, start);
    return guarded(terminal, "", [&] {
        if (arguments.empty()) throw UsageError("which command?");
        const auto& word = arguments.front();
        if (word == "--help" || word == "-h") return terminal.answer({{"text", overview()}}, overview());
        if (word == "--version" || word == "-V") return terminal.answer({{"version", version()}}, version_line());
        if (word.starts_with('-'))
            throw UsageError(fmt::format("the command comes first, then its options: cameo COMMAND {}", word));
        throw UsageError(fmt::format("there is no command \"{}\"{}", word, suggestion(word, verb_names())));
    });
}

}  // namespace cameo::apps
