// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>

namespace cameo {

/// How many seeds one list may name.
inline constexpr std::size_t max_seeds = 65536;

/// Reads a list of seeds as the published programs take it: "0,1,4-6" is 0, 1, 4, 5, 6. Ranges include both ends; order
/// and repetitions are kept; spaces may stand around numbers.
/// Errors   invalid_argument: an empty item, a number that is none or exceeds 2^32 - 1, a range that runs backwards,
///          more than max_seeds in all
[[nodiscard]] CAMEO_API std::vector<std::uint32_t> parse_seeds(std::string_view text);

}  // namespace cameo
