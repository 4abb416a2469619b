// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/program_options.hpp>
#include <cameo/io/file.hpp>
#include <nlohmann/json.hpp>

#include "nearest.hpp"

namespace cameo::apps {
namespace {

namespace po = boost::program_options;
using Row = OptionTable::Row;

constexpr const char* argument_key = " argument";  // no option can be called so
constexpr std::string_view negation = "no-";
constexpr std::uint64_t max_configuration_bytes = 1 << 20;

/// One value as it was written, and where.
struct Given {
    const Row* row;
    std::string text;
    std::string where;  ///< "--licence", "CAMEO_LICENCE", "cameo.json: licence"
};

std::vector<std::string> names_of(const OptionTable& table) {
    std::vector<std::string> names;
    for (const auto& row : table.options()) {
        names.push_back(row.name);
        names.insert(names.end(), row.notes.aliases.begin(), row.notes.aliases.end());
        if (row.is_switch) names.push_back(std::string(negation) + row.name);
    }
    return names;
}

po::options_description describe(const OptionTable& table) {
    po::options_description description;
    for (const auto& row : table.options()) {
        auto names = row.name;
        for (const auto& alias : row.notes.aliases) names += ',' + alias;
        if (row.notes.letter != 0) names += fmt::format(",{}", row.notes.letter);
        if (row.is_switch) {
            description.add_options()(names.c_str(), "");
            description.add_options()((std::string(negation) + row.name).c_str(), "");
        } else {
            description.add_options()(names.c_str(), po::value<std::string>(), "");
        }
    }
    description.add_options()(argument_key, po::value<std::vector<std::string>>(), "");
    return description;
}

std::string without_dashes(std::string_view token) {
    token.remove_prefix(std::min(token.find_first_not_of('-'), token.size()));
    return std::string(token.substr(0, token.find('=')));
}

std::string needs_value(const Row& row) {
    return fmt::format("--{} needs a value: --{} {}", row.name, row.name, row.notes.value);
}

/// What Boost found wrong, in cameo's words.
[[noreturn]] void explain(const po::error_with_option_name& error, const OptionTable& table) {
    const auto token = error.get_option_name();
    const auto name = without_dashes(token);
    if (const auto* row = table.find_option(name)) {
        if (row->is_switch) throw UsageError(fmt::format("--{} takes no value", row->name));
        throw UsageError(needs_value(*row));
    }
    if (name.starts_with(negation) && table.find_option(name.substr(negation.size())) != nullptr)
        throw UsageError(fmt::format("--{} takes no value", name));
    const bool is_short = !token.starts_with("--");
    throw UsageError(
        fmt::format("there is no option {}{}{}", is_short ? "-" : "--", name, suggestion(name, names_of(table), "--")));
}

std::vector<po::option> tokens_of(const OptionTable& table, std::span<const std::string> arguments) {
    namespace style = po::command_line_style;
    const auto description = describe(table);
    po::positional_options_description everything_else;
    everything_else.add(argument_key, -1);
    const std::vector<std::string> tokens(arguments.begin(), arguments.end());
    try {
        return po::command_line_parser(tokens)
            .options(description)
            .positional(everything_else)
            .style(style::unix_style & ~style::allow_guessing)  // a shortened name would change its meaning some day
            .run()
            .options;
    } catch (const po::error_with_option_name& error) {
        explain(error, table);
    } catch (const po::error& error) {
        throw UsageError(error.what());
    }
}

std::vector<Given> from_command_line(const OptionTable& table, std::span<const std::string> arguments) {
    std::vector<Given> values;
    auto next_argument = table.arguments().begin();
    for (const auto& token : tokens_of(table, arguments)) {
        if (token.string_key == argument_key) {
            for (const auto& text : token.value) {
                if (next_argument == table.arguments().end())
                    throw UsageError(fmt::format("one argument too many: \"{}\"", text));
                values.push_back({&*next_argument, text, next_argument->name});
                if (!next_argument->repeats) ++next_argument;
            }
            continue;
        }
        const bool negated = table.find_option(token.string_key) == nullptr;
        const auto* row = table.find_option(negated ? token.string_key.substr(negation.size()) : token.string_key);
        if (row->is_switch) {
            values.push_back({row, negated ? "no" : "yes", "--" + token.string_key});
            continue;
        }
        // Boost takes "--licence --force" for a licence called "--force"; nobody means that.
        const bool from_next_token = token.original_tokens.size() > 1;
        if (const auto& text = token.value.front();
            from_next_token && text.starts_with("--") && table.find_option(without_dashes(text)) != nullptr)
            throw UsageError(needs_value(*row));
        if (!row->repeats && std::ranges::any_of(values, [&](const Given& value) { return value.row == row; }))
            throw UsageError(fmt::format("--{} is given twice", row->name));
        values.push_back({row, token.value.front(), "--" + row->name});
    }
    if (next_argument != table.arguments().end() && next_argument->required)
        throw UsageError(fmt::format("{} is missing: {}", next_argument->name, next_argument->notes.help));
    return values;
}

std::vector<Given> from_environment(const OptionTable& table, const Surroundings& surroundings) {
    std::vector<Given> values;
    for (const auto& row : table.options()) {
        const auto name = environment_name(row.name);
        if (auto text = surroundings.environment(name); text && !text->empty())
            values.push_back({&row, *std::move(text), name});
    }
    return values;
}

/// The texts of one entry of the configuration, as if they had been typed.
std::vector<std::string> texts_of(const nlohmann::json& value, const std::string& where) {
    if (value.is_string()) return {value.get<std::string>()};
    if (value.is_boolean() || value.is_number()) return {value.dump()};
    if (!value.is_array()) throw UsageError(where + ": expected a text, a number, true, false or a list of them");
    std::vector<std::string> texts;
    for (const auto& element : value) {
        if (element.is_structured() || element.is_null())
            throw UsageError(where + ": expected a list of texts and numbers");
        texts.push_back(texts_of(element, where).front());
    }
    return texts;
}

std::vector<Given> from_section(const OptionTable& table, const nlohmann::json& section, const std::string& where,
                                const std::function<bool(const std::string&)>& may_be_elsewhere) {
    std::vector<Given> values;
    for (const auto& [key, value] : section.items()) {
        if (value.is_object()) continue;
        const auto place = where + ": " + key;
        const auto* row = table.find_option(key);
        if (row == nullptr) {
            if (may_be_elsewhere(key)) continue;
            throw UsageError(fmt::format("{}: there is no such option{}", place, suggestion(key, names_of(table))));
        }
        const auto texts = texts_of(value, place);
        if (texts.size() != 1 && !row->repeats)
            throw UsageError(fmt::format("{}: expected one value, got {}", place, texts.size()));
        for (const auto& text : texts) values.push_back({row, text, place});
    }
    return values;
}

nlohmann::json read_configuration(const std::filesystem::path& path) {
    const auto bytes = io::read_file(path, max_configuration_bytes);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    try {
        auto document = nlohmann::json::parse(text, text + bytes.size());
        if (document.is_object()) return document;
    } catch (const nlohmann::json::parse_error& error) {
        throw Error(Errc::bad_file,
                    fmt::format("{}: expected JSON, found a fault at byte {}", path.string(), error.byte));
    }
    throw Error(Errc::bad_file, path.string() + ": expected a JSON object of options");
}

std::vector<Given> from_configuration(const OptionTable& table, const std::filesystem::path& path,
                                      const Surroundings& surroundings) {
    const auto document = read_configuration(path);
    const auto where = path.string();
    const auto verbs = surroundings.verbs();
    for (const auto& [key, value] : document.items())
        if (value.is_object() && std::ranges::find(verbs, key) == verbs.end())
            throw UsageError(fmt::format("{}: there is no command \"{}\"{}", where, key, suggestion(key, verbs)));

    std::vector<Given> values;
    if (const auto own = document.find(surroundings.verb); own != document.end() && own->is_object())
        values = from_section(table, *own, fmt::format("{}: {}", where, surroundings.verb),
                              [](const std::string&) { return false; });
    const auto everywhere = surroundings.all_options();
    auto shared = from_section(table, document, where, [&](const std::string& key) {
        return std::ranges::find(everywhere, key) != everywhere.end();
    });
    // The verb's own section counts over what is written for all verbs.
    std::erase_if(shared, [&](const Given& value) {
        return std::ranges::any_of(values, [&](const Given& own) { return own.row == value.row; });
    });
    values.insert(values.end(), shared.begin(), shared.end());
    return values;
}

void fill(const Given& given) {
    const auto& choices = given.row->notes.choices;
    if (!choices.empty() && std::ranges::find(choices, given.text) == choices.end())
        throw UsageError(fmt::format("{}: expected {}, got \"{}\"{}", given.where, fmt::join(choices, " or "),
                                     given.text, suggestion(given.text, choices)));
    try {
        given.row->set(given.text);
    } catch (const Error& error) {
        throw UsageError(fmt::format("{}: {}", given.where, error.what()));
    }
}

}  // namespace

const Row* OptionTable::find_option(std::string_view name) const noexcept {
    const auto row = std::ranges::find_if(options_, [&](const Row& candidate) {
        return candidate.name == name ||
               std::ranges::find(candidate.notes.aliases, name) != candidate.notes.aliases.end();
    });
    return row == options_.end() ? nullptr : &*row;
}

void parse(const OptionTable& table, std::span<const std::string> arguments, const Surroundings& surroundings) {
    std::set<const Row*> filled;
    const auto take = [&](const std::vector<Given>& values) {
        std::set<const Row*> here;
        for (const auto& value : values) {
            if (filled.contains(value.row)) continue;  // a stronger source has spoken
            fill(value);
            here.insert(value.row);
        }
        filled.merge(here);
    };

    const auto typed = from_command_line(table, arguments);
    const auto environment = from_environment(table, surroundings);
    take(typed);
    take(environment);
    for (const auto* source : {&typed, &environment}) {
        const auto config = std::ranges::find(*source, "config", [](const Given& value) { return value.row->name; });
        if (config == source->end()) continue;
        take(from_configuration(table, parse_path(config->text), surroundings));
        break;
    }
}

std::string environment_name(std::string_view option) {
    std::string name = "CAMEO_";
    for (const char c : option) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

std::string suggestion(std::string_view word, std::span<const std::string> names, std::string_view prefix) {
    const auto name = nearest(word, names);
    return name ? fmt::format("; did you mean {}{}?", prefix, *name) : "";
}

}  // namespace cameo::apps
