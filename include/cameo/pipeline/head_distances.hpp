// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/synth/head_set.hpp>

namespace cameo {

struct HeadDistanceOptions {
    std::int64_t pictures = 2048;  ///< of each set
    synth::HeadPoses poses{};
    int antialiasing = 2;    ///< of the truth
    std::uint64_t seed = 0;  ///< of latents, cameras and patches
};

/// Units    as measure::LevelDistance
struct HeadDistance {
    std::int64_t side = 0;
    double generated = 0.0;  ///< of fresh latents' pictures from heads' pictures
    double truth = 0.0;      ///< of other heads' pictures from them: what a perfect generator would have
};

/// Sliced Wasserstein distances by level of the pyramid, the finest first. Heads are those of test seeds.
/// Errors   model_mismatch: a z of another size; those of measure::sliced_wasserstein() and the generator; cancelled
[[nodiscard]] CAMEO_API std::vector<HeadDistance> head_distances(const Eg3d& generator,
                                                                 const HeadDistanceOptions& options,
                                                                 const Context& context = {});

}  // namespace cameo
