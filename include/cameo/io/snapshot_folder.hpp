// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include <cameo/concepts/snapshot_store.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>

namespace cameo::io {

/// Snapshots as files "snapshot-000001000.safetensors" of one folder, which belongs to one run at a time.
class CAMEO_API SnapshotFolder {
  public:
    /// Makes the folder if need be, and deletes what a killed process has left of snapshots. Of the snapshots, the
    /// latest `keep` stay. Errors: io_failure; invalid_argument: keep below 1
    explicit SnapshotFolder(std::filesystem::path folder, std::size_t keep = 2);

    /// Writes one, replacing one of the same step, then deletes the oldest ones. Errors: io_failure, also invalid_argument
    void save(std::int64_t step, const StateDict& state);

    /// Reads every byte once, to verify the digest. Errors: bad_file: damaged; io_failure: not there
    [[nodiscard]] StateDict load(std::int64_t step) const;

    /// Ascending.
    [[nodiscard]] std::vector<std::int64_t> steps() const;

    [[nodiscard]] std::filesystem::path path_of(std::int64_t step) const;

  private:
    std::filesystem::path folder_;
    std::size_t keep_;
};
static_assert(SnapshotStore<SnapshotFolder>);
static_assert(!SnapshotStore<std::filesystem::path>);

}  // namespace cameo::io
