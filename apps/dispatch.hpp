// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <string>

#include "terminal.hpp"
#include "verb.hpp"

namespace cameo::apps {

/// The whole program behind main(): finds the verb, fills its options, runs it, tells what went wrong.
/// `start` begins to watch for signals and is called once there is work that could be stopped.
/// Returns  the process's exit code; never throws
int dispatch(std::span<const std::string> arguments, Terminal& terminal, const std::function<std::stop_token()>& start);

/// One verb with its own arguments. Returns the exit code; never throws.
int run_verb(const Verb& verb, std::span<const std::string> arguments, Terminal& terminal,
             const std::function<std::stop_token()>& start);

}  // namespace cameo::apps
