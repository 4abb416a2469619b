// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <cameo/core/export.hpp>

namespace cameo::io {

[[nodiscard]] CAMEO_API bool is_utf8(std::string_view text) noexcept;

/// Whether an untrusted file may name a tensor or a member so: 1 to 512 bytes of UTF-8 without control characters.
[[nodiscard]] CAMEO_API bool is_sound_name(std::string_view name) noexcept;

/// An untrusted text for a message: in quotes, cut where it is long, escaped where a terminal could be led astray.
[[nodiscard]] CAMEO_API std::string in_quotes(std::string_view text);

}  // namespace cameo::io
