// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/core/latent.hpp>

namespace cameo {

/// A closed curve through latents: the periodic cubic spline that is at keyframe k at time k and back at the first at
/// time K, without a jump in its first two derivatives anywhere. One keyframe is a point that stays.
/// Units    time: keyframes
/// Threads  re-entrant
/// Quirk    the published program lays five periods side by side and ends them not-a-knot, which is this curve but for
///          what the ends still do two periods away: under 1 % of the keyframes' spread for K = 2, nothing from K = 8 on
class CAMEO_API LatentPath {
  public:
    /// Shapes   keyframes [K, num_ws, w_dim]
    explicit LatentPath(const WLatent& keyframes);

    /// Shapes   one latent of the keyframes' type, on their device
    /// Errors   invalid_argument: a time that is not finite
    [[nodiscard]] WLatent at(double time) const;

    [[nodiscard]] std::int64_t keyframes() const { return value_.size(0); }

  private:
    at::Tensor value_, bend_;  ///< float64; second derivatives at the keyframes
    at::TensorOptions options_;
};

}  // namespace cameo
