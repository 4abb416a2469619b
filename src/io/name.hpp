// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <cameo/core/export.hpp>

namespace cameo::io {

[[nodiscard]] CAMEO_API bool is_utf8(std::string_view text) noexcept;

/// Whether an untrusted file may name a tensor or a member so: 1 to 512 bytes of UTF-8 without control characters.
[[nodiscard]] CAMEO_API bool is_sound_name(std::string_view name) noexcept;

/// The extension of a path in lower case, with its dot: people write .PNG too.
[[nodiscard]] CAMEO_API std::string lower_extension(const std::filesystem::path& path);

/// An untrusted text for a message: in quotes, cut where it is long, escaped where a terminal could be led astray.
[[nodiscard]] CAMEO_API std::string in_quotes(std::string_view text);

}  // namespace cameo::io
