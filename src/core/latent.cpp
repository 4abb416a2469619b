// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/latent.hpp>

#include <string>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "core/tensor_check.hpp"

namespace cameo {

ZLatent::ZLatent(at::Tensor z) : z_(std::move(z)) {
    ShapeCheck().expect("z", z_, "[N, z_dim]");
    check_floating("z", z_);
}

WLatent::WLatent(at::Tensor ws) : ws_(std::move(ws)) {
    ShapeCheck().expect("ws", ws_, "[N, num_ws, w_dim]");
    check_floating("ws", ws_);
}

WLatent WLatent::repeated(const at::Tensor& w, std::int64_t num_ws) {
    ShapeCheck().expect("w", w, "[N, w_dim]");
    if (num_ws < 1) throw Error(Errc::invalid_argument, "num_ws: expected at least 1, got " + std::to_string(num_ws));
    return WLatent(w.unsqueeze(1).expand({-1, num_ws, -1}));
}

}  // namespace cameo
