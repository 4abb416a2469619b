// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>

namespace cameo {

/// The weights that turn a tri-plane feature into density and colour, all gains already multiplied in.
/// Shapes   hidden_weight [H, C], hidden_bias [H], output_weight [1 + F, H], output_bias [1 + F]; row 0 is the density
struct TriplaneDecoder {
    at::Tensor hidden_weight, hidden_bias, output_weight, output_bias;
};

/// What a field has at points.
/// Shapes   density [..., 1], feature [..., F]
/// Units    density: raw, before the quadrature's activation; feature: colours from 0 to 1
struct FieldValues {
    at::Tensor density, feature;
};

namespace ops {

/// One hidden layer with softplus, then density as it comes and colours through a sigmoid.
/// Shapes   features [N, M, C]
/// Errors   shape_mismatch
/// Quirk    the sigmoid is widened: colours are in (-0.001, 1.001)
[[nodiscard]] CAMEO_API FieldValues decode_triplane(const at::Tensor& features, const TriplaneDecoder& decoder);

}  // namespace ops
}  // namespace cameo
