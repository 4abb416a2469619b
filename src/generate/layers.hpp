// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/random.hpp>
#include <cameo/generate/eg3d_config.hpp>
#include <cameo/generate/layer_observer.hpp>
#include <cameo/ops/bias_act.hpp>
#include <cameo/ops/modulated_conv2d.hpp>

#include "generate/tensor_supply.hpp"
#include "ops/winograd.hpp"

namespace cameo {

/// What a pass through layers of a synthesis network depends on besides activations and styles.
struct SynthesisPass {
    NoiseMode noise = NoiseMode::constant;
    RandomSource* random = nullptr;  ///< for NoiseMode::random
    ops::Modulation modulation = ops::Modulation::weights;
    bool force_float32 = false;
    const LayerObserver* observer = nullptr;

    void observe(const std::string& layer, const at::Tensor& result) const {
        if (observer && *observer) (*observer)(layer, result);
    }
};

/// A fully connected layer: weight [out, in], bias [out].
struct FullyConnected {
    at::Tensor weight, bias;
    double lr_multiplier = 1.0;
    ops::Activation activation = ops::Activation::linear;
    std::string name;

    FullyConnected(TensorSupply& supply, const std::string& layer, std::int64_t inputs, std::int64_t outputs,
                   ops::Activation act = ops::Activation::linear, double multiplier = 1.0, double bias_start = 0.0);
    [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
};

/// Affine styles, modulated convolution, noise, bias and activation.
struct SynthesisLayer {
    at::Tensor weight, noise_strength, bias, filter, noise;
    FullyConnected affine;
    c10::intrusive_ptr<ops::WinogradCache> ready_weights;
    std::string name;
    bool up = false;
    std::optional<double> clamp;

    SynthesisLayer(TensorSupply& supply, const std::string& layer, std::int64_t inputs, std::int64_t outputs,
                   std::int64_t w_dim, std::int64_t resolution, bool doubles, std::optional<double> limit);
    [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& w, const SynthesisPass& pass) const;
};

/// Colours of activations; styles are scaled, nothing is demodulated.
struct ToRgb {
    at::Tensor weight, bias;
    FullyConnected affine;
    std::string name;
    std::optional<double> clamp;

    ToRgb(TensorSupply& supply, const std::string& layer, std::int64_t inputs, std::int64_t outputs, std::int64_t w_dim,
          std::optional<double> limit);
    [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& w, const SynthesisPass& pass) const;
};

/// One resolution: up to two synthesis layers and the colours that are added to the picture so far.
struct SynthesisBlock {
    struct Options {
        std::int64_t inputs = 0;  ///< 0: begins with its own constant
        std::int64_t outputs = 0, w_dim = 0, resolution = 0, image_channels = 0;
        bool up = true;
        bool half = false;
        std::optional<double> clamp{};
    };
    struct Result {
        at::Tensor x, image;
    };

    SynthesisBlock(TensorSupply& supply, const std::string& block, const Options& options);

    /// `ws` are the rows [N, w_dim] of its layers in order: conv0 (not in the first block), conv1, torgb.
    [[nodiscard]] Result operator()(at::Tensor x, const at::Tensor& image, const std::vector<at::Tensor>& ws,
                                    const SynthesisPass& pass) const;

    std::string name;
    Options options;
    at::Tensor constant, filter;
    std::vector<SynthesisLayer> layers;
    std::vector<ToRgb> torgb;  // one
};

/// Latents and camera labels to w.
struct MappingNetwork {
    bool normalize_z = true;
    at::Tensor w_avg;                   ///< undefined in a discriminator
    std::vector<FullyConnected> embed;  ///< one, or none without labels
    std::vector<FullyConnected> layers;

    MappingNetwork(TensorSupply& supply, const std::string& network, std::int64_t z_dim, std::int64_t c_dim,
                   std::int64_t w_dim, std::int64_t count, double lr_multiplier, bool averages);

    /// z [N, z_dim] or undefined, labels [N, c_dim] or undefined, not both.
    [[nodiscard]] at::Tensor operator()(const at::Tensor& z, const at::Tensor& labels,
                                        const LayerObserver* observer) const;
};

}  // namespace cameo
