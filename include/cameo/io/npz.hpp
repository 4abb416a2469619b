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

/// Reads the headers of an archive that NumPy has written (savez, savez_compressed); the tensors are inflated when they
/// are streamed, and found damaged then (CRC). Members are called as in NumPy, without ".npy".
/// A member of text becomes metadata of that name: one text as it is, an array of texts as a JSON array.
/// Limits: those of read_npy() and, for the archive, 64 GiB in all, 1 100 bytes from one, no links, no encryption,
/// sound relative names; 65 536 members; 8 MiB of text.
/// Errors   io_failure; bad_file, naming the file and the member
/// Threads  tensors of one archive may be streamed by many threads; they take turns inflating
[[nodiscard]] CAMEO_API StateDict read_npz(const std::filesystem::path& path);

/// The same of bytes that `owner` keeps alive; `subject` stands for the file's name in messages.
[[nodiscard]] CAMEO_API StateDict parse_npz(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                            std::string_view subject);

enum class Compression : bool { none, deflate };

/// Writes an archive that numpy.load() reads: every tensor, and every text of the metadata as an array of one text.
/// Equal contents give equal bytes. One tensor at a time is in memory as a whole.
/// Errors   invalid_argument: bf16, names that no reader takes or that stand twice; io_failure; those of the sources
CAMEO_API void write_npz(const std::filesystem::path& path, const StateDict& tensors,
                         Compression compression = Compression::deflate, Overwrite overwrite = Overwrite::no);

}  // namespace cameo::io
