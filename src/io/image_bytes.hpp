// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/error.hpp>

namespace cameo::io {

using Bytes = std::span<const std::byte>;

/// Errors: bad_file, always: "`subject`: expected ..., found ...".
[[noreturn]] inline void refuse(std::string_view subject, std::string_view expected, std::string_view found) {
    throw Error(Errc::bad_file,
                std::string(subject) + ": expected " + std::string(expected) + ", found " + std::string(found));
}

[[nodiscard]] inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline Bytes as_bytes(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

/// Walks through untrusted bytes; whatever would reach beyond their end is a bad_file that names the place.
class ByteReader {
  public:
    ByteReader(Bytes bytes, std::endian order, std::string_view subject, std::size_t position = 0)
        : bytes_(bytes), order_(order), subject_(subject) {
        seek(position);
    }

    [[nodiscard]] std::size_t position() const noexcept { return position_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - position_; }

    void seek(std::uint64_t position) {
        if (position > bytes_.size()) refuse_end(position);
        position_ = static_cast<std::size_t>(position);
    }

    [[nodiscard]] Bytes take(std::uint64_t count) {
        if (count > remaining()) refuse_end(position_ + count);
        const auto result = bytes_.subspan(position_, static_cast<std::size_t>(count));
        position_ += result.size();
        return result;
    }

    template <std::unsigned_integral T>
    [[nodiscard]] T number() {
        std::uint64_t value = 0;
        const auto digits = take(sizeof(T));
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value |= std::to_integer<std::uint64_t>(digits[i])
                     << (8 * (order_ == std::endian::little ? i : sizeof(T) - 1 - i));
        return static_cast<T>(value);
    }

    /// Up to the next NUL, which is skipped.
    [[nodiscard]] std::string_view text() {
        const auto rest = as_text(bytes_.subspan(position_));
        const auto length = rest.find('\0');
        if (length == rest.npos) refuse_end(bytes_.size() + 1);
        position_ += length + 1;
        return rest.substr(0, length);
    }

  private:
    [[noreturn]] void refuse_end(std::uint64_t wanted) const {
        refuse(subject_, "at least " + std::to_string(wanted) + " bytes",
               "the end after " + std::to_string(bytes_.size()) + " (is the file cut short?)");
    }

    Bytes bytes_;
    std::endian order_;
    std::string_view subject_;
    std::size_t position_ = 0;
};

inline void append(std::vector<std::byte>& to, Bytes bytes) {
    const auto size = to.size();
    to.resize(size + bytes.size());  // not insert(): GCC 12 then warns of an overflow that cannot be
    std::ranges::copy(bytes, to.begin() + static_cast<std::ptrdiff_t>(size));
}
inline void append(std::vector<std::byte>& to, std::string_view text) { append(to, as_bytes(text)); }

template <std::unsigned_integral T>
void append(std::vector<std::byte>& to, T value, std::endian order) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        to.push_back(static_cast<std::byte>(std::uint64_t{value} >>
                                            (8 * (order == std::endian::little ? i : sizeof(T) - 1 - i))));
}

}  // namespace cameo::io
