// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "help_texts.hpp"
#include "verbs.hpp"

namespace cameo::apps {
namespace {

constexpr std::string_view exit_codes_topic = "exit-codes";

class Help final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo help convert", "explains one command, as `cameo convert --help` does");
        table.example("cameo help exit-codes", "lists what the program's exit codes mean");
        OptionNotes notes{.help = "a command, or exit-codes"};
        for (const auto* verb : verbs()) notes.choices.emplace_back(verb->name);
        notes.choices.emplace_back(exit_codes_topic);
        table.argument("TOPIC", topic_, std::move(notes));
    }

    void run(Terminal& terminal) override {
        if (!topic_) return terminal.answer({{"text", overview()}}, overview());
        if (*topic_ == exit_codes_topic) return terminal.answer(exit_codes_record(), exit_codes_text());
        const auto text = help_of(*find_verb(*topic_));
        terminal.answer({{"text", text}}, text);
    }

  private:
    std::optional<std::string> topic_;
};

}  // namespace

constinit const Verb help = verb<Help>("help", "explains a command");

}  // namespace cameo::apps
