// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/io/file.hpp>

namespace cameo::io {

struct ZipMember {
    std::string name;               ///< UTF-8, relative, forward slashes, no "..", unique in its archive
    std::uint64_t size = 0;         ///< uncompressed bytes, as the archive declares them
    std::uint64_t stored_size = 0;  ///< bytes in the archive
    std::uint32_t crc = 0;
    bool deflated = false;  ///< else stored as it is
};

class ZipReader;

/// An untrusted ZIP archive (ZIP64 included), checked as a whole when it is opened: names, links, encryption,
/// duplicates, 64 GiB in all, 1 100 bytes from one at most, no two members from the same bytes. Entries for folders are
/// left out. Threads  const calls may run at the same time; readers of one archive take turns inside libzip
class ZipArchive : public std::enable_shared_from_this<ZipArchive> {
  public:
    /// Errors   io_failure; bad_file, naming the file and, where there is one, the member
    [[nodiscard]] static std::shared_ptr<const ZipArchive> open(const std::filesystem::path& path);

    /// An archive in memory that `owner` keeps alive; `subject` stands for its name in messages.
    [[nodiscard]] static std::shared_ptr<const ZipArchive> open(std::span<const std::byte> bytes,
                                                                std::shared_ptr<const void> owner, std::string subject);

    virtual ~ZipArchive() = default;

    [[nodiscard]] virtual std::span<const ZipMember> members() const noexcept = 0;  ///< in the archive's order
    [[nodiscard]] virtual const ZipMember* find(std::string_view name) const noexcept = 0;
    [[nodiscard]] virtual const std::string& subject() const noexcept = 0;

    /// A new reader at the member's first byte; cheap, as often as wanted. `member` is one of members().
    /// Errors   bad_file
    [[nodiscard]] virtual std::unique_ptr<ZipReader> read(const ZipMember& member) const = 0;

    /// A whole member. Errors: bad_file, also when it is larger than `max_bytes`; out_of_memory.
    [[nodiscard]] std::vector<std::byte> read_all(const ZipMember& member, std::uint64_t max_bytes) const;
};

/// Reads one member from its start to its end; keeps the archive alive. For one thread.
class ZipReader {
  public:
    virtual ~ZipReader() = default;

    /// Fills `buffer` and returns how much of it; less than all of it only at the end. The end is reported when the
    /// declared size and the CRC have been found true, so read on until 0 before trusting the bytes.
    /// Errors   bad_file
    [[nodiscard]] virtual std::size_t read(std::span<std::byte> buffer) = 0;

    /// Errors   bad_file, also when the member ends before
    void read_exactly(std::span<std::byte> buffer);
    void skip(std::uint64_t count);
};

enum class ZipCompression : std::uint8_t { stored, deflated };

/// Writes an archive aside and renames it. Same members, same bytes: times are the first that ZIP can express.
class ZipWriter {
  public:
    /// Errors   io_failure
    [[nodiscard]] static std::unique_ptr<ZipWriter> create(const std::filesystem::path& path, Overwrite overwrite);

    virtual ~ZipWriter() = default;

    /// `content` is called once, by commit(), member after member, so that only one of them need be in memory.
    /// Errors   invalid_argument: a name that ZipArchive would refuse
    virtual void add(const std::string& name, std::function<std::vector<std::byte>()> content,
                     ZipCompression compression) = 0;

    /// Writes everything. Without it the destructor leaves nothing behind.
    /// Errors   io_failure; whatever a `content` throws
    virtual void commit() = 0;
};

}  // namespace cameo::io
