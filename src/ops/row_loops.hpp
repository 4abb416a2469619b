// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/parallel.hpp>
#include <cameo/ops/reference_ops.hpp>

namespace cameo::ops {

/// Float32 on the CPU, as it lies in memory: what plain loops can go over, where they are wanted.
[[nodiscard]] inline bool is_plain(const at::Tensor& x) {
    return !ReferenceOps::active() && x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous() && x.numel() > 0;
}

/// body(row, first element) for `count` rows of `length` elements, on all threads.
template <class Body>
void for_each_row(std::int64_t count, std::int64_t length, const Body& body) {
    const auto grain = std::max<std::int64_t>(1, 65536 / length);
    parallel_for(0, count, grain, [&](std::int64_t first, std::int64_t last) {
        for (auto row = first; row < last; ++row) body(row, row * length);
    });
}

/// The sum of value(i) for i from first to last - 1, each taken once and in order: in lanes, so that it is vectorised, and
/// always the same.
template <class Value>
[[nodiscard]] float lane_sum(std::int64_t first, std::int64_t last, const Value& value) {
    constexpr std::int64_t lanes = 16;
    std::array<float, lanes> sums{};
    auto i = first;
    for (; i + lanes <= last; i += lanes)
        for (std::int64_t lane = 0; lane < lanes; ++lane) sums[static_cast<std::size_t>(lane)] += value(i + lane);
    double total = 0.0;
    for (; i < last; ++i) total += value(i);
    for (const auto each : sums) total += each;
    return static_cast<float>(total);
}

}  // namespace cameo::ops
