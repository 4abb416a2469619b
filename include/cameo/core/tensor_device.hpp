// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/device.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// Between cameo's devices and LibTorch's. Errors: device_unsupported: LibTorch's device is neither CPU nor CUDA
[[nodiscard]] CAMEO_API at::Device to_aten(const Device& device);
[[nodiscard]] CAMEO_API Device from_aten(const at::Device& device);

}  // namespace cameo
