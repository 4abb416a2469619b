// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <cameo/core/dtype.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>

namespace cameo::io {

inline constexpr std::size_t max_rank = 8;
inline constexpr std::size_t max_tensors = 65'536;

/// Bytes of a tensor of this shape; empty when a file may not say so: rank over 8, a negative size, or a product of
/// sizes (a zero among them hides none) that overflows.
[[nodiscard]] CAMEO_API std::optional<std::uint64_t> byte_size_of(DType dtype,
                                                                  std::span<const std::int64_t> shape) noexcept;

/// The index of the first element that no computation should meet: a NaN or an infinity, a boolean other than 0 and 1.
/// `bytes` are whole elements, of any alignment.
[[nodiscard]] CAMEO_API std::optional<std::size_t> first_bad_value(DType dtype,
                                                                   std::span<const std::byte> bytes) noexcept;

/// What first_bad_value() looks for, for messages.
[[nodiscard]] CAMEO_API std::string_view good_values(DType dtype) noexcept;

/// Streams a tensor on its way into a file, where no byte too many or too few may get.
/// Errors   bad_file, "`subject`: expected 12 bytes, found 8"; those of the tensor's source and of `sink`
CAMEO_API void stream_exactly(const StoredTensor& tensor, std::string_view subject, const ByteSink& sink);

}  // namespace cameo::io
