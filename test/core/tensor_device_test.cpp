// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/tensor_device.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;

TEST_CASE("a device is made ready, or refused with what is missing", "[core][device]") {
    CHECK(ready_device({}) == at::Device(at::kCPU));
    CHECK_THROWS_MATCHES(ready_device({DeviceKind::cuda, 99}), Error,
                         support::is_error(Errc::device_unsupported, "device cuda:99: expected"));
}

TEST_CASE("devices are the same on LibTorch's side", "[core][device]") {
    const auto device = GENERATE(Device{}, Device{DeviceKind::cuda, 0}, Device{DeviceKind::cuda, 3});
    CHECK(from_aten(to_aten(device)) == device);
    CHECK(to_aten({DeviceKind::cuda, 3}) == at::Device("cuda:3"));
    CHECK(from_aten(at::Device("cuda")) == Device{DeviceKind::cuda, 0});
    CHECK_THROWS_MATCHES(from_aten(at::Device("meta")), Error, support::is_error(Errc::device_unsupported, "meta"));
}
