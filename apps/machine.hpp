// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cameo::apps {

struct CpuFeature {
    std::string name;  ///< "AVX2"
    bool is_there = false;
};

/// What this process has to work with.
struct Machine {
    std::string cpu;                   ///< its name, or "unknown"
    std::vector<CpuFeature> features;  ///< those that fast kernels ask for; empty where cameo does not know them
    int cores_online = 1;
    int cores_usable = 1;                                  ///< by affinity and by the control group's share, at least 1
    std::optional<double> cpu_quota;                       ///< the control group's share, in cores
    std::uint64_t memory_total = 0, memory_available = 0;  ///< bytes; 0: unknown
    std::optional<std::uint64_t> memory_limit;             ///< of the control group, where it is below memory_total
};

/// Reads /proc and /sys below `root`; what cannot be read stays unknown. `cores_by_affinity` of 0: asks the system.
[[nodiscard]] Machine look_at_machine(const std::filesystem::path& root = "/", int cores_by_affinity = 0);

}  // namespace cameo::apps
