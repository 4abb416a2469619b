// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <cameo/core/export.hpp>

namespace cameo {

enum class DeviceKind : std::uint8_t { cpu, cuda };

/// Where to compute. Our own type and not LibTorch's, so that readers, procedural heads, the C interface and the
/// command line can name a device without LibTorch; core/tensor_device.hpp has the way to at::Device.
struct Device {
    DeviceKind kind = DeviceKind::cpu;
    int index = 0;  ///< among devices of its kind; 0 for the CPU

    friend constexpr bool operator==(const Device&, const Device&) = default;
};

/// "cpu", "cuda:1"; reading also takes "cuda", which is "cuda:0". Does not ask whether there is such a device.
/// Errors   invalid_argument: other words, an index outside 0 to 127
[[nodiscard]] CAMEO_API std::string to_string(const Device& device);
[[nodiscard]] CAMEO_API Device device_named(std::string_view name);

}  // namespace cameo
