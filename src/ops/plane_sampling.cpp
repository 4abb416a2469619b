// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/plane_sampling.hpp>

#include <cmath>
#include <optional>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "device_ops.hpp"

namespace cameo::ops {
namespace {

Matrix3 inverse(const Matrix3& m, std::size_t plane) {
    const auto cofactor = [&](std::size_t row, std::size_t column) {
        const auto r1 = (row + 1) % 3, r2 = (row + 2) % 3, c1 = (column + 1) % 3, c2 = (column + 2) % 3;
        return m[3 * r1 + c1] * m[3 * r2 + c2] - m[3 * r1 + c2] * m[3 * r2 + c1];
    };
    const auto determinant = m[0] * cofactor(0, 0) + m[1] * cofactor(0, 1) + m[2] * cofactor(0, 2);
    if (!(std::abs(determinant) > 1e-12))
        throw Error(Errc::invalid_argument, "plane axes: expected an invertible matrix, got determinant " +
                                                std::to_string(determinant) + " for plane " + std::to_string(plane));
    Matrix3 result{};
    for (std::size_t row = 0; row < 3; ++row)
        for (std::size_t column = 0; column < 3; ++column)
            result[3 * row + column] = cofactor(column, row) / determinant;
    return result;
}

// Which coordinate of a point column `column` of the inverse selects, when it is nothing but a selection.
std::optional<std::int64_t> selected(const Matrix3& inverse, std::size_t column) {
    std::optional<std::int64_t> which;
    for (std::size_t row = 0; row < 3; ++row) {
        const auto value = inverse[3 * row + column];
        if (value == 0.0) continue;
        if (value != 1.0 || which) return {};
        which = static_cast<std::int64_t>(row);
    }
    return which;
}

// The plane's coordinates [N, M, 2] of points that are scaled to the cube from -1 to 1.
at::Tensor projected(const at::Tensor& points, const Matrix3& axes, std::size_t plane) {
    const auto matrix = inverse(axes, plane);
    const auto x = selected(matrix, 0), y = selected(matrix, 1);
    if (x && y) return at::stack({points.select(-1, *x), points.select(-1, *y)}, -1);
    auto columns = at::empty({3, 2}, at::kDouble);
    for (std::int64_t row = 0; row < 3; ++row)
        for (std::int64_t column = 0; column < 2; ++column)
            columns.data_ptr<double>()[2 * row + column] = matrix[static_cast<std::size_t>(3 * row + column)];
    return at::matmul(points, columns.to(points.options()));
}

void check(const at::Tensor& planes, const at::Tensor& points, double box_side) {
    ShapeCheck().expect("planes", planes, "[P, 3, C, H, W]").expect("points", points, "[N, M, 3]");
    if (planes.size(0) != points.size(0) && planes.size(0) != 1)
        throw Error(Errc::shape_mismatch, "planes: expected [N, 3, C, H, W] or [1, 3, C, H, W] with N = " +
                                              std::to_string(points.size(0)) + ", got " + shape_text(planes.sizes()));
    if (!(box_side > 0.0) || !std::isfinite(box_side))
        throw Error(Errc::invalid_argument, "box side: expected above 0, got " + std::to_string(box_side));
}

// Calls take(plane, features [P, C, M']) for each plane, M' = N M / P: with one scene all cameras' points are one list.
template <class Take>
void for_each_plane(const at::Tensor& planes, const at::Tensor& points, const PlaneAxes& axes, double box_side,
                    const Take& take) {
    check(planes, points, box_side);
    const auto scaled = (points * (2.0 / box_side)).reshape({planes.size(0), -1, 3});
    constexpr std::int64_t bilinear = 0, zeros = 0;
    for (std::size_t plane = 0; plane < 3; ++plane) {
        const auto grid = projected(scaled, axes[plane], plane).unsqueeze(1);
        const auto index = static_cast<std::int64_t>(plane);
        take(index, at::grid_sampler_2d(planes.select(1, index), grid, bilinear, zeros, false).squeeze(2));
    }
}

}  // namespace

at::Tensor sample_planes(const at::Tensor& planes, const at::Tensor& points, const PlaneAxes& axes, double box_side) {
    std::array<at::Tensor, 3> features;
    for_each_plane(planes, points, axes, box_side, [&](std::int64_t plane, const at::Tensor& sampled) {
        features[static_cast<std::size_t>(plane)] =
            sampled.transpose(1, 2).reshape({points.size(0), points.size(1), planes.size(2)});
    });
    return at::stack(features, 1);
}

at::Tensor sample_planes_mean(const at::Tensor& planes, const at::Tensor& points, const PlaneAxes& axes,
                              double box_side) {
    if (const auto* kernels = device_kernels(planes); kernels && points.scalar_type() == at::kFloat) {
        check(planes, points, box_side);
        return device_planes_mean(*kernels, planes, points, axes, box_side);
    }
    at::Tensor sum;
    for_each_plane(planes, points, axes, box_side,
                   [&](std::int64_t, const at::Tensor& sampled) { sum = sum.defined() ? sum + sampled : sampled; });
    return (sum / 3.0).transpose(1, 2).reshape({points.size(0), points.size(1), planes.size(2)});
}

}  // namespace cameo::ops
