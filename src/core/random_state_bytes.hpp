// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cameo/core/error.hpp>

namespace cameo::detail {

/// The bytes of a stream's state: a tag of 8 letters, then little-endian words of 64 bits.
class StateWriter {
  public:
    explicit StateWriter(std::string_view tag) {
        for (const auto letter : tag) bytes_.push_back(static_cast<std::byte>(letter));
    }
    void word(std::uint64_t value) {
        for (int shift = 0; shift < 64; shift += 8) bytes_.push_back(static_cast<std::byte>(value >> shift));
    }
    [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

  private:
    std::vector<std::byte> bytes_;
};

/// Errors: bad_file: another tag or another number of words
class StateReader {
  public:
    StateReader(std::span<const std::byte> bytes, std::string_view tag, std::size_t words) : rest_(bytes) {
        bool same = bytes.size() == tag.size() + 8 * words;
        for (std::size_t i = 0; same && i < tag.size(); ++i) same = bytes[i] == static_cast<std::byte>(tag[i]);
        if (!same)
            throw Error(Errc::bad_file, "random state: expected " + std::to_string(tag.size() + 8 * words) +
                                            " bytes that start with '" + std::string(tag) + "', got " +
                                            std::to_string(bytes.size()) + " others");
        rest_ = rest_.subspan(tag.size());
    }
    [[nodiscard]] std::uint64_t word() {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(rest_[i]) << (8 * i);
        rest_ = rest_.subspan(8);
        return value;
    }

  private:
    std::span<const std::byte> rest_;
};

}  // namespace cameo::detail
