// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "options.hpp"
#include "terminal.hpp"

namespace cameo::apps {

/// One call of a verb: its options are members, filled by the parser between declare() and run().
class Command {
  public:
    virtual ~Command() = default;

    /// Binds every option to a member. Must give at least one example: help texts start with them.
    virtual void declare(OptionTable& table) = 0;

    /// Does the work: results to the terminal, everything that goes wrong as cameo::Error.
    virtual void run(Terminal& terminal) = 0;
};

/// A word that may stand after `cameo`.
///
/// To add one: write apps/NAME.cpp with a class derived from Command and, at its end,
///     constinit const Verb NAME = verb<Name>("NAME", "what it does, in a few words");
/// then name it in verbs.hpp, in the list of verbs.cpp and in apps/CMakeLists.txt. Help, completion, the environment,
/// the configuration file, exit codes and signals follow by themselves.
struct Verb {
    std::string_view name;
    std::string_view summary;  ///< fits on one line of `cameo help`
    std::unique_ptr<Command> (*make)();
};

template <class C>
constexpr Verb verb(std::string_view name, std::string_view summary) {
    return {name, summary, []() -> std::unique_ptr<Command> { return std::make_unique<C>(); }};
}

}  // namespace cameo::apps
