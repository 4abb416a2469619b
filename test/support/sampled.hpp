// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/golden_arrays.hpp"
#include "support/tensors.hpp"

namespace cameo::support {

/// How far `actual` may be from a golden array: `bound` times the largest magnitude, but for a share `free` of the
/// elements, which may be as far as `free_bound`.
struct Tolerance {
    double bound = 1e-4;
    double free = 0.0;
    double free_bound = 0.0;
};

/// Checks elements against golden ones. `magnitude` is the largest of the whole array.
inline void check_close(const std::string& name, const at::Tensor& actual, const at::Tensor& golden, double magnitude,
                        const Tolerance& tolerance) {
    INFO(name);
    REQUIRE(actual.sizes() == golden.sizes());
    const auto error = (actual.detach().to(at::kDouble) - golden.to(at::kDouble)).abs() / magnitude;
    const auto worst = scalar(error.max());
    CHECK(scalar(error.isnan().any().to(at::kDouble)) == 0.0);
    if (tolerance.free == 0.0) {
        CHECK(worst <= tolerance.bound);
        return;
    }
    INFO("largest error " << worst);
    CHECK(scalar((error > tolerance.bound).to(at::kDouble).mean()) <= tolerance.free);
    if (tolerance.free_bound > 0.0) CHECK(worst <= tolerance.free_bound);
}

inline void check_close(const std::string& name, const at::Tensor& actual, const at::Tensor& golden,
                        const Tolerance& tolerance) {
    check_close(name, actual, golden, scalar(golden.abs().max()), tolerance);
}

/// Checks `actual` against KEY.index, KEY.value and, where they are, KEY.shape and KEY.mean_std. A batch of one stands
/// for every member of a larger golden batch. `magnitude`: of what the bound is a share, 0 for the array's largest
inline void check_sampled(const GoldenArrays& golden, const std::string& key, at::Tensor actual,
                          const Tolerance& tolerance, double magnitude = 0.0) {
    INFO(key);
    actual = actual.detach();
    if (golden.contains(key + ".shape")) {
        const auto sizes = golden[key + ".shape"];
        std::vector<std::int64_t> shape(sizes.const_data_ptr<std::int64_t>(),
                                        sizes.const_data_ptr<std::int64_t>() + sizes.numel());
        if (actual.size(0) == 1) actual = actual.expand(shape);
        REQUIRE(actual.sizes() == at::IntArrayRef(shape));
    }
    actual = actual.contiguous();
    if (magnitude == 0.0) magnitude = scalar(actual.abs().max());
    const auto index = golden[key + ".index"].to(at::kLong);
    check_close(key, actual.view(-1).index_select(0, index), golden[key + ".value"], magnitude, tolerance);
    if (golden.contains(key + ".mean_std")) {
        const auto wide = actual.to(at::kDouble);
        const auto expected = golden[key + ".mean_std"];
        CHECK(std::abs(scalar(wide.mean()) - scalar(expected[0])) <= tolerance.bound * magnitude);
        CHECK(std::abs(scalar(wide.std(false)) - scalar(expected[1])) <= tolerance.bound * magnitude);
    }
}

/// Checks KEY.sum_norm with KEY.index and KEY.value, as the golden gradients have them.
inline void check_gradient(const GoldenArrays& golden, const std::string& key, const at::Tensor& actual,
                           double norm_bound, const Tolerance& samples) {
    INFO(key);
    REQUIRE(actual.defined());
    const auto wide = actual.detach().to(at::kDouble).contiguous();
    const auto sum_norm = golden[key + ".sum_norm"];
    const auto norm = scalar(sum_norm[1]);
    CHECK(std::abs(scalar(wide.norm()) - norm) <= norm_bound * norm);
    CHECK(std::abs(scalar(wide.sum()) - scalar(sum_norm[0])) <=
          norm_bound * norm * std::sqrt(static_cast<double>(wide.numel())));
    check_sampled(golden, key, wide, samples);
}

}  // namespace cameo::support
