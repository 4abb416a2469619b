// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include <cameo/generate/layer_observer.hpp>

namespace cameo {

/// What a generator makes of a scene and a camera.
/// Shapes   image [N, 3, S, S], image_raw [N, 3, R, R], depth and weight [N, 1, R, R]
/// Units    colours in [-1, 1], sRGB-encoded, not clamped; depth: world units along the ray; weight: 0 where the ray
/// met
///          nothing, 1 where it met something opaque
struct Portrait {
    at::Tensor image, image_raw, depth, weight;
};

/// How far latents are drawn to the mean: w <- mean + psi (w - mean).
struct Truncation {
    double psi = 1.0;
    std::optional<std::int64_t> cutoff{};  ///< only the first rows of ws; none of them with 0, all when empty
    friend bool operator==(const Truncation&, const Truncation&) = default;
};

struct RenderOptions {
    enum class Jitter : std::uint8_t {
        none,   ///< samples in the middle of their places: the same picture every time
        random  ///< as published: new random numbers for every picture
    };
    enum class Raw : std::uint8_t {
        clean,      ///< what was rendered
        compatible  ///< as published: upsamplers whose first block keeps the resolution add its colours when nothing
                    ///< had to be resized
    };

    std::int64_t raw_resolution = 0;  ///< 0: the model's own
    std::optional<std::int64_t> samples{},
        fine_samples{};  ///< of a ray, in the first and second pass; else the model's
    Jitter jitter = Jitter::none;
    Raw raw = Raw::clean;
    bool force_float32 = false;  ///< no half precision anywhere
    LayerObserver observer{};
};

/// Where latents lie. Shapes: mean [w_dim]
struct LatentStatistics {
    at::Tensor mean;
    double deviation = 0.0;  ///< root of the mean squared distance from the mean, over all dimensions together
};

}  // namespace cameo
