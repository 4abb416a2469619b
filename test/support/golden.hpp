// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace cameo::support {

/// Where the golden data are: CAMEO_GOLDEN_DIR, else beside the checkout.
inline std::filesystem::path golden_folder() {
    if (const auto* named = std::getenv("CAMEO_GOLDEN_DIR"); named != nullptr && *named != '\0') return named;
    return std::filesystem::path(CAMEO_SOURCE_DIR).parent_path() / "shared" / "golden";
}

/// Adds a line to the file that CAMEO_GOLDEN_REPORT names: `./run test --golden` ends with what stands there.
inline void report_golden(const std::string& name, bool found) {
    if (const auto* report = std::getenv("CAMEO_GOLDEN_REPORT"); report != nullptr && *report != '\0')
        std::ofstream(report, std::ios::app) << (found ? "ran " : "not in this set: ") << name << '\n';
}

/// A golden file by its name below that folder ("eg3d/cameras.npz"). Empty, after saying so, when this set lacks it:
///
///     const auto path = support::golden("eg3d/cameras.npz");
///     if (!path) return;
inline std::optional<std::filesystem::path> golden(const std::string& name) {
    auto path = golden_folder() / name;
    const bool found = std::filesystem::exists(path);
    report_golden(name, found);
    if (found) return path;
    WARN("golden " << name << ": not in this set");
    return std::nullopt;
}

}  // namespace cameo::support
