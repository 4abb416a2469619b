// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/field.hpp>
#include <cameo/concepts/generator.hpp>
#include <cameo/generate/eg3d_config.hpp>

namespace cameo {

/// A generator that training can look into: its scenes are fields and can be picked from a batch, its backbone takes random noise, and what is not a
/// parameter can be copied. describe(config()) is JSON (docs/model-file.md).
template <class G>
concept TrainableGenerator = Generator<G> &&
    requires(const G& generator, const WLatent& ws, const typename G::Scene& scene, const RenderOptions& options,
             RandomSource& random, const at::Tensor& indices) {
    { scene.select(indices) } -> std::same_as<typename G::Scene>;
    { generator.scene(ws, {NoiseMode::random, &random}) } -> std::same_as<typename G::Scene>;
    { generator.field(scene) } -> Field;
    { generator.raw_resolution(options) } -> std::same_as<std::int64_t>;
    { generator.buffers() } -> std::same_as<NamedTensors>;
    { generator.device() } -> std::same_as<at::Device>;
    { describe(generator.config()) } -> std::same_as<std::string>;
};

}  // namespace cameo
