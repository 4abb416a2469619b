// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/device.hpp>

#include <charconv>
#include <system_error>

#include <cameo/core/error.hpp>

namespace cameo {

std::string to_string(const Device& device) {
    return device.kind == DeviceKind::cpu ? "cpu" : "cuda:" + std::to_string(device.index);
}

Device device_named(std::string_view name) {
    if (name == "cpu") return {};
    if (name == "cuda") return {DeviceKind::cuda, 0};
    constexpr std::string_view prefix = "cuda:";
    int index = -1;
    if (name.starts_with(prefix)) {
        const auto digits = name.substr(prefix.size());
        const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
        if (problem != std::errc() || end != digits.data() + digits.size()) index = -1;
    }
    if (index < 0 || index > 127)
        throw Error(Errc::invalid_argument, "device: expected cpu, cuda or cuda:N with N up to 127, got '" +
                                                std::string(name.substr(0, 32)) + "'");
    return {DeviceKind::cuda, index};
}

}  // namespace cameo
