// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

#include <cameo/core/export.hpp>

namespace cameo::io {

/// The most bytes of JSON that a header or a small file may have; data sets' labels allow more.
inline constexpr std::size_t max_json_bytes = std::size_t{8} << 20;

/// Parses untrusted JSON into values that need no second look: at most 32 levels deep, every number finite and inside
/// its type, every key once, every text valid UTF-8. Recursion depth does not grow with the input.
/// Errors   bad_file, "`subject`: expected ..., found ... at byte N"
[[nodiscard]] CAMEO_API nlohmann::json parse_json(std::string_view text, std::string_view subject,
                                                  std::size_t max_bytes = max_json_bytes);

}  // namespace cameo::io
