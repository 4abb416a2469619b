// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cameo/generate/eg3d_config.hpp>

namespace cameo::apps::bench {

// Floating point operations of one picture, by formula: a multiply-add is two, convolutions are direct ones, and what
// takes less than a thousandth (activations, demodulation, resizing) is left out. Faster algorithms do less than this:
// their share of a machine's peak is in direct-equivalent arithmetic and may exceed 1.

/// A convolution of odd side k without a change of resolution, that many pixels a side.
[[nodiscard]] double convolution_flop(std::int64_t inputs, std::int64_t outputs, std::int64_t k, std::int64_t side);

/// A transposed one of side 3 from `side` to twice that, and its filter.
[[nodiscard]] double doubling_flop(std::int64_t inputs, std::int64_t outputs, std::int64_t side);

[[nodiscard]] double mapping_flop(const Eg3dConfig& config);
[[nodiscard]] double backbone_flop(const Eg3dConfig& config);
[[nodiscard]] double upsampler_flop(const Eg3dConfig& config);

/// Planes read and decoded at one point.
[[nodiscard]] double sample_flop(const Eg3dConfig& config);

/// Samples of one picture: all rays, both passes.
[[nodiscard]] double picture_samples(const Eg3dConfig& config);

}  // namespace cameo::apps::bench
