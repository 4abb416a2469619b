// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/generate/parameters.hpp>

namespace cameo {

/// By what the learning rates are multiplied.
struct LearningRate {
    enum class Shape : std::uint8_t { constant, cosine };

    Shape shape = Shape::constant;
    std::int64_t warm_up = 0;  ///< steps over which it rises from 0
    double last = 0.0;         ///< where the cosine ends, at `steps`

    /// Of step number `step` of `steps`.
    [[nodiscard]] CAMEO_API double factor(std::int64_t step, std::int64_t steps) const;
    friend bool operator==(const LearningRate&, const LearningRate&) = default;
};

/// A straight line from `from` to `to` over the first `over` images, then constant. Nothing to go over: `to` at once.
struct Fade {
    double from = 0.0, to = 0.0, over = 0.0;

    [[nodiscard]] CAMEO_API double at(std::int64_t images) const;
    friend bool operator==(const Fade&, const Fade&) = default;
};

/// The running average of a network.
/// Source   Karras et al., "Training Generative Adversarial Networks with Limited Data", NeurIPS 2020: half-lives in
///          images, and at most a share of the images seen
struct MovingAverage {
    double half_life = 10000;  ///< images
    double ramp_up = 0.05;     ///< the half-life is at most that share of the images seen; 0: no such limit

    /// How much of the average remains when `batch` images follow `images`.
    [[nodiscard]] CAMEO_API double remaining(std::int64_t images, std::int64_t batch) const;

    /// Moves `average` towards `current`: equal lists of tensors of two networks.
    CAMEO_API void update(const NamedTensors& average, const NamedTensors& current, std::int64_t images,
                          std::int64_t batch) const;
    friend bool operator==(const MovingAverage&, const MovingAverage&) = default;
};

/// Copies what is no parameter. Quirk: copied as it is, mean latents included
CAMEO_API void copy_tensors(const NamedTensors& to, const NamedTensors& from);

}  // namespace cameo
