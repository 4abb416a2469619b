// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>

namespace cameo::measure {

struct SlicedWassersteinOptions {
    std::int64_t coarsest = 16;  ///< side of the last level, pixels
    std::int64_t patches = 128;  ///< of each picture on each level
    std::int64_t patch_side = 7;
    std::int64_t projections = 512;
    std::uint64_t seed = 0;  ///< of the patches' places and the directions; both sets have the same

    friend bool operator==(const SlicedWassersteinOptions&, const SlicedWassersteinOptions&) = default;
};

struct LevelDistance {
    std::int64_t side = 0;  ///< of the level, pixels
    double distance = 0.0;  ///< times 1 000, as published
};

/// How far the small structures of two sets of pictures lie apart, level by level of their Laplacian pyramids, the finest
/// first: patches of both sets, each channel of a set brought to mean 0 and deviation 1, are compared along many
/// directions, by the mean difference of their sorted coordinates. 0 for equal sets; two samples of the same pictures
/// are some apart, so a distance says something beside that of two samples of the truth alone.
/// Shapes   a, b [N, C, S, S], S a power of two times `coarsest`
/// Errors   shape_mismatch; invalid_argument: options below 1, patches larger than the last level; cancelled
/// Source   Karras et al., "Progressive Growing of GANs", ICLR 2018, section 5
[[nodiscard]] CAMEO_API std::vector<LevelDistance> sliced_wasserstein(const at::Tensor& a, const at::Tensor& b,
                                                                      const SlicedWassersteinOptions& options = {},
                                                                      const Context& context = {});

/// What doubling the next coarser level's size does not explain, finest first; the last is the coarsest level itself.
/// Levels, each doubled and added to the one before, give the pictures back.
/// Shapes   images [N, C, S, S]; returns [N, C, S / 2^k, S / 2^k]
/// Errors   as above
[[nodiscard]] CAMEO_API std::vector<at::Tensor> laplacian_pyramid(const at::Tensor& images, std::int64_t coarsest);

}  // namespace cameo::measure
