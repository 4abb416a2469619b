// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

namespace cameo::apps::bench {

/// How far results are from expected ones.
/// Units    psnr_db: peak is the range of the expected values; empty when nothing differs
struct Difference {
    double max_abs = 0.0, rel_l2 = 0.0;
    std::optional<double> psnr_db{};
};

/// Computed in float64. Errors: shape_mismatch
[[nodiscard]] Difference difference(const at::Tensor& expected, const at::Tensor& actual);

}  // namespace cameo::apps::bench
