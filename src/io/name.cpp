// SPDX-License-Identifier: Apache-2.0
#include "io/name.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>

namespace cameo::io {
namespace {

/// Bytes of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t sequence_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0u) != 0x80) return 0;
    // Overlong forms, surrogates and what is beyond U+10FFFF begin with these pairs.
    if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f)) return 0;
    if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) return 0;
    return length;
}

/// Neither C0, DEL nor C1 (U+0080 to U+009F).
bool is_printable(std::string_view sequence) noexcept {
    const auto lead = static_cast<std::uint8_t>(sequence[0]);
    if (sequence.size() == 1) return lead >= 0x20 && lead != 0x7f;
    return lead != 0xc2 || static_cast<std::uint8_t>(sequence[1]) >= 0xa0;
}

}  // namespace

std::string lower_extension(const std::filesystem::path& path) {
    auto extension = path.extension().string();
    std::ranges::transform(extension, extension.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension;
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

bool is_sound_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > 512) return false;
    while (!name.empty()) {
        const auto length = sequence_length(name);
        if (length == 0 || !is_printable(name.substr(0, length))) return false;
        name.remove_prefix(length);
    }
    return true;
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 120;
    std::string result = "'";
    while (!text.empty() && result.size() < longest) {
        const auto length = sequence_length(text);
        if (length > 0 && is_printable(text.substr(0, length))) {
            result += text.substr(0, length);
            text.remove_prefix(length);
        } else {
            const auto byte = static_cast<std::uint8_t>(text[0]);
            result += {'\\', 'x', "0123456789abcdef"[byte >> 4u], "0123456789abcdef"[byte & 15u]};
            text.remove_prefix(1);
        }
    }
    return result + (text.empty() ? "'" : "...'");
}

}  // namespace cameo::io
