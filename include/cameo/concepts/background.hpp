// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace cameo {

/// What stands behind the field: over(feature [N, R, F], weight [N, R, 1]) gives features of the same shape. Laws
/// (testing/background_laws.hpp): a ray of weight 1 keeps its features; with weight 0 all rays look the same.
template <class B>
concept Background = std::regular<B> && requires(const B& background, const at::Tensor& tensor) {
    { B::name() } -> std::convertible_to<std::string_view>;
    { background.over(tensor, tensor) } -> std::same_as<at::Tensor>;
};

}  // namespace cameo
