// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/device.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// Between cameo's devices and LibTorch's. Errors: device_unsupported: LibTorch's device is neither CPU nor CUDA
[[nodiscard]] CAMEO_API at::Device to_aten(const Device& device);
[[nodiscard]] CAMEO_API Device from_aten(const at::Device& device);

/// to_aten() of a device that can be computed on from now on. cameo links to LibTorch's CPU half alone; its CUDA half
/// registers itself when it is opened, which is done here.
/// Errors   device_unsupported: a LibTorch without CUDA, no GPU, none of that number
[[nodiscard]] CAMEO_API at::Device ready_device(const Device& device);

}  // namespace cameo
