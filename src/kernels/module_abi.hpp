// SPDX-License-Identifier: Apache-2.0
#pragma once

// What cameo::core asks of the CUDA module: plain C, so that either side may be built alone.

#include <cstdint>

#include "kernels/device/triplane_types.hpp"

namespace cameo::cuda {

/// Of another number the module is refused: it belongs to another build.
inline constexpr std::int32_t module_abi = 2;

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

/// How a call of the module ended.
enum class Outcome : std::int32_t {
    done = 0,
    out_of_memory = 1,
    no_kernel = 2,  ///< for the architecture of the device
    failed = 3,
};

/// Where a function works, and what it says when it fails. It starts work and does not wait for it.
struct Call {
    std::int32_t device;
    void* stream;       ///< a cudaStream_t
    char message[256];  ///< written when the outcome is not `done`
};

/// All pointers within arguments are the device's.
struct Functions {
    /// "sm_80, sm_90, compute_90": machine code, and code that drivers translate for what is newer.
    const char* architectures;

    /// Whether a block of the device has room for rays of so many samples.
    std::int32_t (*render_fits)(std::int32_t device, const kernels::device::Sheets*, const kernels::device::Decoder*,
                                std::int32_t samples, std::int32_t backward);
    Outcome (*render)(Call*, const kernels::device::Sheets*, const kernels::device::Decoder*,
                      const kernels::device::RayBatch*);
    Outcome (*render_backward)(Call*, const kernels::device::Sheets*, const kernels::device::Decoder*,
                               const kernels::device::RayBatch*, const kernels::device::RayGradients*);

    Outcome (*sample)(Call*, const kernels::device::Sheets*, const kernels::device::PointBatch*);
    Outcome (*sample_backward)(Call*, const kernels::device::Sheets*, const kernels::device::PointBatch*);
    Outcome (*activate)(Call*, const kernels::device::ActivationBatch*);
    Outcome (*activate_backward)(Call*, const kernels::device::ActivationBatch*);
    Outcome (*filter)(Call*, const kernels::device::FirBatch*);
};

/// The module's table, or null for another abi.
using FunctionsFunction = const Functions* (*)(std::int32_t abi);

inline constexpr const char* functions_symbol = "cameo_cuda_functions";

}  // namespace cameo::cuda
