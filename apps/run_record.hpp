// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include <nlohmann/json_fwd.hpp>

namespace cameo::apps {

/// Adds what one run did to FOLDER/run.json, beside its results: {"runs": [...]}, the newest last, each with the
/// program's version. Earlier runs stay.
/// Errors   io_failure; bad_file: the file is there and is no such list
void record_run(const std::filesystem::path& folder, const nlohmann::ordered_json& facts);

}  // namespace cameo::apps
