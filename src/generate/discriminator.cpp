// SPDX-License-Identifier: Apache-2.0
#include <cameo/generate/discriminator.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/ops/bias_act.hpp>
#include <cameo/ops/conv2d_resample.hpp>
#include <cameo/ops/minibatch_stddev.hpp>
#include <cameo/ops/resize.hpp>

#include "generate/config_json.hpp"
#include "generate/layers.hpp"
#include "generate/tensor_supply.hpp"

namespace cameo {
namespace {

using config_json::json;
using config_json::member;
using config_json::Options;
using config_json::refuse;

constexpr std::string_view network_class = "DualDiscriminator";
const double half_power = std::sqrt(0.5);

struct ConvLayer {
    struct Options {
        std::int64_t inputs = 0, outputs = 0, side = 3;
        bool down = false, bias = true, trainable = true;
        ops::Activation activation = ops::Activation::leaky_relu;
        double gain = 1.0;
        std::optional<double> clamp{};
    };

    Options options;
    at::Tensor weight, bias, filter;

    ConvLayer(TensorSupply& supply, const std::string& name, const Options& given) : options(given) {
        const auto add = [&](const char* part, at::IntArrayRef shape, const Initial& initial) {
            return options.trainable ? supply.parameter(name + part, shape, initial)
                                     : supply.buffer(name + part, shape, initial);
        };
        weight =
            add(".weight", {options.outputs, options.inputs, options.side, options.side}, {Initial::Kind::normal, 1.0});
        if (options.bias) bias = add(".bias", {options.outputs}, {});
        filter = supply.buffer(name + ".resample_filter", {4, 4}, {Initial::Kind::fir});
    }

    at::Tensor operator()(const at::Tensor& x) const {
        const auto fan_in = static_cast<double>(options.inputs * options.side * options.side);
        const auto w = (weight * (1.0 / std::sqrt(fan_in))).to(x.scalar_type());
        const auto y = ops::conv2d_resample(x, w, filter, options.down ? ops::Resample::down_2x : ops::Resample::none);
        auto clamp = options.clamp;
        if (clamp) *clamp *= options.gain;
        return ops::bias_act(y, bias, {.activation = options.activation, .gain = options.gain, .clamp = clamp});
    }
};

struct Block {
    std::string name;
    bool half = false;
    std::vector<ConvLayer> from_rgb;  // in the first block
    std::vector<ConvLayer> layers;    // conv0, conv1, skip

    Block(TensorSupply& supply, const DualDiscriminatorConfig& config, std::int64_t resolution,
          std::int64_t& layers_before)
        : name(std::string("b").append(std::to_string(resolution))) {
        const auto first_half = std::max(config.image_resolution >> config.half_blocks << 1, std::int64_t{8});
        half = resolution >= first_half;
        const auto inputs = config.channels(resolution), outputs = config.channels(resolution / 2);
        const auto trainable = [&] { return layers_before++ >= config.frozen_layers; };
        if (resolution == config.image_resolution)
            from_rgb.emplace_back(supply, name + ".fromrgb",
                                  ConvLayer::Options{.inputs = 2 * config.image_channels,
                                                     .outputs = inputs,
                                                     .side = 1,
                                                     .trainable = trainable(),
                                                     .clamp = config.clamp});
        layers.emplace_back(
            supply, name + ".conv0",
            ConvLayer::Options{.inputs = inputs, .outputs = inputs, .trainable = trainable(), .clamp = config.clamp});
        layers.emplace_back(supply, name + ".conv1",
                            ConvLayer::Options{.inputs = inputs,
                                               .outputs = outputs,
                                               .down = true,
                                               .trainable = trainable(),
                                               .gain = half_power,
                                               .clamp = config.clamp});
        layers.emplace_back(supply, name + ".skip",
                            ConvLayer::Options{.inputs = inputs,
                                               .outputs = outputs,
                                               .side = 1,
                                               .down = true,
                                               .bias = false,
                                               .trainable = trainable(),
                                               .activation = ops::Activation::linear,
                                               .gain = half_power});
        supply.buffer(name + ".resample_filter", {4, 4}, {Initial::Kind::fir});
    }

    at::Tensor operator()(at::Tensor x) const {
        x = x.to(half && x.is_cuda() ? at::kHalf : layers.front().weight.scalar_type());
        for (const auto& layer : from_rgb) x = layer(x);
        const auto skip = layers[2](x);
        return skip + layers[1](layers[0](x));
    }
};

struct Epilogue {
    std::int64_t group_size;
    std::vector<ConvLayer> conv;     // one
    std::vector<FullyConnected> fc;  // fc, out

