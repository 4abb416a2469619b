// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/background.hpp>

namespace cameo {

/// Nothing behind: features are 0 where nothing was met.
struct BlackBackground {
    static constexpr std::string_view name() noexcept { return "black"; }
    [[nodiscard]] at::Tensor over(const at::Tensor& feature, const at::Tensor&) const { return feature; }
    friend bool operator==(const BlackBackground&, const BlackBackground&) = default;
};
static_assert(Background<BlackBackground>);

/// A white wall at infinity: 1 where nothing was met.
/// Quirk    in all channels of the feature, not only in the three that are colours
struct WhiteBackground {
    static constexpr std::string_view name() noexcept { return "white"; }
    [[nodiscard]] at::Tensor over(const at::Tensor& feature, const at::Tensor& weight) const {
        return feature.add(weight.neg().add(1));
    }
    friend bool operator==(const WhiteBackground&, const WhiteBackground&) = default;
};
static_assert(Background<WhiteBackground>);
static_assert(!Background<at::Tensor>);

}  // namespace cameo
