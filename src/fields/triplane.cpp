// SPDX-License-Identifier: Apache-2.0
#include <cameo/fields/triplane.hpp>

#include <cmath>
#include <string>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo {

TriplaneField::TriplaneField(TriplaneView parts) : parts_(std::move(parts)) {
    const auto& decoder = parts_.decoder;
    ShapeCheck()
        .expect("planes", parts_.planes, "[N, 3, C, H, W]")
        .expect("decoder hidden weight", decoder.hidden_weight, "[K, C]")
        .expect("decoder hidden bias", decoder.hidden_bias, "[K]")
        .expect("decoder output weight", decoder.output_weight, "[O, K]")
        .expect("decoder output bias", decoder.output_bias, "[O]");
    if (!(parts_.box_side > 0.0) || !std::isfinite(parts_.box_side))
        throw Error(Errc::invalid_argument, "box side: expected above 0, got " + std::to_string(parts_.box_side));
}

FieldValues TriplaneField::query(const at::Tensor& points) const {
    return ops::decode_triplane(ops::sample_planes_mean(parts_.planes, points, parts_.axes, parts_.box_side),
                                parts_.decoder);
}

std::uint64_t TriplaneField::point_bytes() const {
    // Coordinates of the point, of the cube and of one plane; one plane's features, their sum and mean; the hidden
    // layer before and after its activation; the outputs, and the colours in three steps.
    const auto& decoder = parts_.decoder;
    const auto numbers = 3 + 3 + 2 + 3 * parts_.planes.size(2) + 2 * decoder.hidden_weight.size(0) +
                         decoder.output_weight.size(0) + 3 * feature_count();
    return static_cast<std::uint64_t>(numbers) * parts_.planes.element_size();
}

}  // namespace cameo
