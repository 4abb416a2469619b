// SPDX-License-Identifier: Apache-2.0
#include "bench/memory.hpp"

#include <fstream>
#include <limits>
#include <string>

#include <malloc.h>

namespace cameo::apps::bench {
namespace {

std::uint64_t status_bytes(const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word; status.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
        if (std::uint64_t kib = 0; word == key + ":" && status >> kib) return kib * 1024;
    return 0;
}

}  // namespace

std::uint64_t resident_bytes() { return status_bytes("VmRSS"); }

std::optional<std::uint64_t> peak_bytes(const std::function<void()>& action) {
    release_free_memory();
    std::ofstream clear("/proc/self/clear_refs");
    clear << "5" << std::flush;  // the peak begins anew
    action();
    const auto peak = status_bytes("VmHWM");
    return clear && peak > 0 ? std::optional(peak) : std::nullopt;
}

void release_free_memory() { (void)malloc_trim(0); }

}  // namespace cameo::apps::bench
