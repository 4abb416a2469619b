// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/conv2d_resample.hpp>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/ops/fir.hpp>

#include "ops/winograd.hpp"

namespace cameo::ops {
namespace {

// [groups O, I, k, k] as a transposed convolution takes it: [groups I, O, k, k].
at::Tensor swapped(const at::Tensor& weight, std::int64_t groups) {
    const auto side = weight.size(2);
    if (groups == 1) return weight.transpose(0, 1);
    return weight.reshape({groups, weight.size(0) / groups, weight.size(1), side, side})
        .transpose(1, 2)
        .reshape({groups * weight.size(1), weight.size(0) / groups, side, side});
}

}  // namespace

at::Tensor conv2d_resample(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& filter, Resample resample,
                           std::int64_t groups) {
    ShapeCheck()
        .expect("x", x, "[N, C, H, W]")
        .expect("weight", weight, "[O, I, k, k]")
        .bind("C", groups * weight.size(1));
    const auto side = weight.size(2);
    if (side != 1 && side != 3)
        throw Error(Errc::shape_mismatch, "weight: expected a side of 1 or 3, got " + shape_text(weight.sizes()));
    if (resample != Resample::down_2x && groups == 1) {
        const auto doubles = resample == Resample::up_2x;
        if (doubles) ShapeCheck().expect("filter", filter, "[4, 4]");
        if (winograd_serves(x, weight, doubles)) return winograd_conv2d(x, weight, doubles ? filter : at::Tensor(), {});
    }
    if (resample == Resample::none) return at::conv2d(x, weight, {}, 1, side / 2, 1, groups);

    ShapeCheck().expect("filter", filter, "[4, 4]");
    if (resample == Resample::up_2x) {
        if (side == 1) throw Error(Errc::invalid_argument, "conv2d_resample: expected a side of 3 for up_2x, got 1");
        const auto y = at::conv_transpose2d(x, swapped(weight, groups), {}, 2, 0, 0, groups);
        return fir_resample(y, filter, {.pad_x = {1, 1}, .pad_y = {1, 1}, .gain = 4.0});
    }
    if (side == 1) return at::conv2d(fir_downsample_2x(x, filter), weight, {}, 1, at::IntArrayRef{0}, 1, groups);
    return at::conv2d(fir_resample(x, filter, {.pad_x = {2, 2}, .pad_y = {2, 2}}), weight, {}, 2, at::IntArrayRef{0}, 1,
                      groups);
}

}  // namespace cameo::ops
