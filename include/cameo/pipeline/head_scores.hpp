// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/losses/portrait.hpp>
#include <cameo/synth/head_set.hpp>
#include <cameo/synth/numbers.hpp>

namespace cameo {

/// From anywhere within 40 degrees to the sides and 20 up and down, no direction more often than another.
inline constexpr synth::HeadPoses even_poses{
    .yaw_deviation = 1e4, .pitch_deviation = 1e4, .yaw_limit = 40, .pitch_limit = 20};

struct HeadScoreOptions {
    std::int64_t heads = 512;  ///< identities from synth::first_test_seed on, which no training sees
    synth::HeadPoses poses = even_poses;
    int antialiasing = 2;  ///< of the truth
};

struct HeadScore {
    synth::HeadNumbers numbers{};
    double yaw = 0.0;  ///< of the camera, degrees, to the head's left positive
    losses::PortraitScores scores{};
};

/// How well a generator whose z are a head's numbers draws heads that it never saw: each by itself, without jitter and
/// noise, compared with the truth.
/// Errors   model_mismatch: a z of another size; those of HeadSet, portrait_scores() and the generator; cancelled
[[nodiscard]] CAMEO_API std::vector<HeadScore> score_heads(const Eg3d& generator, const HeadScoreOptions& options,
                                                           const Context& context = {});

/// Their mean. Errors: invalid_argument: there are none
[[nodiscard]] CAMEO_API losses::PortraitScores mean_of(const std::vector<HeadScore>& scores);

}  // namespace cameo
