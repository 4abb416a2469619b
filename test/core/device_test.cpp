// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/device.hpp>

#include <catch2/catch.hpp>

#include <string>

#include "support/errors.hpp"

using namespace cameo;

TEST_CASE("a device has a name and a name a device", "[core][device]") {
    CHECK(device_named("cpu") == Device{});
    CHECK(device_named("cuda") == Device{DeviceKind::cuda, 0});
    CHECK(device_named("cuda:3") == Device{DeviceKind::cuda, 3});
    for (const auto* name : {"cpu", "cuda:0", "cuda:17"}) CHECK(to_string(device_named(name)) == name);
}

TEST_CASE("other words are no device", "[core][device]") {
    const auto name = GENERATE(as<std::string>(), "", "CPU", "gpu", "cpu:0", "cuda:", "cuda:-1", "cuda:1x", "cuda:128",
                               "cuda:99999999999", "mps");
    INFO(name);
    CHECK_THROWS_MATCHES(device_named(name), Error,
                         support::is_error(Errc::invalid_argument, "device: expected cpu, cuda"));
}
