// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

namespace cameo::apps {

/// Before minutes of work: is a name free? Errors: io_failure
void check_free(const std::filesystem::path& path);

/// Makes a folder and those above it where they are missing; an empty path is the one that one works in.
/// Errors   io_failure
void make_folder(const std::filesystem::path& folder);

/// FOLDER/run.json, beside the results: {"runs": [...]}, the newest last, each with the program's version. Earlier runs
/// stay.
class RunRecord {
  public:
    /// Reads what is there, so that a foreign file is met before the work and not after it.
    /// Errors   io_failure; bad_file: the file is there and is no such list
    explicit RunRecord(const std::filesystem::path& folder);

    /// Writes the list with one run more. Errors: io_failure
    void add(const nlohmann::ordered_json& facts);

  private:
    std::filesystem::path path_;
    nlohmann::ordered_json all_;
};

}  // namespace cameo::apps
