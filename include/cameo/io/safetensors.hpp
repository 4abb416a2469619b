// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

struct SafetensorsOptions {
    bool verify_digest = true;    ///< where the file has one: reads every byte once
    bool require_finite = false;  ///< refuses a NaN or an infinity in any tensor: reads every byte once
};

/// Reads a safetensors file, whoever wrote it. The tensors are views of the mapped file, in the order of their bytes
/// (those without any in that of their names). Limits: a header of 8 MiB, 65 536 tensors, rank 8, names of 512 bytes of
/// UTF-8, no control characters in them, the types of DType, booleans of 0 or 1; the tensors cover the data area
/// exactly.
/// Errors   io_failure; bad_file, naming the file and where it can the tensor
/// Source   huggingface/safetensors, README, "Format"
/// Quirk    a view begins where the bytes before it end, so it need not be aligned for its type
[[nodiscard]] CAMEO_API StateDict read_safetensors(const std::filesystem::path& path,
                                                   const SafetensorsOptions& options = {});

/// The same of bytes that `owner` keeps alive; `subject` stands for the file's name in messages.
[[nodiscard]] CAMEO_API StateDict parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                                    std::string_view subject, const SafetensorsOptions& options = {});

/// Writes tensors in their order; equal ones give equal bytes. The data begin at a multiple of 64 bytes.
/// The metadata's "cameo", a JSON object, is completed with "format_version" (1) and "digest": SHA-256 of the whole
/// file while the digest's own 64 digits are '0'. Returns the digest, by which the file can be referred to.
/// Errors   invalid_argument: what read_safetensors() would refuse; io_failure; those of the tensors' sources
CAMEO_API std::string write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                                        Overwrite overwrite = Overwrite::no);

/// The digest that write_safetensors() has put into the metadata; none for other programs' files.
/// Errors   bad_file: a "cameo" in the metadata that write_safetensors() does not write
[[nodiscard]] CAMEO_API std::optional<std::string> digest_of(const StateDict& tensors);

}  // namespace cameo::io
