// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/ops/integrate.hpp>

namespace cameo {

/// Turns samples along rays into what is seen. integrate() works on any part of the rays; bounded(depth, nearest,
/// farthest) then settles the depths of the whole batch, whose samples lie between those two scalars. Laws
/// (testing/quadrature_laws.hpp): raw density -> -inf gives weight 0 and feature 0; weight stays in [0, 1]; features
/// are linear; more density never lessens the weight; a constant slab absorbs 1 - exp(-density length).
template <class Q>
concept Quadrature = std::regular<Q> &&
    requires(const Q& quadrature, const RaySamples& samples, const at::Tensor& tensor) {
    { Q::name() } -> std::convertible_to<std::string_view>;
    { quadrature.integrate(samples) } -> std::same_as<RayFeatures>;
    { quadrature.bounded(tensor, tensor, tensor) } -> std::same_as<at::Tensor>;
};

}  // namespace cameo
