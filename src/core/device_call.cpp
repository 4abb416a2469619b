// SPDX-License-Identifier: Apache-2.0
#include "core/device_call.hpp"

#include <ATen/DeviceAccelerator.h>
#include <c10/core/Stream.h>

namespace cameo::detail {
namespace {

thread_local const cuda::Functions* for_cpu = nullptr;

}  // namespace

const cuda::Functions* device_functions(const at::Tensor& tensor) {
    if (tensor.is_cuda()) return cuda_module(tensor.get_device()).functions;
    return tensor.is_cpu() ? for_cpu : nullptr;
}

cuda::Call device_call(const at::Tensor& tensor) {
    cuda::Call call{};
    if (!tensor.is_cuda()) return call;
    call.device = tensor.get_device();
    call.stream = at::accelerator::getCurrentStream(tensor.device().index()).native_handle();
    return call;
}

DeviceFunctionsForCpu::DeviceFunctionsForCpu(const cuda::Functions& functions) noexcept
    : before_(std::exchange(for_cpu, &functions)) {}
DeviceFunctionsForCpu::~DeviceFunctionsForCpu() { for_cpu = before_; }

}  // namespace cameo::detail
