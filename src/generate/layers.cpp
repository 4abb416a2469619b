// SPDX-License-Identifier: Apache-2.0
#include "generate/layers.hpp"

#include <cmath>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/error.hpp>
#include <cameo/ops/fir.hpp>
#include <cameo/ops/fully_connected.hpp>

#include "core/work_memory.hpp"
#include "ops/row_loops.hpp"
#include "ops/synthesis_conv2d.hpp"

namespace cameo {
namespace {

constexpr Initial unit_normal{Initial::Kind::normal, 1.0};
constexpr Initial zero{Initial::Kind::constant, 0.0};
constexpr Initial fir{Initial::Kind::fir};

}  // namespace

FullyConnected::FullyConnected(TensorSupply& supply, const std::string& layer, std::int64_t inputs,
                               std::int64_t outputs, ops::Activation act, double multiplier, double bias_start)
    : lr_multiplier(multiplier), activation(act), name(layer) {
    weight = supply.parameter(layer + ".weight", {outputs, inputs}, {Initial::Kind::normal, 1.0 / multiplier});
    bias = supply.parameter(layer + ".bias", {outputs}, {Initial::Kind::constant, bias_start});
}

at::Tensor FullyConnected::operator()(const at::Tensor& x) const {
    return ops::fully_connected(x, weight, bias, lr_multiplier, activation);
}

SynthesisLayer::SynthesisLayer(TensorSupply& supply, const std::string& layer, std::int64_t inputs,
                               std::int64_t outputs, std::int64_t w_dim, std::int64_t resolution, bool doubles,
                               std::optional<double> limit)
    : weight(supply.parameter(layer + ".weight", {outputs, inputs, 3, 3}, unit_normal)),
      noise_strength(supply.parameter(layer + ".noise_strength", {}, zero)),
      bias(supply.parameter(layer + ".bias", {outputs}, zero)),
      filter(supply.buffer(layer + ".resample_filter", {4, 4}, fir)),
      noise(supply.buffer(layer + ".noise_const", {resolution, resolution}, unit_normal)),
      affine(supply, layer + ".affine", w_dim, inputs, ops::Activation::linear, 1.0, 1.0),
      ready_weights(c10::make_intrusive<ops::WinogradCache>()),
      name(layer),
      up(doubles),
      clamp(limit) {}

at::Tensor SynthesisLayer::operator()(const at::Tensor& x, const at::Tensor& w, const SynthesisPass& pass) const {
    at::Tensor shift;
    if (pass.noise == NoiseMode::constant) {
        shift = noise * noise_strength;
    } else if (pass.noise == NoiseMode::random) {
        if (!pass.random)
            throw Error(Errc::invalid_argument,
                        "noise: expected a source of random numbers for random noise, got none");
        const auto scale = up ? 2 : 1;
        shift =
            pass.random->normal({x.size(0), 1, scale * x.size(2), scale * x.size(3)}, noise.options()) * noise_strength;
    }
    auto y = ops::synthesis_conv2d(
        x, weight, affine(w), filter, shift, bias,
        {.resample = up ? ops::Resample::up_2x : ops::Resample::none, .modulation = pass.modulation},
        {.activation = ops::Activation::leaky_relu, .clamp = clamp}, ready_weights);
    pass.observe(name, y);
    return y;
}

ToRgb::ToRgb(TensorSupply& supply, const std::string& layer, std::int64_t inputs, std::int64_t outputs,
             std::int64_t w_dim, std::optional<double> limit)
    : weight(supply.parameter(layer + ".weight", {outputs, inputs, 1, 1}, unit_normal)),
      bias(supply.parameter(layer + ".bias", {outputs}, zero)),
      affine(supply, layer + ".affine", w_dim, inputs, ops::Activation::linear, 1.0, 1.0),
      name(layer),
      clamp(limit) {}

at::Tensor ToRgb::operator()(const at::Tensor& x, const at::Tensor& w, const SynthesisPass& pass) const {
    const auto styles = affine(w) * (1.0 / std::sqrt(static_cast<double>(weight.size(1))));
    auto y = ops::modulated_conv2d(x, weight, styles, {}, {.demodulate = false, .modulation = pass.modulation});
    y = ops::bias_act(std::move(y), bias, {.clamp = clamp});
    pass.observe(name, y);
    return y;
}

SynthesisBlock::SynthesisBlock(TensorSupply& supply, const std::string& block, const Options& given)
    : name(block), options(given) {
    const auto& o = options;
    if (o.inputs == 0)
        constant = supply.parameter(name + ".const", {o.outputs, o.resolution, o.resolution}, unit_normal);
    filter = supply.buffer(name + ".resample_filter", {4, 4}, fir);
    if (o.inputs > 0)
        layers.emplace_back(supply, name + ".conv0", o.inputs, o.outputs, o.w_dim, o.resolution, o.up, o.clamp);
    layers.emplace_back(supply, name + ".conv1", o.outputs, o.outputs, o.w_dim, o.resolution, false, o.clamp);
    torgb.emplace_back(supply, name + ".torgb", o.outputs, o.image_channels, o.w_dim, o.clamp);
}

SynthesisBlock::Result SynthesisBlock::operator()(at::Tensor x, const at::Tensor& image,
                                                  const std::vector<at::Tensor>& ws, const SynthesisPass& pass) const {
    const auto half = options.half && !pass.force_float32 && filter.is_cuda();
    const auto type = half ? at::kHalf : filter.scalar_type();
    x = constant.defined() ? constant.to(type).unsqueeze(0).expand({ws.front().size(0), -1, -1, -1}) : x.to(type);
    auto w = ws.begin();
    for (const auto& layer : layers) x = layer(x, *w++, pass);

    auto colours = torgb.front()(x, *w, pass).to(filter.scalar_type());
    if (image.defined()) {
        const auto below = options.up ? ops::fir_upsample_2x(image, filter) : image;
        if (!c10::GradMode::is_enabled() && ops::is_plain(colours) && ops::is_plain(below) &&
            below.sizes() == colours.sizes()) {
            auto sum = detail::pooled_empty(colours.sizes());
            colours = at::add_out(sum, below, colours);
        } else {
            colours = below + colours;
        }
    }
    pass.observe(name + ".x", x);
    pass.observe(name + ".img", colours);
    return {std::move(x), std::move(colours)};
}

MappingNetwork::MappingNetwork(TensorSupply& supply, const std::string& network, std::int64_t z_dim, std::int64_t c_dim,
                               std::int64_t w_dim, std::int64_t count, double lr_multiplier, bool averages) {
    if (averages) w_avg = supply.buffer(network + ".w_avg", {w_dim}, zero);
    if (c_dim > 0) embed.emplace_back(supply, network + ".embed", c_dim, w_dim);
    auto inputs = z_dim + (c_dim > 0 ? w_dim : 0);
    for (std::int64_t i = 0; i < count; ++i) {
        layers.emplace_back(supply, network + ".fc" + std::to_string(i), inputs, w_dim, ops::Activation::leaky_relu,
                            lr_multiplier);
        inputs = w_dim;
    }
}

at::Tensor MappingNetwork::operator()(const at::Tensor& z, const at::Tensor& labels,
                                      const LayerObserver* observer) const {
    const auto observe = [&](const FullyConnected& layer, const at::Tensor& result) {
        if (observer && *observer) (*observer)(layer.name, result);
    };
    std::vector<at::Tensor> inputs;
    if (z.defined()) {
        const auto numbers = z.to(layers.front().weight.options());
        inputs.push_back(normalize_z ? ops::normalize_second_moment(numbers) : numbers);
    }
    for (const auto& layer : embed) {
        const auto embedded = layer(labels.to(layer.weight.options()));
        observe(layer, embedded);
        inputs.push_back(ops::normalize_second_moment(embedded));
    }
    auto x = inputs.size() == 1 ? inputs.front() : at::cat(inputs, 1);
    for (const auto& layer : layers) {
        x = layer(x);
        observe(layer, x);
    }
    return x;
}

}  // namespace cameo
