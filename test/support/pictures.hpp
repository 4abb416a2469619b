// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

namespace cameo::support {

/// Colours of bytes as the golden data's "pm1" has them: u8 / 127.5 - 1 in double, rounded; with a batch.
inline at::Tensor symmetric(const at::Tensor& bytes) {
    const auto picture = (bytes.to(at::kDouble) / 127.5 - 1).to(at::kFloat);
    return picture.dim() == 3 ? picture.unsqueeze(0) : picture;
}

/// Smooth colours in [-1, 1], the same for the same seed.
inline at::Tensor smooth_picture(std::int64_t side, std::uint64_t seed, at::ScalarType type = at::kFloat) {
    at::manual_seed(seed);
    const auto coarse = at::rand({1, 3, 4, 4}, at::kDouble) * 1.6 - 0.8;
    return at::upsample_bilinear2d(coarse, {side, side}, true).to(type);
}

}  // namespace cameo::support
