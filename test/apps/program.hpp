// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/process.hpp"

namespace cameo::support {

/// Runs the program that was built with these tests.
inline ProcessResult run_cameo(std::vector<std::string> arguments, ProcessSetup setup = {}) {
    setup.arguments = std::move(arguments);
    return run(CAMEO_PROGRAM, setup);
}

inline std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// Everything in a folder, hidden files too.
inline std::vector<std::string> names_below(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

/// A NumPy array of `count` float32 zeros, whose zeros take no room on most disks.
inline void write_npy_zeros(const std::filesystem::path& path, std::uint64_t count) {
    auto header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(count) + ",), }";
    header.resize(118 - 1, ' ');
    header += '\n';
    write(path, std::string("\x93NUMPY\x01\x00", 8) + '\x76' + std::string(1, '\0') + header);
    std::filesystem::resize_file(path, 128 + 4 * count);
}

}  // namespace cameo::support
