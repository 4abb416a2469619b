// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/field.hpp>
#include <cameo/core/export.hpp>
#include <cameo/ops/plane_sampling.hpp>
#include <cameo/ops/triplane_decoder.hpp>

namespace cameo {

/// The raw parts of a tri-plane field, for renderers that work on them directly.
/// Shapes   planes [N, 3, C, H, W], or [1, 3, C, H, W] for one scene seen by all cameras
/// Units    box_side: world units; the side of the cube that the planes span
struct TriplaneView {
    at::Tensor planes;
    TriplaneDecoder decoder;
    PlaneAxes axes = official_plane_axes;
    double box_side = 1.0;
};

/// Three planes of features and a small decoder.
/// Source   Chan et al., "Efficient Geometry-aware 3D GANs", CVPR 2022, section 3
class CAMEO_API TriplaneField {
  public:
    /// Errors   shape_mismatch; invalid_argument: a side that is not positive
    explicit TriplaneField(TriplaneView parts);

    static constexpr std::string_view name() noexcept { return "triplane"; }

    /// Shapes   points [N, M, 3]; density [N, M, 1], feature [N, M, feature_count()]
    /// Errors   shape_mismatch
    /// Differentiable in points, planes and decoder, once
    [[nodiscard]] FieldValues query(const at::Tensor& points) const;

    [[nodiscard]] std::int64_t feature_count() const { return parts_.decoder.output_weight.size(0) - 1; }
    [[nodiscard]] std::uint64_t point_bytes() const;
    [[nodiscard]] const TriplaneView& view() const noexcept { return parts_; }

  private:
    TriplaneView parts_;
};
static_assert(Field<TriplaneField>);

}  // namespace cameo
