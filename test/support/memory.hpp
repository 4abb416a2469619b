// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

namespace cameo::support {

/// A line of /proc/self/status, such as "VmRSS", in bytes.
inline std::uint64_t process_status(const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word; status.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
        if (std::uint64_t kib = 0; word == key + ":" && status >> kib) return kib * 1024;
    return 0;
}

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool freed_memory_stays = true;
#elif defined(__has_feature)
inline constexpr bool freed_memory_stays = __has_feature(address_sanitizer);
#else
inline constexpr bool freed_memory_stays = false;
#endif

/// By how many bytes the process's resident memory grew at its peak while `action` ran. Under AddressSanitizer, which
/// keeps what was freed, there is nothing to be learned from that, and the answer is 0.
template <class Action>
std::uint64_t resident_growth(Action&& action) {
    std::ofstream("/proc/self/clear_refs") << "5" << std::flush;  // the peak begins anew
    const auto before = process_status("VmRSS");
    action();
    const auto peak = process_status("VmHWM");
    return peak > before && !freed_memory_stays ? peak - before : 0;
}

}  // namespace cameo::support
