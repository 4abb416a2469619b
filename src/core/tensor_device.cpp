// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/tensor_device.hpp>

#include <algorithm>

#include <cameo/core/error.hpp>

namespace cameo {

at::Device to_aten(const Device& device) {
    if (device.kind == DeviceKind::cpu) return at::Device(at::kCPU);
    return {at::kCUDA, static_cast<at::DeviceIndex>(device.index)};
}

Device from_aten(const at::Device& device) {
    if (device.is_cpu()) return {};
    if (device.is_cuda()) return {DeviceKind::cuda, std::max<int>(device.index(), 0)};
    throw Error(Errc::device_unsupported, "device: expected cpu or cuda, got " + device.str());
}

}  // namespace cameo
