// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/core/labels.hpp>

namespace cameo {

/// The image as networks take it, planar.
/// Shapes   returns [C, H, W] float32 on the CPU, a copy
/// Units    of `format`, which must be a float format; by default sRGB in [-1, 1]
/// Errors   invalid_argument: an empty image; those of converted()
[[nodiscard]] CAMEO_API at::Tensor to_tensor(const Image& image, const PixelFormat& format = srgb_symmetric);

/// A network's picture as an image, by the published 8-bit rule unless told otherwise; waits for the tensor's device.
/// Shapes   picture [C, H, W], floating point
/// Units    picture: of `from`, a float format
/// Errors   shape_mismatch; invalid_argument: not floating point; those of Image and converted(), NaN among them
[[nodiscard]] CAMEO_API Image to_image(const at::Tensor& picture, const PixelFormat& to = srgb8,
                                       const PixelFormat& from = srgb_symmetric);

/// A label map as numbers and back.
/// Shapes   labels [H, W] int64; to_tensor() gives them on the CPU
/// Errors   shape_mismatch; invalid_argument: another type, a value that is no label, an empty map
[[nodiscard]] CAMEO_API at::Tensor to_tensor(const LabelMap& map);
[[nodiscard]] CAMEO_API LabelMap to_label_map(const at::Tensor& labels);

}  // namespace cameo
