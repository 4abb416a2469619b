// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "help_texts.hpp"
#include "verbs.hpp"

namespace cameo::apps {
namespace {

using Row = OptionTable::Row;
using Table = OptionTable;

std::string replaced(std::string_view text, std::string_view letters, std::string_view before) {
    std::string result;
    for (const char letter : text) {
        if (letters.find(letter) != std::string_view::npos) result += before;
        result += letter;
    }
    return result;
}

/// As one word for any of the shells: everything inside single quotes but the quote itself is plain in all three.
std::string in_quotes(std::string_view text) {
    std::string result = "'";
    for (const char letter : text) result += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    return result + "'";
}

std::vector<std::string> long_names(const Row& row) {
    std::vector<std::string> names{"--" + row.name};
    for (const auto& alias : row.notes.aliases) names.push_back("--" + alias);
    return names;
}

std::vector<std::string> all_names(const Row& row) {
    auto names = long_names(row);
    if (row.notes.letter != 0) names.push_back(fmt::format("-{}", row.notes.letter));
    return names;
}

// bash ----------------------------------------------------------------------------------------------------------------

/// The command that offers what may stand here.
std::string bash_offer(const Row& row) {
    if (!row.notes.choices.empty())
        return fmt::format("_cameo_words {}", in_quotes(fmt::format("{}", fmt::join(row.notes.choices, " "))));
    if (row.notes.completes == Completes::file)
        return fmt::format("_cameo_files {}", fmt::join(row.notes.endings, " "));
    if (row.notes.completes == Completes::folder) return "_cameo_folders";
    return ":";
}

std::string bash_verb(const Verb& verb, const Table& table) {
    std::vector<std::string> names;
    std::string values;
    for (const auto& row : table.options()) {
        const auto own = all_names(row);
        names.insert(names.end(), own.begin(), own.end());
        if (!row.is_switch)
            values += fmt::format("                {}) {}; return ;;\n", fmt::join(own, "|"), bash_offer(row));
    }
    std::string text =
        fmt::format("        {})\n            case \"$previous\" in\n{}            esac\n", verb.name, values);
    text += fmt::format("            case \"$current\" in\n                -*) _cameo_words '{}' ;;\n",
                        fmt::join(names, " "));
    // Arguments are not counted: what fits any of them is offered.
    std::vector<std::string> offers;
    for (const auto& row : table.arguments())
        if (auto offer = bash_offer(row); std::ranges::find(offers, offer) == offers.end()) offers.push_back(offer);
    if (offers.empty()) offers.emplace_back(":");
    return text + fmt::format("                *) {} ;;\n            esac ;;\n", fmt::join(offers, "; "));
}

std::string bash_script() {
    std::vector<std::string> words;
    std::string cases;
    for (const auto* verb : verbs()) {
        words.emplace_back(verb->name);
        with_table(*verb, [&](const Table& table) { cases += bash_verb(*verb, table); });
    }
    return fmt::format(R"(# Completion of cameo for bash. To use it at once:  source <(cameo completion bash)
# For good: save it as ~/.local/share/bash-completion/completions/cameo
_cameo_add() {{
    local line known
    while IFS= read -r line; do
        for known in "${{COMPREPLY[@]}}"; do [[ $known == "$line" ]] && continue 2; done
        COMPREPLY+=("$line")
    done
}}
_cameo_words() {{ _cameo_add < <(compgen -W "$1" -- "$current"); }}
_cameo_folders() {{ compopt -o filenames 2>/dev/null; _cameo_add < <(compgen -d -- "$current"); }}
_cameo_files() {{
    local ending
    compopt -o filenames 2>/dev/null
    for ending in "$@"; do _cameo_add < <(compgen -f -X "!*.$ending" -- "$current"); done
    if ((${{#COMPREPLY[@]}} == 0)); then _cameo_add < <(compgen -f -- "$current"); else _cameo_folders; fi
}}
_cameo() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD - 1]}}"
    # bash cuts --name=value in three
    if [[ $previous == "=" ]]; then previous="${{COMP_WORDS[COMP_CWORD - 2]}}"
    elif [[ $current == "=" ]]; then current=""
    fi
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _cameo_words '{} --help --version'
        return
    fi
    case "${{COMP_WORDS[1]}}" in
{}    esac
}}
complete -F _cameo cameo
)",
                       fmt::join(words, " "), cases);
}

// zsh -----------------------------------------------------------------------------------------------------------------

/// ":FILE:_files", the part of a specification that says what stands there.
std::string zsh_offer(std::string_view name, const Row& row) {
    std::string action = " ";
    if (!row.notes.choices.empty())
        action = fmt::format("({})", fmt::join(row.notes.choices, " "));
    else if (row.notes.completes == Completes::folder)
        action = "_files -/";
    else if (row.notes.completes == Completes::file)
        action = row.notes.endings.empty() ? "_files"
                                           : fmt::format("_files -g \"*.({})\"", fmt::join(row.notes.endings, "|"));
    return fmt::format(":{}:{}", name, action);
}

