// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <cameo/core/export.hpp>

namespace cameo {

/// Element types that may stand in a file: the allow-list of every reader.
enum class DType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Bytes of one element.
[[nodiscard]] CAMEO_API std::size_t size_of(DType dtype) noexcept;

/// The name that safetensors uses: "F32", "BOOL", ...
[[nodiscard]] CAMEO_API std::string_view name_of(DType dtype) noexcept;

/// The inverse of name_of(); empty for a name that is not on the list.
[[nodiscard]] CAMEO_API std::optional<DType> dtype_named(std::string_view name) noexcept;

}  // namespace cameo
