// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

namespace cameo::apps {

/// The model to use when none is named: CAMEO_MODEL, else models/default.safetensors among the files that were
/// installed with the program. Empty when there is none; what CAMEO_MODEL names is given back even if it is missing.
[[nodiscard]] std::optional<std::filesystem::path> default_model();

/// Where downloaded and derived files are kept: CAMEO_CACHE, else cameo/ in the user's cache folder. Empty without a
/// home.
[[nodiscard]] std::optional<std::filesystem::path> cache_folder();

}  // namespace cameo::apps