    Epilogue(TensorSupply& supply, const DualDiscriminatorConfig& config) : group_size(config.group_size) {
        const auto channels = config.channels(4);
        conv.emplace_back(supply, "b4.conv",
                          ConvLayer::Options{.inputs = channels + 1, .outputs = channels, .clamp = config.clamp});
        fc.emplace_back(supply, "b4.fc", channels * 16, channels, ops::Activation::leaky_relu);
        fc.emplace_back(supply, "b4.out", channels, config.c_dim > 0 ? channels : 1);
    }
};

}  // namespace

std::int64_t DualDiscriminatorConfig::channels(std::int64_t resolution) const {
    return std::min(channel_base / resolution, channel_max);
}

DualDiscriminatorConfig dual_discriminator_config(std::string_view description) {
    const auto given = json::parse(description, nullptr, false);
    if (given.is_discarded() || !given.is_object())
        throw Error(Errc::bad_file, "description of the network: expected a JSON object, got something else");
    std::string class_name(network_class);
    const Options outer(given, "network", {"class_name", "init", "attributes", "layers"});
    outer.read("class_name", class_name);
    if (class_name != network_class) refuse("class_name", std::string(network_class), class_name);
    const auto& init = member(given, "init");
    const Options arguments(init, "init", {"args", "kwargs"});
    if (const auto& positional = member(init, "args"); !positional.empty())
        refuse("init.args", "named arguments only", positional.dump());

    DualDiscriminatorConfig config;
    const auto& kwargs = member(init, "kwargs");
    const Options options(
        kwargs, "init.kwargs",
        {"c_dim", "img_resolution", "img_channels", "architecture", "channel_base", "channel_max", "num_fp16_res",
         "conv_clamp", "cmap_dim", "disc_c_noise", "block_kwargs", "mapping_kwargs", "epilogue_kwargs"});
    options.must_be("architecture", "resnet");
    options.read("c_dim", config.c_dim);
    options.read("img_resolution", config.image_resolution);
    options.read("img_channels", config.image_channels);
    options.read("channel_base", config.channel_base);
    options.read("channel_max", config.channel_max);
    options.read("num_fp16_res", config.half_blocks);
    options.read("conv_clamp", config.clamp);
    options.read("disc_c_noise", config.camera_noise);
    const Options block(member(kwargs, "block_kwargs"), "init.kwargs.block_kwargs", {"freeze_layers"});
    block.read("freeze_layers", config.frozen_layers);
    const Options mapping(member(kwargs, "mapping_kwargs"), "init.kwargs.mapping_kwargs",
                          {"num_layers", "lr_multiplier"});
    mapping.read("num_layers", config.mapping_layers);
    mapping.read("lr_multiplier", config.mapping_lr_multiplier);
    const Options epilogue(member(kwargs, "epilogue_kwargs"), "init.kwargs.epilogue_kwargs",
                           {"mbstd_group_size", "mbstd_num_channels"});
    epilogue.read("mbstd_group_size", config.group_size);
    epilogue.must_be("mbstd_num_channels", 1);

    const auto size = config.image_resolution;
    if (size < 8 || size > 8192 || !std::has_single_bit(static_cast<std::uint64_t>(size)))
        refuse("image resolution", "a power of two, 8 to 8192", std::to_string(size));
    if (config.c_dim < 0 || config.c_dim > 4096) refuse("c_dim", "0 to 4096", std::to_string(config.c_dim));
    if (config.channel_base < size || config.channel_max < 1)
        refuse("channels", "at least 1 everywhere", std::to_string(config.channel_base / size));
    if (options.has("cmap_dim")) options.must_be("cmap_dim", config.channels(4));
    return config;
}

std::string describe(const DualDiscriminatorConfig& config) {
    const json kwargs{
        {"c_dim", config.c_dim},
        {"img_resolution", config.image_resolution},
        {"img_channels", config.image_channels},
        {"channel_base", config.channel_base},
        {"channel_max", config.channel_max},
        {"num_fp16_res", config.half_blocks},
        {"conv_clamp", config.clamp ? json(*config.clamp) : json(nullptr)},
        {"disc_c_noise", config.camera_noise},
        {"block_kwargs", {{"freeze_layers", config.frozen_layers}}},
        {"mapping_kwargs", {{"num_layers", config.mapping_layers}, {"lr_multiplier", config.mapping_lr_multiplier}}},
        {"epilogue_kwargs", {{"mbstd_group_size", config.group_size}}}};
    return json{{"class_name", network_class}, {"init", {{"args", json::array()}, {"kwargs", kwargs}}}}.dump();
}

struct DualDiscriminator::Network {
    DualDiscriminatorConfig config;
    std::vector<Block> blocks;
    std::vector<MappingNetwork> mapping;  // one with cameras
    Epilogue epilogue;
    NamedTensors parameters, buffers;

