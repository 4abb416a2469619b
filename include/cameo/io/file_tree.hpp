// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

/// The files of a folder and everything below it, or of a ZIP archive: data sets come as either.
/// Threads  const calls may run at the same time
class CAMEO_API FileTree {
  public:
    /// A name that ends in .zip, in any case, is an archive, anything else a folder. Links to folders are not followed,
    /// leftovers of interrupted writes are passed over.
    /// Errors   io_failure; bad_file: an archive that is damaged or unsafe
    [[nodiscard]] static std::unique_ptr<const FileTree> open(const std::filesystem::path& path);

    virtual ~FileTree();

    /// Relative, with forward slashes, sorted by code points: the order of a data set's items.
    [[nodiscard]] std::span<const std::string> names() const noexcept { return names_; }
    [[nodiscard]] bool contains(std::string_view name) const noexcept;

    /// Errors   io_failure; bad_file, also when it is larger than `max_bytes`; invalid_argument: no such name
    [[nodiscard]] virtual std::vector<std::byte> read(std::string_view name, std::uint64_t max_bytes) const = 0;

  protected:
    explicit FileTree(std::vector<std::string> names);

  private:
    std::vector<std::string> names_;
};

/// Packs all files of a folder into an archive, stored as they are, in the order of FileTree::names(): equal files give
/// equal bytes. Errors: io_failure, out_of_memory; invalid_argument: a name that an archive cannot hold
CAMEO_API void pack_folder(const std::filesystem::path& folder, const std::filesystem::path& archive,
                           Overwrite overwrite);

}  // namespace cameo::io
