// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cameo::apps {

/// Letters inserted, left out, replaced or swapped with their neighbour on the way from `a` to `b`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name that somebody who wrote `word` most likely meant; empty when none is close enough to be worth a question.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names);

}  // namespace cameo::apps
