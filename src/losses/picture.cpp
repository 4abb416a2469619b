// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/picture.hpp>

#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::losses {
namespace {

ShapeCheck checked(const at::Tensor& picture, const at::Tensor& target) {
    return ShapeCheck().expect("picture", picture, "[N, C, H, W]").expect("target", target, "[N, C, H, W]");
}

at::Tensor mean(const at::Tensor& difference, const at::Tensor& weight) {
    if (!weight.defined()) return difference.mean({1, 2, 3});
    return (difference.mean(1, true) * weight).sum({1, 2, 3}) / weight.sum({1, 2, 3});
}

}  // namespace

at::Tensor l2(const at::Tensor& picture, const at::Tensor& target, const at::Tensor& weight) {
    auto shape = checked(picture, target);
    if (weight.defined()) shape.expect("weight", weight, "[N, 1, H, W]");
    return mean((picture - target).square(), weight);
}

at::Tensor l1(const at::Tensor& picture, const at::Tensor& target, const at::Tensor& weight) {
    auto shape = checked(picture, target);
    if (weight.defined()) shape.expect("weight", weight, "[N, 1, H, W]");
    return mean((picture - target).abs(), weight);
}

at::Tensor multi_scale_l1(const at::Tensor& picture, const at::Tensor& target, std::int64_t levels) {
    const auto shape = checked(picture, target);
    if (levels < 1) throw Error(Errc::invalid_argument, "levels: expected at least 1, got " + std::to_string(levels));
    auto height = shape["H"], width = shape["W"];
    auto difference = picture - target;  // halving is linear
    auto sum = difference.abs().mean({1, 2, 3});
    for (std::int64_t level = 1; level < levels; ++level) {
        if (height % 2 != 0 || width % 2 != 0 || height < 8 || width < 8) break;
        difference = at::avg_pool2d(difference, 2);
        sum = sum + difference.abs().mean({1, 2, 3});
        height /= 2;
        width /= 2;
    }
    return sum;
}

at::Tensor masked(const at::Tensor& picture, const at::Tensor& target, const at::Tensor& mask) {
    checked(picture, target).expect("mask", mask, "[N, 1, H, W]");
    return target + (picture - target) * mask;
}

}  // namespace cameo::losses
