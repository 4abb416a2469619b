// SPDX-License-Identifier: Apache-2.0
#pragma once

// What cameo::core asks of the CUDA module: plain C, so that either side may be built alone.

#include <cstdint>

namespace cameo::cuda {

/// Of another number the module is refused: it belongs to another build.
inline constexpr std::int32_t module_abi = 1;

struct DeviceRecord {
    char name[256];
    std::uint64_t memory_bytes;
    std::int32_t major, minor;  ///< compute capability
    std::int32_t has_kernels;   ///< 0 when the module carries no code for it
};

/// Writes up to `capacity` devices and returns their number, or -1 with a reason (NUL-terminated) in `message`.
using ProbeFunction = std::int32_t (*)(std::int32_t abi, DeviceRecord* devices, std::int32_t capacity, char* message,
                                       std::int32_t message_size);

inline constexpr const char* probe_symbol = "cameo_cuda_probe";

}  // namespace cameo::cuda
