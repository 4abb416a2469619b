// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include <sched.h>
#include <unistd.h>

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;

/// As /proc/cpuinfo spells them: the kernel leaves out what it does not let programs use.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> x86_features{{{"SSE4.2", "sse4_2"},
                                                                                      {"AVX", "avx"},
                                                                                      {"F16C", "f16c"},
                                                                                      {"FMA", "fma"},
                                                                                      {"AVX2", "avx2"},
                                                                                      {"AVX-VNNI", "avx_vnni"},
                                                                                      {"AVX512F", "avx512f"},
                                                                                      {"AVX512BW", "avx512bw"},
                                                                                      {"AVX512VL", "avx512vl"},
                                                                                      {"AVX512DQ", "avx512dq"},
                                                                                      {"AVX512-VNNI", "avx512_vnni"},
                                                                                      {"AVX512-BF16", "avx512_bf16"},
                                                                                      {"AMX-TILE", "amx_tile"},
                                                                                      {"AMX-INT8", "amx_int8"},
                                                                                      {"AMX-BF16", "amx_bf16"}}};

/// The part of a line "key : value" after the colon, for the first line with that key.
std::string field(const fs::path& file, std::string_view key) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || !line.starts_with(key)) continue;
        if (line.find_first_not_of(" \t", key.size()) != colon) continue;  // a longer key
        const auto value = line.find_first_not_of(" \t", colon + 1);
        return value == std::string::npos ? "" : line.substr(value);
    }
    return {};
}

std::uint64_t kilobytes(const fs::path& file, std::string_view key) {
    std::istringstream text(field(file, key));
    std::uint64_t value = 0;
    return text >> value ? value * 1024 : 0;
}

/// Calls `visit` for the folder of this process's control group and all above it. Inside a container the group's own
/// path may not be visible; the mount's top then speaks for it.
void for_each_group(const fs::path& root, std::string_view controller, const fs::path& mount,
                    const std::function<void(const fs::path&)>& visit) {
    std::ifstream stream(root / "proc/self/cgroup");
    for (std::string line; std::getline(stream, line);) {  // "4:cpu,cpuacct:/path", or "0::/path" in version 2
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        std::istringstream names(line.substr(first + 1, second - first - 1));
        bool matches = controller.empty() && second == first + 1;
        for (std::string name; std::getline(names, name, ',');) matches = matches || name == controller;
        if (!matches) continue;
        for (fs::path group = fs::path(line.substr(second + 1)).relative_path();; group = group.parent_path()) {
            visit(root / mount / group);
            if (group.empty()) return;
        }
    }
}

std::optional<std::uint64_t> memory_limit(const fs::path& root) {
    std::optional<std::uint64_t> limit;
    const auto read = [&](const fs::path& file) {
        std::ifstream stream(file);
        if (std::uint64_t bytes = 0; stream >> bytes)  // "max" is no number
            limit = std::min(limit.value_or(bytes), bytes);
    };
    for_each_group(root, "", "sys/fs/cgroup", [&](const fs::path& group) { read(group / "memory.max"); });
    for_each_group(root, "memory", "sys/fs/cgroup/memory",
                   [&](const fs::path& group) { read(group / "memory.limit_in_bytes"); });
    return limit;
}

std::optional<double> cpu_quota(const fs::path& root) {
    std::optional<double> quota;
    const auto note = [&](double share, double period) {
        if (share > 0.0 && period > 0.0) quota = std::min(quota.value_or(share / period), share / period);
    };
    for_each_group(root, "", "sys/fs/cgroup", [&](const fs::path& group) {
        std::ifstream stream(group / "cpu.max");  // "200000 100000", or "max 100000"
        double share = 0.0, period = 0.0;
        if (stream >> share >> period) note(share, period);
    });
    for_each_group(root, "cpu", "sys/fs/cgroup/cpu", [&](const fs::path& group) {
        std::ifstream share_stream(group / "cpu.cfs_quota_us"), period_stream(group / "cpu.cfs_period_us");
        double share = 0.0, period = 0.0;  // a share of -1 is none
        if (share_stream >> share && period_stream >> period) note(share, period);
    });
    return quota;
}

int affinity() {
    // A fixed cpu_set_t ends at 1 024 cores; larger machines answer EINVAL to it.
    for (std::size_t cores = 1024; cores <= (1U << 18U); cores *= 2) {
        const std::size_t bytes = CPU_ALLOC_SIZE(cores);
        cpu_set_t* set = CPU_ALLOC(cores);
        if (set == nullptr) break;
        const bool answered = sched_getaffinity(0, bytes, set) == 0;
        const int count = answered ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (answered) return count;
    }
    return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

Machine look_at_machine(const fs::path& root, int cores_by_affinity) {
    Machine machine;
    const auto cpuinfo = root / "proc/cpuinfo";
    machine.cpu = field(cpuinfo, "model name");
    if (machine.cpu.empty()) machine.cpu = "unknown";
    if (const auto flags = field(cpuinfo, "flags"); !flags.empty()) {
        std::istringstream words(flags);
        std::set<std::string, std::less<>> known;
        for (std::string word; words >> word;) known.insert(word);
        for (const auto& [name, flag] : x86_features)
            machine.features.push_back({std::string(name), known.contains(flag)});
    }

    machine.cores_online = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
    machine.cores_usable = cores_by_affinity > 0 ? cores_by_affinity : affinity();
    machine.cpu_quota = cpu_quota(root);
    if (machine.cpu_quota)
        machine.cores_usable = std::clamp(static_cast<int>(std::ceil(*machine.cpu_quota)), 1, machine.cores_usable);

    const auto meminfo = root / "proc/meminfo";
    machine.memory_total = kilobytes(meminfo, "MemTotal");
    machine.memory_available = kilobytes(meminfo, "MemAvailable");
    if (const auto limit = memory_limit(root); limit && (machine.memory_total == 0 || *limit < machine.memory_total))
        machine.memory_limit = limit;
    return machine;
}

}  // namespace cameo::apps
