// SPDX-License-Identifier: Apache-2.0
#include "verbs.hpp"

#include <algorithm>
#include <array>

namespace cameo::apps {

std::span<const Verb* const> verbs() {
    static constexpr std::array list{&doctor,  &generate,    &video, &mesh,        &invert,     &convert,
                                     &dataset, &train_model, &eval,  &bench_speed, &completion, &help};
    return list;
}

const Verb* find_verb(std::string_view name) {
    const auto found = std::ranges::find(verbs(), name, [](const Verb* verb) { return verb->name; });
    return found == verbs().end() ? nullptr : *found;
}

}  // namespace cameo::apps
