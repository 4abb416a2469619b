// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/field.hpp>

namespace cameo::testing {

/// The laws of Field that `field` breaks at these points [N, M, 3]; none if all hold.
template <Field F>
[[nodiscard]] std::vector<std::string> broken_laws(const F& field, const at::Tensor& points) {
    std::vector<std::string> broken;
    const auto expect = [&](bool holds, const char* law) {
        if (!holds) broken.emplace_back(law);
    };
    const auto n = points.size(0), m = points.size(1);
    const auto whole = field.query(points);
    expect(whole.density.sizes() == at::IntArrayRef({n, m, 1}), "density is [N, M, 1]");
    expect(whole.feature.sizes() == at::IntArrayRef({n, m, field.feature_count()}), "feature is [N, M, F]");
    const auto again = field.query(points);
    expect(whole.density.equal(again.density) && whole.feature.equal(again.feature), "equal points give equal values");
    const auto part = field.query(points.narrow(1, m / 3, m - m / 3));
    const auto rest = [&](const at::Tensor& t) { return t.narrow(1, m / 3, m - m / 3); };
    const auto close = [](const at::Tensor& a, const at::Tensor& b) { return a.allclose(b, 1e-5, 1e-6); };
    expect(close(part.density, rest(whole.density)) && close(part.feature, rest(whole.feature)),
           "queries in pieces are the query as a whole, but for the rounding of matrix products");
    const auto bytes = static_cast<std::uint64_t>(1 + field.feature_count()) * whole.feature.element_size();
    expect(field.point_bytes() >= bytes, "point_bytes() is at least what a query returns");
    return broken;
}

}  // namespace cameo::testing
