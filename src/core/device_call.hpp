// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cameo/core/error.hpp>

#include "core/cuda_module.hpp"

namespace cameo::detail {

/// The functions that work on this tensor's memory: those of the CUDA module for a CUDA tensor, where there are some;
/// null for what LibTorch's operations are left with.
[[nodiscard]] const cuda::Functions* device_functions(const at::Tensor& tensor);

/// Where LibTorch works on this tensor now: its device and the device's current stream.
[[nodiscard]] cuda::Call device_call(const at::Tensor& tensor);

/// While one lives, its thread's CPU tensors are worked on by these functions: how tests run on the CPU what a device
/// would.
class DeviceFunctionsForCpu {
  public:
    explicit DeviceFunctionsForCpu(const cuda::Functions& functions) noexcept;
    ~DeviceFunctionsForCpu();
    DeviceFunctionsForCpu(const DeviceFunctionsForCpu&) = delete;
    DeviceFunctionsForCpu& operator=(const DeviceFunctionsForCpu&) = delete;

  private:
    const cuda::Functions* before_;
};

/// work(), where LibTorch's word for a full device becomes ours. What was allocated on the way is free again.
template <class Work>
auto with_device_memory(Work&& work) {
    try {
        return std::forward<Work>(work)();
    } catch (const c10::OutOfMemoryError& error) {
        throw Error(Errc::out_of_memory,
                    std::string("expected room on the device, got \"") + error.what_without_backtrace() + "\"");
    }
}

}  // namespace cameo::detail
