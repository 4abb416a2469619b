// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/sampler.hpp>
#include <cameo/core/export.hpp>
#include <cameo/ops/depth_sampling.hpp>
#include <cameo/ops/importance_sampling.hpp>

namespace cameo {

/// Evenly spread samples, each moved forward by a random part of their distance.
/// Quirk    the last sample may lie beyond the range
struct CAMEO_API StratifiedSampler {
    std::int64_t count = 48;
    DepthRange range;

    static constexpr std::string_view name() noexcept { return "stratified"; }
    [[nodiscard]] std::int64_t coarse_count() const noexcept { return count; }
    [[nodiscard]] at::Tensor coarse(const RayBundle& rays, RandomSource& random) const;
    /// Random numbers for a second pass.
    [[nodiscard]] static at::Tensor draws(const RayBundle& rays, std::int64_t fine, RandomSource& random);
    friend bool operator==(const StratifiedSampler&, const StratifiedSampler&) = default;
};
static_assert(Sampler<StratifiedSampler>);

/// The same picture every time: each sample in the middle of where StratifiedSampler puts it. Draws no random numbers.
struct CAMEO_API MidpointSampler {
    std::int64_t count = 48;
    DepthRange range;

    static constexpr std::string_view name() noexcept { return "midpoint"; }
    [[nodiscard]] std::int64_t coarse_count() const noexcept { return count; }
    [[nodiscard]] at::Tensor coarse(const RayBundle& rays, RandomSource& random) const;
    /// (i + 0.5) / fine, on every ray.
    [[nodiscard]] static at::Tensor draws(const RayBundle& rays, std::int64_t fine, RandomSource& random);
    friend bool operator==(const MidpointSampler&, const MidpointSampler&) = default;
};
static_assert(Sampler<MidpointSampler>);

/// First `First`, then `count` samples more where it found something. None of those with a count of 0.
template <Sampler First>
struct ImportanceSampler {
    First first;
    std::int64_t count = 48;

    static constexpr std::string_view name() noexcept { return "importance"; }
    [[nodiscard]] std::int64_t coarse_count() const noexcept { return first.coarse_count(); }
    [[nodiscard]] std::int64_t fine_count() const noexcept { return count; }
    [[nodiscard]] at::Tensor coarse(const RayBundle& rays, RandomSource& random) const {
        return first.coarse(rays, random);
    }
    [[nodiscard]] at::Tensor draws(const RayBundle& rays, RandomSource& random) const {
        return First::draws(rays, count, random);
    }
    [[nodiscard]] at::Tensor refine(const at::Tensor& depth, const at::Tensor& weights, const at::Tensor& draws) const {
        return ops::importance_depths(depth, weights, draws);
    }
    friend bool operator==(const ImportanceSampler&, const ImportanceSampler&) = default;
};
static_assert(RefiningSampler<ImportanceSampler<StratifiedSampler>>);
static_assert(RefiningSampler<ImportanceSampler<MidpointSampler>>);
static_assert(!RefiningSampler<StratifiedSampler>);
static_assert(!Sampler<FixedRange>);

}  // namespace cameo
