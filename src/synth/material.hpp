// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cameo/core/labels.hpp>

#include "field.hpp"

namespace cameo::synth {

/// What light does at a point of a surface.
struct Material {
    Vec3 albedo{};           ///< linear RGB
    Vec3 tangent{};          ///< of hair; zero elsewhere
    Vec3 soften{};           ///< per channel, how far light bleeds round the terminator, 0 to 1
    Vec3 normal{};           ///< the shading normal
    float specular = 0.0F;   ///< weight of the sheen
    float sharpness = 8.0F;  ///< exponent of the sheen
    float glint = 0.0F;      ///< weight of a mirror-like highlight
    float occlusion = 1.0F;  ///< painted occlusion on top of the measured one
    FaceLabel label = FaceLabel::background;
};

/// Finds the material of the surface point p with geometric normal n.
/// Units  footprint: width of a pixel there, world units; detail finer than that is left out
[[nodiscard]] Material material_at(const Anatomy& s, Vec3 p, Vec3 n, Part part, float footprint) noexcept;

[[nodiscard]] FaceLabel label_at(const Anatomy& s, Vec3 p, Part part) noexcept;

}  // namespace cameo::synth
