// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

#include <ATen/core/Tensor.h>

#include <cameo/core/cameras.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/core/random.hpp>
#include <cameo/generate/parameters.hpp>
#include <cameo/generate/portrait.hpp>

namespace cameo {

/// A whole image former. A scene is a value: keep it, and everything before rendering is cached. Laws
/// (testing/generator_laws.hpp): rendering a kept scene gives the bits of a new one; a clone gives the same bits and
/// shares no memory; psi = 0 gives the mean latent, psi = 1 changes nothing; parameters have unique names.
template <class G>
concept Generator = std::movable<G> && std::copyable<typename G::Scene> &&
    requires(const G& generator, G& mutable_generator, const ZLatent& z, const WLatent& ws, const Cameras& cameras,
             const Truncation& truncation, const typename G::Scene& scene, const RenderOptions& options,
             RandomSource& random, const Context& context, std::int64_t count) {
    { generator.map(z, cameras, truncation) } -> std::same_as<WLatent>;
    { generator.mean_latent() } -> std::same_as<at::Tensor>;  // [w_dim]
    { generator.latent_statistics(cameras, count, random) } -> std::same_as<LatentStatistics>;
    { generator.scene(ws) } -> std::same_as<typename G::Scene>;
    { generator.render(scene, ws, cameras, options, random, context) } -> std::same_as<Portrait>;
    { generator.parameters() } -> std::same_as<NamedTensors>;
    { generator.clone() } -> std::same_as<G>;
    { mutable_generator.set_training(true) } -> std::same_as<void>;
};

/// A generator that says how large its latents are: enough to look for the latent of a picture, and to tune a copy for it.
template <class G>
concept InvertibleGenerator = Generator<G> && requires(const G& generator) {
    { generator.z_dim() } -> std::same_as<std::int64_t>;
    { generator.num_ws() } -> std::same_as<std::int64_t>;
};

/// A generator whose layers add noise that inversion may optimise or keep.
template <class G>
concept NoiseGenerator = Generator<G> && requires(const G& generator) {
    { generator.noise_buffers() } -> std::same_as<NamedTensors>;
};

}  // namespace cameo
