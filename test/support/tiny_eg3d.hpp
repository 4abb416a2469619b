// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>
#include <cameo/fields/triplane.hpp>
#include <cameo/generate/eg3d.hpp>

namespace cameo::support {

/// A generator of sizes of its own that a test can afford: 32 px from a raw image of 8 px, planes of 16 texels.
inline Eg3dConfig tiny_eg3d_config() {
    Eg3dConfig config;
    config.z_dim = 16;
    config.w_dim = 24;
    config.channel_base = 64;
    config.channel_max = 8;
    config.plane_resolution = 16;
    config.plane_channels = 6;
    config.decoder_hidden = 10;
    config.feature_channels = 5;
    config.samples = 6;
    config.fine_samples = 5;
    config.raw_resolution = 8;
    config.image_resolution = 32;
    config.upsampler = {.name = "tiny", .input_resolution = 8, .blocks = {{6, true}, {4, true}}};
    return config;
}

/// The same weights for the same seed. Noise strengths and biases, which begin as constants, get numbers too.
inline Eg3d tiny_eg3d(const Eg3dConfig& config = tiny_eg3d_config(), std::uint64_t seed = 1) {
    StreamSource<CounterRandom> random{CounterRandom(seed)};
    auto model = Eg3d::initial(config, random);
    for (const auto* list : {"parameters", "buffers"})
        for (const auto& [name, tensor] : *list == 'p' ? model.parameters() : model.buffers())
            if (name.ends_with("bias") || name.ends_with("strength") || name.ends_with("w_avg"))
                tensor.add_(random.normal(tensor.sizes(), tensor.options()), 0.3);
    return model;
}

inline Cameras some_cameras(std::int64_t count, const at::TensorOptions& options = at::kFloat) {
    std::vector<Camera> all;
    for (std::int64_t i = 0; i < count; ++i)
        all.push_back(
            {orbit_degrees(20.0 * static_cast<double>(i) - 15, 8.0 * static_cast<double>(i) - 5, 2.7, {0, 0, 0.2}),
             intrinsics_from_focal(4.2647)});
    return cameras(all, options);
}

/// A small tri-plane field with densities that rays meet and leave.
inline TriplaneField some_field(std::int64_t scenes, at::ScalarType type = at::kFloat, std::uint64_t seed = 2) {
    StreamSource<CounterRandom> random{CounterRandom(seed)};
    const auto normal = [&](at::IntArrayRef shape) { return random.normal(shape, type); };
    return TriplaneField({.planes = normal({scenes, 3, 4, 8, 8}) * 2,
                          .decoder = {normal({6, 4}), normal({6}), normal({4, 6}), normal({4})}});
}

}  // namespace cameo::support
