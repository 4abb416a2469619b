// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "verb.hpp"

namespace cameo::apps {

/// Shows the full table of a verb, common options included, to `reader`.
void with_table(const Verb& verb, const std::function<void(const OptionTable&)>& reader);

/// What `cameo VERB --help` says. Examples come first.
[[nodiscard]] std::string help_of(const Verb& verb);

/// What `cameo --help` says.
[[nodiscard]] std::string overview();

/// The exit codes, by number, for people and for programs.
[[nodiscard]] std::string exit_codes_text();
[[nodiscard]] nlohmann::ordered_json exit_codes_record();

}  // namespace cameo::apps
