// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/export.hpp>
#include <cameo/synth/head.hpp>
#include <cameo/synth/head_set.hpp>

namespace cameo::synth {

/// What the field around a head has at a point.
struct FieldSample {
    std::array<float, 3> point{};   ///< world units
    float distance = 0.0F;          ///< Head::distance()
    std::array<float, 3> colour{};  ///< of the surface nearby, sRGB-encoded, in [0, 1]
    bool coloured = false;          ///< whether `colour` is known
};

/// Where a head's field is looked at.
struct FieldSampling {
    std::int64_t near = 768;  ///< points about the surface, two for each ray that meets it
    std::int64_t free = 256;  ///< points anywhere in the cube about the origin
    double spread = 0.012;    ///< deviation of the near points' distance from the surface, along its normal
    double cube_side = 1.0;
    double footprint = 0.005;   ///< colours are averages over about this width, world units
    double at_landmarks = 0.5;  ///< share of rays that aim at the surroundings of a landmark, where small things are
    double landmark_spread = 0.02;  ///< deviation of where they aim from the landmark, in each direction
    /// Where the rays come from: further round than pictures are taken, but mostly the face.
    HeadPoses poses{.yaw_deviation = 40, .pitch_deviation = 18, .yaw_limit = 150, .pitch_limit = 60};

    friend bool operator==(const FieldSampling&, const FieldSampling&) = default;
};

/// Points near the surface that rays meet, in the colours that they see there, then points anywhere: truth for a field
/// that is trained directly. Which points, `random` decides alone. Rays that miss are tried again; where too many do,
/// points anywhere stand in.
/// Units    world units
/// Errors   invalid_argument: counts below 0, lengths that are not positive numbers, a share outside 0 to 1
[[nodiscard]] CAMEO_API std::vector<FieldSample> field_samples(const Head& head, const FieldSampling& sampling,
                                                               CounterRandom& random);

}  // namespace cameo::synth
