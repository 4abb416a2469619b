// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "verb.hpp"

namespace cameo::apps {

extern const Verb bench_speed;
extern const Verb completion;
extern const Verb convert;
extern const Verb dataset;
extern const Verb doctor;
extern const Verb eval;
extern const Verb generate;
extern const Verb help;
extern const Verb invert;
extern const Verb mesh;
extern const Verb train_model;
extern const Verb video;

/// All verbs, in the order of `cameo help`.
[[nodiscard]] std::span<const Verb* const> verbs();

/// Null when there is none of that name.
[[nodiscard]] const Verb* find_verb(std::string_view name);

}  // namespace cameo::apps
