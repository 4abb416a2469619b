// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include <ATen/ATen.h>

namespace cameo::support {

/// The one number of a tensor.
inline double scalar(const at::Tensor& tensor) { return tensor.item<double>(); }

/// The largest |a - b|, in double; infinite when the shapes differ or when only one of the two is NaN or infinite.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
    if (a.sizes() != b.sizes()) return INFINITY;
    if (a.numel() == 0) return 0;
    const auto x = a.detach().to(at::kCPU, at::kDouble);
    const auto y = b.detach().to(at::kCPU, at::kDouble);
    const auto same = x.eq(y).logical_or(x.isnan().logical_and(y.isnan()));
    return scalar((x - y).abs().masked_fill(same, 0).nan_to_num(INFINITY, INFINITY, INFINITY).max());
}

/// difference() over the largest magnitude in `expected`: what the golden data's bounds speak of.
inline double relative_difference(const at::Tensor& actual, const at::Tensor& expected) {
    const auto magnitude =
        expected.numel() == 0 ? 0 : scalar(expected.detach().to(at::kDouble).nan_to_num().abs().max());
    const auto absolute = difference(actual, expected);
    return magnitude > 0 ? absolute / magnitude : absolute;
}

/// The same bits, NaN included.
inline bool same(const at::Tensor& a, const at::Tensor& b) {
    return a.scalar_type() == b.scalar_type() && difference(a, b) == 0;
}

}  // namespace cameo::support