    Network(const DualDiscriminatorConfig& given, TensorSupply& supply)
        : config(given), blocks(made_blocks(supply)), mapping(made_mapping(supply)), epilogue(supply, config) {
        supply.buffer("resample_filter", {4, 4}, {Initial::Kind::fir});
        supply.finish();
        parameters = std::move(supply.parameters);
        buffers = std::move(supply.buffers);
    }

    std::vector<Block> made_blocks(TensorSupply& supply) const {
        std::vector<Block> result;
        std::int64_t layers = 0;
        for (auto r = config.image_resolution; r > 4; r /= 2) result.emplace_back(supply, config, r, layers);
        return result;
    }

    std::vector<MappingNetwork> made_mapping(TensorSupply& supply) const {
        std::vector<MappingNetwork> result;
        if (config.c_dim > 0)
            result.emplace_back(supply, "mapping", 0, config.c_dim, config.channels(4), config.mapping_layers,
                                config.mapping_lr_multiplier, false);
        return result;
    }
};

DualDiscriminator::DualDiscriminator(std::unique_ptr<Network> network) : network_(std::move(network)) {}
DualDiscriminator::DualDiscriminator(DualDiscriminator&&) noexcept = default;
DualDiscriminator& DualDiscriminator::operator=(DualDiscriminator&&) noexcept = default;
DualDiscriminator::~DualDiscriminator() = default;

DualDiscriminator DualDiscriminator::load(const StateDict& model, std::string_view network, const at::Device& device) {
    return load(model, dual_discriminator_config(config_json::network_description(model, network)),
                std::string(network) + ".", device);
}

DualDiscriminator DualDiscriminator::load(const StateDict& tensors, const DualDiscriminatorConfig& config,
                                          const std::string& prefix, const at::Device& device) {
    FileSupply supply(tensors, prefix, device);
    return DualDiscriminator(std::make_unique<Network>(config, supply));
}

DualDiscriminator DualDiscriminator::initial(const DualDiscriminatorConfig& config, RandomSource& random) {
    InitialSupply supply(random);
    return DualDiscriminator(std::make_unique<Network>(config, supply));
}

const DualDiscriminatorConfig& DualDiscriminator::config() const noexcept { return network_->config; }

at::Tensor DualDiscriminator::logits(const at::Tensor& image, const at::Tensor& image_raw, const at::Tensor& labels,
                                     const LayerObserver& observer) const {
    const auto& config = network_->config;
    auto shape = ShapeCheck();
    shape.bind("S", config.image_resolution).bind("C", config.image_channels).bind("L", config.c_dim);
    shape.expect("image", image, "[N, C, S, S]").expect("raw image", image_raw, "[N, C, R, R]");
    if (config.c_dim > 0) shape.expect("labels", labels, "[N, L]");
    const auto observe = [&](const std::string& layer, const at::Tensor& result) {
        if (observer) observer(layer, result);
    };

    const auto enlarged = ops::resize(image_raw, config.image_resolution, config.image_resolution, true);
    auto x = at::cat({image, enlarged}, 1);
    for (const auto& block : network_->blocks) {
        x = block(std::move(x));
        observe(block.name, x);
    }
    const auto& last = network_->epilogue;
    x = ops::append_minibatch_stddev(x.to(last.conv.front().weight.scalar_type()), last.group_size);
    observe("b4.mbstd", x);
    x = last.conv.front()(x);
    observe("b4.conv", x);
    x = last.fc[0](x.flatten(1));
    observe("b4.fc", x);
    x = last.fc[1](x);
    observe("b4.out", x);
    if (network_->mapping.empty()) return x;
    const auto asked = network_->mapping.front()({}, labels, &observer);
    observe("mapping", asked);
    return (x * asked).sum(1, true) * (1.0 / std::sqrt(static_cast<double>(asked.size(1))));
}

NamedTensors DualDiscriminator::parameters() const { return network_->parameters; }
NamedTensors DualDiscriminator::buffers() const { return network_->buffers; }

StateDict DualDiscriminator::state(const std::string& prefix) const {
    return state_of(network_->parameters, network_->buffers, prefix, describe(network_->config));
}

DualDiscriminator DualDiscriminator::clone() const { return clone(network_->epilogue.conv.front().weight.device()); }

DualDiscriminator DualDiscriminator::clone(const at::Device& device) const {
    CopySupply supply(network_->parameters, network_->buffers, device);
    return DualDiscriminator(std::make_unique<Network>(network_->config, supply));
}

}  // namespace cameo
