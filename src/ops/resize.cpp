// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/resize.hpp>

#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::ops {

at::Tensor resize(const at::Tensor& picture, std::int64_t height, std::int64_t width, bool antialias) {
    ShapeCheck().expect("picture", picture, "[N, C, H, W]");
    if (height < 1 || width < 1)
        throw Error(Errc::invalid_argument, "resize: expected sides of at least 1, got " + std::to_string(height) +
                                                " x " + std::to_string(width));
    return antialias ? at::_upsample_bilinear2d_aa(picture, {height, width}, false)
                     : at::upsample_bilinear2d(picture, {height, width}, false);
}

}  // namespace cameo::ops
