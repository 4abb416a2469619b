// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo {

/// What a mapping network takes: one vector of standard normal numbers for each image.
/// Shapes   [N, z_dim], floating point
class CAMEO_API ZLatent {
  public:
    /// Errors   shape_mismatch; invalid_argument: not floating point
    explicit ZLatent(at::Tensor z);

    [[nodiscard]] const at::Tensor& tensor() const noexcept { return z_; }
    [[nodiscard]] std::int64_t count() const { return z_.size(0); }
    [[nodiscard]] std::int64_t z_dim() const { return z_.size(1); }

  private:
    at::Tensor z_;
};

/// What an image is made of: one vector for each modulated layer (W+); a single w stands in every row.
/// Shapes   [N, num_ws, w_dim], floating point
class CAMEO_API WLatent {
  public:
    /// Errors   shape_mismatch; invalid_argument: not floating point
    explicit WLatent(at::Tensor ws);

    /// The same w [N, w_dim] for every layer: a view, through which gradients add up.
    /// Errors   as above; invalid_argument: num_ws below 1
    [[nodiscard]] static WLatent repeated(const at::Tensor& w, std::int64_t num_ws);

    [[nodiscard]] const at::Tensor& tensor() const noexcept { return ws_; }
    [[nodiscard]] std::int64_t count() const { return ws_.size(0); }
    [[nodiscard]] std::int64_t num_ws() const { return ws_.size(1); }
    [[nodiscard]] std::int64_t w_dim() const { return ws_.size(2); }

  private:
    at::Tensor ws_;
};

}  // namespace cameo