std::string zsh_verb(const Verb& verb, const Table& table) {
    std::vector<std::string> specifications;
    for (const auto& row : table.options()) {
        const auto names = all_names(row);
        const auto others = row.repeats ? std::string("*") : fmt::format("({})", fmt::join(names, " "));
        const auto help = replaced(row.notes.help, "[]\\:", "\\");
        for (const auto& name : names) {
            const bool is_long = name.starts_with("--");
            specifications.push_back(
                in_quotes(fmt::format("{}{}{}[{}]{}", others, name,
                                      row.is_switch ? ""
                                      : is_long     ? "="
                                                    : "+",
                                      help, row.is_switch ? "" : zsh_offer(row.notes.value, row))));
        }
    }
    for (const auto& row : table.arguments())
        specifications.push_back(in_quotes((row.repeats ? "*" : row.required ? "" : ":") + zsh_offer(row.name, row)));
    return fmt::format("        {})\n            _arguments -s \\\n                {} ;;\n", verb.name,
                       fmt::join(specifications, " \\\n                "));
}

std::string zsh_script() {
    std::string descriptions, cases;
    for (const auto* verb : verbs()) {
        descriptions += fmt::format("        {}\n",
                                    in_quotes(fmt::format("{}:{}", verb->name, replaced(verb->summary, "\\:", "\\"))));
        with_table(*verb, [&](const Table& table) { cases += zsh_verb(*verb, table); });
    }
    return fmt::format(R"(#compdef cameo
# Completion of cameo for zsh. To use it at once:  source <(cameo completion zsh)
# For good: save it as _cameo in a folder of $fpath.
_cameo() {{
    local -a commands
    commands=(
{}    )
    if ((CURRENT == 2)); then
        _describe command commands
        return
    fi
    shift words
    ((CURRENT--))
    case "${{words[1]}}" in
{}    esac
}}
if [[ "${{funcstack[1]}}" == _cameo ]]; then _cameo "$@"; else compdef _cameo cameo; fi
)",
                       descriptions, cases);
}

// fish ----------------------------------------------------------------------------------------------------------------

/// What may stand after an option, or as an argument.
std::string fish_offer(const Row& row, bool is_option) {
    if (!row.notes.choices.empty())
        return fmt::format(" {}a {}", is_option ? "-x" : "-",
                           in_quotes(fmt::format("{}", fmt::join(row.notes.choices, " "))));
    if (row.notes.completes == Completes::folder)
        return is_option ? " -x -a '(__fish_complete_directories)'" : " -a '(__fish_complete_directories)'";
    if (row.notes.completes == Completes::file) return is_option ? " -r -F" : " -F";
    return is_option ? " -x" : "";
}

std::string fish_verb(const Verb& verb, const Table& table) {
    const auto here = fmt::format("complete -c cameo -n '__fish_seen_subcommand_from {}'", verb.name);
    std::string text;
    for (const auto& row : table.options()) {
        text += here;
        for (const auto& name : long_names(row)) text += " -l " + name.substr(2);
        if (row.notes.letter != 0) text += fmt::format(" -s {}", row.notes.letter);
        if (!row.is_switch) text += fish_offer(row, true);
        text += fmt::format(" -d {}\n", in_quotes(row.notes.help));
    }
    for (const auto& row : table.arguments())
        if (const auto offer = fish_offer(row, false); !offer.empty()) text += here + offer + "\n";
    return text;
}

std::string fish_script() {
    std::string text =
        "# Completion of cameo for fish. To use it at once:  cameo completion fish | source\n"
        "# For good: save it as ~/.config/fish/completions/cameo.fish\n"
        "complete -c cameo -f\n"
        "complete -c cameo -n __fish_use_subcommand -s h -l help -d 'show what cameo can do'\n"
        "complete -c cameo -n __fish_use_subcommand -s V -l version -d 'show the version'\n";
    for (const auto* verb : verbs()) {
        text += fmt::format("complete -c cameo -n __fish_use_subcommand -a {} -d {}\n", verb->name,
                            in_quotes(verb->summary));
        with_table(*verb, [&](const Table& table) { text += fish_verb(*verb, table); });
    }
    return text;
}

class Completion final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("source <(cameo completion bash)",
                      "lets the Tab key finish cameo's commands and options in this bash");
        table.example("cameo completion zsh > ~/.zfunc/_cameo", "the same for zsh, for good, if ~/.zfunc is in $fpath");
        table.example("cameo completion fish | source", "the same in this fish");
        table.argument("SHELL", shell_, {.help = "your shell", .choices = {"bash", "zsh", "fish"}});
    }

    void run(Terminal& terminal) override {
        const auto script = shell_ == "bash" ? bash_script() : shell_ == "zsh" ? zsh_script() : fish_script();
        terminal.answer({{"shell", shell_}, {"text", script}}, script);
    }

  private:
    std::string shell_;
};

}  // namespace

constinit const Verb completion = verb<Completion>("completion", "lets your shell finish commands and options");

}  // namespace cameo::apps
