// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <cameo/core/cuda.hpp>
#include <nlohmann/json_fwd.hpp>

#include "machine.hpp"

namespace cameo::apps {

struct LibraryVersion {
    std::string name, version;
};

/// All that `cameo doctor` finds, before it is put into words.
struct Findings {
    std::vector<LibraryVersion> libraries;
    Machine machine;
    int threads = 1, libtorch_threads = 1;
    std::string omp_num_threads;  ///< the variable; empty when it is not set
    CudaStatus cuda;
    std::string nvidia_driver;  ///< its version; empty when there is none
    std::vector<std::string> image_formats;
    std::optional<std::filesystem::path> model, cache;
    bool openimageio_is_outdated = false;
};

/// The version of the kernel's NVIDIA driver, read below `root`; empty when there is none.
[[nodiscard]] std::string nvidia_driver(const std::filesystem::path& root = "/");

/// What stands in the way, one sentence each.
[[nodiscard]] std::vector<std::string> troubles(const Findings& found);

[[nodiscard]] nlohmann::ordered_json record_of(const Findings& found);
[[nodiscard]] std::string text_of(const Findings& found);

}  // namespace cameo::apps
