// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/triplane_decoder.hpp>

#include <ATen/ATen.h>

#include <cameo/core/shape.hpp>

namespace cameo::ops {

FieldValues decode_triplane(const at::Tensor& features, const TriplaneDecoder& decoder) {
    const auto shape = ShapeCheck()
                           .expect("features", features, "[N, M, C]")
                           .expect("decoder hidden weight", decoder.hidden_weight, "[H, C]")
                           .expect("decoder hidden bias", decoder.hidden_bias, "[H]")
                           .expect("decoder output weight", decoder.output_weight, "[O, H]")
                           .expect("decoder output bias", decoder.output_bias, "[O]");
    const auto rows = features.reshape({-1, shape["C"]});
    const auto hidden = at::softplus(at::addmm(decoder.hidden_bias, rows, decoder.hidden_weight.t()));
    const auto values =
        at::addmm(decoder.output_bias, hidden, decoder.output_weight.t()).view({shape["N"], shape["M"], shape["O"]});
    return {values.narrow(-1, 0, 1), at::sigmoid(values.narrow(-1, 1, shape["O"] - 1)) * 1.002 - 0.001};
}

}  // namespace cameo::ops
