// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>

#include <sys/types.h>

namespace cameo::io {

/// The system calls by which every file of ours gets to the disk; each returns what the system's own does. Overridden
/// by tests, so that a full disk or a refused rename can be had at every byte of every kind of file.
class FileCalls {
  public:
    FileCalls() = default;
    FileCalls(const FileCalls&) = delete;
    FileCalls& operator=(const FileCalls&) = delete;
    virtual ~FileCalls();

    virtual ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset);
    virtual int fsync(int file);
    virtual int rename(const std::filesystem::path& from, const std::filesystem::path& to);
    virtual int rename_to_new(const std::filesystem::path& from,
                              const std::filesystem::path& to);  ///< RENAME_NOREPLACE
    virtual int link(const std::filesystem::path& from, const std::filesystem::path& to);

    /// What the calling thread uses: the system's, or those of the innermost FileCallsScope.
    [[nodiscard]] static FileCalls& current() noexcept;
};

/// Makes `calls` the calling thread's until the end of the scope.
class FileCallsScope {
  public:
    explicit FileCallsScope(FileCalls& calls) noexcept;
    FileCallsScope(const FileCallsScope&) = delete;
    FileCallsScope& operator=(const FileCallsScope&) = delete;
    ~FileCallsScope();

  private:
    FileCalls* previous_;
};

}  // namespace cameo::io
