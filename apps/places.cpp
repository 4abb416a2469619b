// SPDX-License-Identifier: Apache-2.0
#include "places.hpp"

#include <cstdlib>
#include <system_error>

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> variable(const char* name) {
    const auto* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return fs::path(value);
}

}  // namespace

std::optional<fs::path> default_model() {
    if (auto named = variable("CAMEO_MODEL")) return named;
    std::error_code problem;
    const auto program = fs::read_symlink("/proc/self/exe", problem);
    if (problem) return std::nullopt;
    // Beside what is installed, or in the build folder.
    for (const auto& root : {program.parent_path().parent_path(), program.parent_path()})
        if (auto model = root / "share/cameo/models/default.safetensors"; fs::is_regular_file(model, problem))
            return model;
    return std::nullopt;
}

std::optional<fs::path> cache_folder() {
    if (auto named = variable("CAMEO_CACHE")) return named;
    if (const auto base = variable("XDG_CACHE_HOME"); base && base->is_absolute()) return *base / "cameo";
    if (const auto home = variable("HOME")) return *home / ".cache/cameo";
    return std::nullopt;
}

}  // namespace cameo::apps
