// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <cameo/core/export.hpp>

namespace cameo {

struct CudaDevice {
    std::string name;
    std::uint64_t memory_bytes = 0;
    int compute_major = 0, compute_minor = 0;
    bool has_kernels = false;  ///< the CUDA module carries code for this architecture
};

/// What there is to compute on besides the CPU, in words fit for a user.
struct CudaStatus {
    std::string module_path;          ///< empty when no module lies beside the library
    std::vector<CudaDevice> devices;  ///< empty when there are none, or no driver
    std::string problem;              ///< empty when at least one device can be used
    std::string architectures;  ///< that the module carries code for, "sm_80, sm_90, compute_90"; empty without it
};

/// Opens the CUDA module that lies beside cameo::core and asks it for devices. Never throws for want of CUDA.
/// Threads  any; asked anew at each call
[[nodiscard]] CAMEO_API CudaStatus cuda_status();

}  // namespace cameo
