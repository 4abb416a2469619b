// SPDX-License-Identifier: Apache-2.0
#include "ops/plane_sheets.hpp"

#include <cmath>
#include <cstring>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

namespace cameo::ops {
namespace {

// A sheet without its border and what fills it up, as a plane [C, H, W] lies.
at::Tensor as_plane(const at::Tensor& texels, const PlaneSheets& sheets, std::size_t plane, std::int64_t channels) {
    const auto inner = texels[sheets.sheet_of[plane]]
                           .narrow(0, 1, texels.size(1) - 2)
                           .narrow(1, 1, texels.size(2) - 2)
                           .narrow(2, 0, channels);
    return sheets.transposed[plane] ? inner.permute({2, 1, 0}) : inner.permute({2, 0, 1});
}

}  // namespace

PlaneSheets plane_sheets(const PlaneAxes& axes, std::int64_t height, std::int64_t width) {
    auto matrices = at::empty({3, 3, 3}, at::kDouble);
    for (std::size_t p = 0; p < 3; ++p)
        std::memcpy(matrices.data_ptr<double>() + 9 * p, axes[p].data(), 9 * sizeof(double));
    const auto determinants = at::linalg_det(matrices);
    for (std::int64_t p = 0; p < 3; ++p)
        if (const auto value = determinants[p].item<double>(); !(std::abs(value) > 1e-12))
            throw Error(Errc::invalid_argument, "plane axes: expected an invertible matrix, got determinant " +
                                                    std::to_string(value) + " for plane " + std::to_string(p));
    const auto inverses = at::linalg_inv(matrices).to(at::kFloat).contiguous();
    PlaneSheets result;
    for (std::size_t p = 0; p < 3; ++p) {
        std::array<std::array<float, 3>, 2> own{};
        for (std::size_t axis = 0; axis < 2; ++axis)
            for (std::size_t j = 0; j < 3; ++j) own[axis][j] = inverses.const_data_ptr<float>()[9 * p + 3 * j + axis];
        const auto sees_the_same = [&](const auto& sheet) {
            return sheet == own || (height == width && sheet[0] == own[1] && sheet[1] == own[0]);
        };
        std::size_t s = 0;
        while (s < static_cast<std::size_t>(result.count) && !sees_the_same(result.axes[s])) ++s;
        if (s == static_cast<std::size_t>(result.count)) {
            result.axes[s] = own;
            ++result.count;
        }
        result.sheet_of[p] = static_cast<int>(s);
        result.transposed[p] = result.axes[s] != own;
    }
    return result;
}

at::Tensor texels_of(const PlaneSheets& sheets, const at::Tensor& planes) {
    const auto channels = planes.size(1);
    auto texels = at::zeros({sheets.count, planes.size(2) + 2, planes.size(3) + 2, (channels + 3) / 4 * 4},
                            planes.options().requires_grad(false));
    for (std::size_t p = 0; p < 3; ++p)
        as_plane(texels, sheets, p, channels).add_(planes[static_cast<std::int64_t>(p)]);
    return texels.div_(3.0);
}

at::Tensor planes_gradient(const PlaneSheets& sheets, const at::Tensor& texels, std::int64_t channels) {
    std::array<at::Tensor, 3> planes;
    for (std::size_t p = 0; p < 3; ++p) planes[p] = as_plane(texels, sheets, p, channels);
    return at::stack(planes).div_(3.0);
}

kernels::device::Sheets kernel_sheets(const PlaneSheets& sheets, const at::Tensor& texels, double box_side) {
    kernels::device::Sheets result{};
    result.texels = texels.const_data_ptr<float>();
    result.sheets = sheets.count;
    result.height = static_cast<std::int32_t>(texels.size(1) - 2);
    result.width = static_cast<std::int32_t>(texels.size(2) - 2);
    result.channels = static_cast<std::int32_t>(texels.size(3));
    result.scale = static_cast<float>(2.0 / box_side);
    static_assert(sizeof result.axes == sizeof sheets.axes);
    std::memcpy(result.axes, sheets.axes.data(), sizeof result.axes);
    return result;
}

}  // namespace cameo::ops
