// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include <cameo/concepts/dataset.hpp>
#include <cameo/core/camera.hpp>
#include <cameo/core/error.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/synth/head_set.hpp>
#include <cameo/train/snapshot.hpp>

// What data sets made of procedural heads have in common.

namespace cameo::detail {

inline void check_items(std::int64_t first, std::int64_t count, std::int64_t stride) {
    if (first < 0 || count < 1 || stride < 1)
        throw Error(Errc::invalid_argument, "batch: expected items from 0 on, at least 1, got " +
                                                std::to_string(count) + " from " + std::to_string(first) + ", every " +
                                                std::to_string(stride));
}

/// Planar, from -1 to 1: three times the picture's pixels.
inline void write_image(const synth::HeadView& view, float* image) {
    const auto rgb = view.rgb.values<std::uint8_t>();
    const auto pixels = rgb.size() / 3;
    for (std::size_t p = 0; p < pixels; ++p)
        for (std::size_t c = 0; c < 3; ++c) image[c * pixels + p] = static_cast<float>(rgb[3 * p + c]) / 127.5F - 1.0F;
}

inline void write_label(const Camera& camera, float* label) {
    std::ranges::transform(cameo::label(camera), label, [](double value) { return static_cast<float>(value); });
}

inline RunOptions options_of(const synth::HeadSetOptions& heads) {
    return {{"heads.first_identity", std::to_string(heads.first_identity)},
            {"heads.identities", std::to_string(heads.identities)},
            {"heads.views_per_identity", std::to_string(heads.views_per_identity)},
            {"heads.pose_seed", std::to_string(heads.pose_seed)},
            {"heads.yaw_deviation", option_text(heads.poses.yaw_deviation)},
            {"heads.yaw_limit", option_text(heads.poses.yaw_limit)},
            {"heads.pitch_deviation", option_text(heads.poses.pitch_deviation)},
            {"heads.pitch_limit", option_text(heads.poses.pitch_limit)},
            {"heads.radius", option_text(heads.poses.radius)},
            {"heads.focal", option_text(heads.poses.focal)},
            {"heads.size", std::to_string(heads.view.size)},
            {"heads.samples", std::to_string(heads.view.samples)}};
}

/// Identities that no training sees, the first of them `first` behind the first test seed.
inline synth::HeadSetOptions heads_for_tests(std::int64_t first, std::int64_t count, const synth::HeadPoses& poses,
                                             const synth::ViewOptions& view) {
    return {.first_identity = synth::first_test_seed + static_cast<std::uint32_t>(first),
            .identities = count,
            .poses = poses,
            .view = view,
            .for_tests = true,
            .cache_bytes = 0};
}

inline void check_draws_heads(const Eg3d& generator) {
    if (generator.z_dim() != static_cast<std::int64_t>(synth::number_count))
        throw Error(Errc::model_mismatch, "generator: expected one of procedural heads, whose z are their " +
                                              std::to_string(synth::number_count) + " numbers; got a z of " +
                                              std::to_string(generator.z_dim()));
}

}  // namespace cameo::detail
