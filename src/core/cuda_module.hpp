// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kernels/module_abi.hpp"

namespace cameo::detail {

/// The CUDA module's functions for a device, or why there are none: no module, one of another build, no device of that
/// number, no code for the device's architecture.
struct CudaModule {
    const cuda::Functions* functions = nullptr;
    std::string problem;  ///< empty when there are functions
};

/// Looked for once for each device and kept.
/// Threads  any
[[nodiscard]] const CudaModule& cuda_module(int device);

/// Errors   device_unsupported, with what cuda_module() says
[[nodiscard]] const cuda::Functions& cuda_functions(int device);

/// What a call of the module came to. Errors: out_of_memory, device_unsupported, internal, with the module's words
void check(cuda::Outcome outcome, const cuda::Call& call);

}  // namespace cameo::detail
