// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/ops/plane_sampling.hpp>

#include "kernels/device/triplane_types.hpp"

namespace cameo::ops {

/// Planes that see the same two coordinates, in this order or the other, are one sheet: sampling is linear.
struct PlaneSheets {
    int count = 0;
    std::array<std::array<std::array<float, 3>, 2>, 3> axes{};  ///< of a sheet: along W, along H
    std::array<int, 3> sheet_of{};                              ///< of a plane
    std::array<bool, 3> transposed{};                           ///< then H = W
};

/// Errors   invalid_argument: axes that are singular
[[nodiscard]] PlaneSheets plane_sheets(const PlaneAxes& axes, std::int64_t height, std::int64_t width);

/// The sheets of planes [3, C, H, W] as a device's kernels read them, a third of each: [sheets, H + 2, W + 2, C filled up
/// to fours].
[[nodiscard]] at::Tensor texels_of(const PlaneSheets& sheets, const at::Tensor& planes);

/// The gradient of planes [3, C, H, W] from that of their texels.
[[nodiscard]] at::Tensor planes_gradient(const PlaneSheets& sheets, const at::Tensor& texels, std::int64_t channels);

/// For kernels; `texels` must outlive it.
[[nodiscard]] kernels::device::Sheets kernel_sheets(const PlaneSheets& sheets, const at::Tensor& texels,
                                                    double box_side);

}  // namespace cameo::ops
