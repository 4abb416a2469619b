// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/concepts/generator.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/invert/latent_search.hpp>
#include <cameo/losses/picture_loss.hpp>

#include "support/blob_generator.hpp"
#include "support/tiny_eg3d.hpp"

namespace cameo::support {

template <InvertibleGenerator G>
at::Tensor drawn(const G& generator, const WLatent& ws, const Cameras& cameras) {
    const c10::NoGradGuard no_gradient;
    StreamSource<CounterRandom> random{CounterRandom(9)};
    return generator.render(generator.scene(ws), ws, cameras, {}, random, {}).image;
}

template <InvertibleGenerator G>
WLatent some_latent(const G& generator, const Cameras& cameras, std::uint64_t seed) {
    const c10::NoGradGuard no_gradient;
    StreamSource<CounterRandom> random{CounterRandom(seed)};
    return generator.map(ZLatent(random.normal({1, generator.z_dim()}, at::kFloat)), cameras.slice(0, 1), {});
}

/// A head of the generator's own.
template <InvertibleGenerator G>
InversionTarget own_head(const G& generator, const Cameras& cameras, std::uint64_t seed) {
    return {drawn(generator, some_latent(generator, cameras, seed), cameras), cameras};
}

inline double psnr(const at::Tensor& picture, const at::Tensor& target) {
    return 10 * std::log10(4.0 / (picture - target).square().mean().item<double>());
}

inline std::vector<LossTerm> l2_alone() { return {{losses::l2_loss(), 1.0}}; }

/// A search that suits the small generators of tests: exact pictures, no perturbation.
inline LatentSearch quick_search(std::int64_t steps, double rate) {
    LatentSearch search;
    search.terms = l2_alone();
    search.steps = steps;
    search.learning_rate = rate;
    search.perturbation = 0.0;
    search.statistics_count = 32;
    search.render = {};
    return search;
}

}  // namespace cameo::support
