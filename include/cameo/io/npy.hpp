// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

/// Reads an array that NumPy has written (format 1.0, 2.0 or 3.0) of the types of DType; NumPy has none for bf16.
/// An array in C order and little-endian is a view of the mapped file; another is brought to that in memory.
/// Limits: rank 8, the data as long as the shape says, booleans of 0 or 1. Arrays of Python objects are refused.
/// Errors   io_failure; bad_file, naming the file; out_of_memory
/// Quirk    a view begins where the header ends: at a multiple of 16 bytes in practice, but nothing promises that
/// Source   NumPy, "numpy.lib.format"
[[nodiscard]] CAMEO_API StoredTensor read_npy(const std::filesystem::path& path);

/// The same of bytes that `owner` keeps alive; `subject` stands for the file's name in messages.
[[nodiscard]] CAMEO_API StoredTensor parse_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                               std::string_view subject);

/// Writes format 1.0, data aligned to 64 bytes.
/// Errors   invalid_argument: bf16, or a shape that no reader takes; io_failure; those of the tensor's source
CAMEO_API void write_npy(const std::filesystem::path& path, const StoredTensor& tensor,
                         Overwrite overwrite = Overwrite::no);

}  // namespace cameo::io
