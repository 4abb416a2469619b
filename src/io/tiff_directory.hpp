// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/image_bytes.hpp"

namespace cameo::io {

inline constexpr std::uint16_t description_tag = 270;

/// The first directory of a TIFF file, which is what EXIF data is too. A field's value is looked at when it is asked
/// for, so that a broken one that nobody needs does no harm. The bytes and the subject must outlive it.
class TiffDirectory {
  public:
    /// Errors   bad_file: no classic TIFF, or no directory in it; so for the members
    TiffDirectory(Bytes file, std::string_view subject);

    [[nodiscard]] std::endian order() const noexcept { return order_; }
    [[nodiscard]] bool has(std::uint16_t tag) const noexcept { return fields_.contains(tag); }

    /// The value of a field of one whole number; `missing` where there is no such field.
    [[nodiscard]] std::uint32_t number(std::uint16_t tag, std::uint32_t missing) const;

    /// The value of a field of `expected` whole numbers, or of no more than that; empty where there is no such field.
    [[nodiscard]] std::vector<std::uint32_t> numbers(std::uint16_t tag, std::uint64_t most) const;

    /// Up to its first NUL; empty where there is no such field.
    [[nodiscard]] std::string_view text(std::uint16_t tag) const;

  private:
    struct Field {
        std::uint16_t type;
        std::uint32_t count;
        std::size_t value_at;  ///< of the value itself when it has 4 bytes at most, else of its offset
    };
    [[nodiscard]] Bytes value(const Field& field, std::size_t element) const;

    Bytes file_;
    std::string_view subject_;
    std::endian order_ = std::endian::little;
    std::map<std::uint16_t, Field> fields_;
};

/// A field to be written: a text, else numbers, as SHORT where they fit.
struct TiffField {
    std::uint16_t tag = 0;
    std::vector<std::uint32_t> numbers{};
    std::string text{};
};

/// A TIFF file with one directory. `chunks` follow it, and the field `offsets_tag` (to be given without numbers) says
/// where they are.
[[nodiscard]] std::vector<std::byte> tiff_file(std::endian order, std::vector<TiffField> fields,
                                               std::span<const Bytes> chunks = {}, std::uint16_t offsets_tag = 0);

}  // namespace cameo::io
