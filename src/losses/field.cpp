// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/field.hpp>

#include <ATen/ATen.h>

#include <cameo/core/shape.hpp>

namespace cameo::losses {

at::Tensor surface_density(const at::Tensor& density, const at::Tensor& distance, const SurfaceDensity& surface) {
    ShapeCheck().expect("density", density, "[N, M, 1]").expect("distance", distance, "[N, M, 1]");
    const auto inside = at::sigmoid(distance * (-1.0 / surface.width));
    return at::binary_cross_entropy_with_logits(density * (1.0 / surface.scale), inside);
}

at::Tensor point_colour(const at::Tensor& feature, const at::Tensor& colour, const at::Tensor& known) {
    ShapeCheck()
        .expect("feature", feature, "[N, M, F]")
        .expect("colour", colour, "[N, M, 3]")
        .expect("known", known, "[N, M, 1]");
    return ((feature.narrow(2, 0, 3) - colour).abs() * known).sum() / (known.sum() * 3.0).clamp_min(1.0);
}

}  // namespace cameo::losses
