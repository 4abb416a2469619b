// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/ops/triplane_decoder.hpp>

namespace cameo {

/// What has density and features at every point: query(points [N, M, 3]) gives density [N, M, 1], raw, and feature
/// [N, M, feature_count()]. Laws (testing/field_laws.hpp): points are independent of each other, so queries in pieces
/// are the query as a whole but for rounding; equal queries give equal bits; point_bytes() is at least what a query returns.
template <class F>
concept Field = std::copyable<F> && requires(const F& field, const at::Tensor& points) {
    { F::name() } -> std::convertible_to<std::string_view>;
    { field.query(points) } -> std::same_as<FieldValues>;
    { field.feature_count() } -> std::same_as<std::int64_t>;
    { field.point_bytes() } -> std::same_as<std::uint64_t>;  // memory that a query uses for each point
};

}  // namespace cameo
