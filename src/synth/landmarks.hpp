// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "field.hpp"

namespace cameo::synth {

/// iBUG's 68 points on skin, eyes and lips.
[[nodiscard]] std::array<Vec3, landmark_count> landmarks_of(const Anatomy& s) noexcept;

}  // namespace cameo::synth
