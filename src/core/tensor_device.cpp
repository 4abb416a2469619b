// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/tensor_device.hpp>

#include <algorithm>
#include <string>

#include <ATen/Context.h>
#include <dlfcn.h>

#include <cameo/core/error.hpp>

namespace cameo {

at::Device to_aten(const Device& device) {
    if (device.kind == DeviceKind::cpu) return at::Device(at::kCPU);
    return {at::kCUDA, static_cast<at::DeviceIndex>(device.index)};
}

at::Device ready_device(const Device& device) {
    const auto result = to_aten(device);
    if (result.is_cpu()) return result;
    const auto refuse = [&](const std::string& words) {
        throw Error(Errc::device_unsupported, "device " + result.str() + ": expected " + words);
    };
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr)
        refuse(std::string("a LibTorch with CUDA, got ") + dlerror());
    const auto count = at::hasCUDA() ? at::getNumGPUs() : 0;
    if (static_cast<std::size_t>(device.index) >= count)
        refuse("one of this machine's GPUs, of which LibTorch finds " + std::to_string(count));
    return result;
}

Device from_aten(const at::Device& device) {
    if (device.is_cpu()) return {};
    if (device.is_cuda()) return {DeviceKind::cuda, std::max<int>(device.index(), 0)};
    throw Error(Errc::device_unsupported, "device: expected cpu or cuda, got " + device.str());
}

}  // namespace cameo
