// SPDX-License-Identifier: Apache-2.0
#include "help_texts.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "verbs.hpp"

namespace cameo::apps {
namespace {

using Row = OptionTable::Row;

/// A left column of names and a right one of explanations.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
    std::size_t width = 0;
    for (const auto& [name, meaning] : rows) width = std::max(width, name.size());
    width = std::min<std::size_t>(width, 26);
    std::string text;
    for (const auto& [name, meaning] : rows) {
        text += "  " + name;
        if (name.size() > width) text += "\n" + std::string(width + 2, ' ');
        text += std::string(name.size() > width ? 2 : width - name.size() + 2, ' ');
        text += wrapped(meaning, width + 4) + "\n";
    }
    return text;
}

std::string spelled(const Row& row) {
    auto text = row.notes.letter != 0 ? fmt::format("-{}, --{}", row.notes.letter, row.name)
                                      : fmt::format("    --{}", row.name);
    if (!row.is_switch) text += " " + row.notes.value;
    return text;
}

std::string meaning_of(const Row& row) {
    auto text = row.notes.help;
    if (!row.notes.choices.empty()) text += fmt::format(" ({})", fmt::join(row.notes.choices, ", "));
    if (row.repeats) text += "; may be given several times";
    for (const auto& alias : row.notes.aliases) text += fmt::format("; also --{}", alias);
    return text;
}

std::string options_text(const OptionTable& table, bool common) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const auto& row : table.options())
        if (row.is_common == common) rows.emplace_back(spelled(row), meaning_of(row));
    return two_columns(rows);
}

std::string examples_text(std::span<const OptionTable::Example> examples) {
    std::string text = "Examples:\n";
    for (const auto& [command, meaning] : examples) text += fmt::format("  {}\n      {}\n", command, meaning);
    return text;
}

std::string usage_line(const Verb& verb, const OptionTable& table) {
    auto line = fmt::format("cameo {}", verb.name);
    for (const auto& row : table.arguments()) {
        const auto name = row.name + (row.repeats ? "..." : "");
        line += row.required ? " " + name : " [" + name + "]";
    }
    return line + " [options]";
}

/// "6: more memory than there is": several errors may share a number.
std::map<int, std::vector<const ErrcInfo*>> by_exit_code() {
    std::map<int, std::vector<const ErrcInfo*>> codes;
    for (const auto& row : errc_table()) codes[row.exit_code].push_back(&row);
    return codes;
}

}  // namespace

void with_table(const Verb& verb, const std::function<void(const OptionTable&)>& reader) {
    const auto command = verb.make();
    CommonOptions common;
    OptionTable table;
    common.declare(table);
    command->declare(table);
    reader(table);
}

std::string help_of(const Verb& verb) {
    std::string text;
    with_table(verb, [&](const OptionTable& table) {
        text = examples_text(table.examples());
        text += fmt::format("\ncameo {}: {}.\n\nUsage:\n  {}\n", verb.name, verb.summary, usage_line(verb, table));
        if (!table.arguments().empty()) {
            std::vector<std::pair<std::string, std::string>> rows;
            for (const auto& row : table.arguments()) rows.emplace_back(row.name, meaning_of(row));
            text += "\nArguments:\n" + two_columns(rows);
        }
        if (const auto own = options_text(table, false); !own.empty()) text += "\nOptions:\n" + own;
        text += "\nOptions of every command:\n" + options_text(table, true);
    });
    text +=
        "\nA switch can be turned off again with --no-NAME. Every option may also stand in the environment,\n"
        "--keep-all as CAMEO_KEEP_ALL=1, or in the file of --config.\n"
        "Exit codes: cameo help exit-codes\n";
    return text;
}

std::string overview() {
    std::vector<OptionTable::Example> examples;
    std::vector<std::pair<std::string, std::string>> summaries;
    for (const auto* verb : verbs()) {
        summaries.emplace_back(verb->name, verb->summary);
        with_table(*verb, [&](const OptionTable& table) { examples.push_back(table.examples().front()); });
    }
    return examples_text(examples) + "\ncameo makes 3D-aware portraits: heads that can be turned.\n" +
           "\nUsage:\n  cameo COMMAND [arguments] [options]\n" + "\nCommands:\n" + two_columns(summaries) +
           "\nOptions:\n" +
           two_columns({{"-h, --help", "show this text; after a command, what it can do"},
                        {"-V, --version", "show the version"}}) +
           "\nExit codes:\n" + exit_codes_text();
}

std::string exit_codes_text() {
    std::vector<std::pair<std::string, std::string>> rows{{"  0", "done"}};
    for (const auto& [code, reasons] : by_exit_code()) {
        std::vector<std::string_view> meanings;
        for (const auto* reason : reasons) meanings.push_back(reason->meaning);
        rows.emplace_back(fmt::format("{:3}", code), fmt::format("{}", fmt::join(meanings, "; ")));
    }
    return two_columns(rows);
}

nlohmann::ordered_json exit_codes_record() {
    auto codes = nlohmann::ordered_json::array();
    codes.push_back({{"exit_code", 0}, {"name", "done"}, {"meaning", "done"}});
    for (const auto& [code, reasons] : by_exit_code())
        for (const auto* reason : reasons)
            codes.push_back({{"exit_code", code}, {"name", reason->name}, {"meaning", reason->meaning}});
    return {{"exit_codes", codes}};
}

}  // namespace cameo::apps
