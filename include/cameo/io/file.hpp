// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>

namespace cameo::io {

/// A regular file, mapped read-only as a whole; an empty one gives no bytes.
/// Quirk    the bytes are the file's own: if another program cuts the file short meanwhile, touching what is gone ends
///          the process (SIGBUS), as with every memory map. Replacing the file by a rename is harmless, and that is
///          what AtomicFile does. Where a file may be rewritten in place, use read_file().
class CAMEO_API MappedFile {
  public:
    /// Errors   io_failure, naming the path and the system's reason
    [[nodiscard]] static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

  private:
    explicit MappedFile(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

    std::span<const std::byte> bytes_;
};

/// A whole regular file in memory.
/// Errors   io_failure; bad_file when it has more than `max_bytes`; out_of_memory
[[nodiscard]] CAMEO_API std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// What to do with a file that already has the name.
enum class Overwrite : bool { no, yes };

/// A file that appears under its name complete or not at all: written aside in the same folder, flushed to the disk,
/// then renamed. A regular file or a link of that name is replaced (its permissions are kept) with Overwrite::yes only;
/// anything else of that name, such as a device, never is.
/// What a killed process leaves behind is called ".NAME.XXXXXXXX.cameo-tmp" and may be deleted.
class CAMEO_API AtomicFile {
  public:
    /// Errors   io_failure: the name is taken, the folder is missing or may not be written
    AtomicFile(const std::filesystem::path& path, Overwrite overwrite);

    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Removes what was written unless it was committed.
    ~AtomicFile();

    /// Appends. Small runs are gathered.
    /// Errors   io_failure, naming the path and the system's reason; so for write_at() and commit()
    void write(std::span<const std::byte> bytes);
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

    /// Replaces bytes that were written before. Errors: also invalid_argument when they end after size().
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes);

    /// Reads back what was written, to the end of `bytes`. Errors: also invalid_argument when it ends after size().
    void read_at(std::uint64_t offset, std::span<std::byte> bytes);

    [[nodiscard]] std::uint64_t size() const noexcept;

    /// Gives the file its name; with Overwrite::no that is refused when somebody else took the name meanwhile.
    void commit();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Writes a whole file like AtomicFile.
CAMEO_API void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes, Overwrite overwrite);
CAMEO_API void write_file(const std::filesystem::path& path, std::string_view text, Overwrite overwrite);

/// Whether a file of this name is AtomicFile's leftover, to be passed over by whoever lists a folder.
[[nodiscard]] CAMEO_API bool is_temporary(const std::filesystem::path& path);

}  // namespace cameo::io
