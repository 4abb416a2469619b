// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include <ATen/ATen.h>

#include <cameo/generate/eg3d.hpp>

#include "support/tiny_eg3d.hpp"

namespace cameo::support {

/// A generator whose decoder makes a ball of radius 0.3 or a little more with a smooth pattern on it, whatever the latents, from the
/// planes of painted_ball(). Its raw image is 32 px wide.
inline Eg3d ball_generator() {
    auto config = tiny_eg3d_config();
    config.raw_resolution = 32;
    config.samples = config.fine_samples = 16;
    config.plane_resolution = 64;
    config.upsampler = {.name = "tiny", .input_resolution = 32, .blocks = {{4, false}}};
    auto model = tiny_eg3d(config);
    for (const auto& [name, tensor] : model.parameters()) {
        if (!name.starts_with("decoder.")) continue;
        auto weight = tensor;
        weight.zero_();
        const auto gain = [&](std::int64_t inputs) { return std::sqrt(static_cast<double>(inputs)); };
        // Unit 0 is nearly proportional to how far outside the ball a point is; 1 to 3 carry the coordinates.
        if (name == "decoder.net.0.weight") {
            weight[0][0] = -40 * gain(config.plane_channels);
            for (std::int64_t c = 1; c < 4; ++c) weight[c][c] = 4 * gain(config.plane_channels);
        } else if (name == "decoder.net.0.bias") {
            weight[0] = 40 * (1 - 0.09);
        } else if (name == "decoder.net.2.weight") {
            weight[0][0] = -12 * gain(config.decoder_hidden);
            for (std::int64_t c = 1; c < 4; ++c) weight[c][c] = 3 * gain(config.decoder_hidden);
        } else if (name == "decoder.net.2.bias") {
            weight[0] = 20;
            for (std::int64_t c = 1; c < 4; ++c) weight[c] = -2.2;
        }
    }
    return model;
}

/// Channel 0 adds up to 1 less the square of the distance from the middle (half of that or less outside the box), the
/// next three to the coordinates.
inline Eg3d::Scene painted_ball(const Eg3d& model) {
    const auto side = model.config().plane_resolution;
    const auto line = (at::arange(side, at::kFloat) + 0.5) / static_cast<double>(side) - 0.5;
    const auto across = line.expand({side, side}), down = line.unsqueeze(1).expand({side, side});
    auto planes = at::zeros({1, 3, model.config().plane_channels, side, side}, at::kFloat);
    // The official planes see (x, y), (x, z), (z, x); the field takes their mean.
    planes[0][0][0] = 3 * (0.5 - across * across - down * down);
    planes[0][1][0] = 3 * (0.5 - down * down);
    planes[0][0][1] = 3 * across;
    planes[0][0][2] = 3 * down;
    planes[0][1][3] = 3 * down;
    return {planes};
}

}  // namespace cameo::support
