// SPDX-License-Identifier: Apache-2.0
#include "bench/difference.hpp"

#include <cmath>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::apps::bench {

Difference difference(const at::Tensor& expected, const at::Tensor& actual) {
    if (expected.sizes() != actual.sizes())
        throw Error(Errc::shape_mismatch,
                    "results: expected " + shape_text(expected.sizes()) + ", got " + shape_text(actual.sizes()));
    const auto truth = expected.detach().to(at::kDouble), error = actual.detach().to(at::kDouble) - truth;
    Difference found;
    found.max_abs = error.abs().max().item<double>();
    const auto squares = error.square().sum().item<double>();
    if (squares == 0.0) return found;
    found.rel_l2 = std::sqrt(squares / truth.square().sum().item<double>());
    const auto peak = (truth.max() - truth.min()).item<double>();
    found.psnr_db = 10.0 * std::log10(peak * peak * static_cast<double>(truth.numel()) / squares);
    return found;
}

}  // namespace cameo::apps::bench
