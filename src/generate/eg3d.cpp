// SPDX-License-Identifier: Apache-2.0
#include <cameo/generate/eg3d.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/ops/reference_ops.hpp>
#include <cameo/ops/resize.hpp>
#include <cameo/render/background.hpp>
#include <cameo/render/fused_triplane_renderer.hpp>
#include <cameo/render/quadrature.hpp>
#include <cameo/render/sampler.hpp>
#include <cameo/render/volume_renderer.hpp>

#include "core/work_memory.hpp"
#include "generate/config_json.hpp"
#include "generate/layers.hpp"
#include "generate/tensor_supply.hpp"
#include "ops/row_loops.hpp"

namespace cameo {
namespace {

std::int64_t batch_of(std::string_view subject, std::int64_t count, std::int64_t batch) {
    if (count != batch && count != 1)
        throw Error(Errc::shape_mismatch, std::string(subject) + ": expected " + std::to_string(batch) +
                                              " of them or one for all, got " + std::to_string(count));
    return count;
}

struct Backbone {
    std::vector<SynthesisBlock> blocks;

    Backbone(TensorSupply& supply, const Eg3dConfig& config) {
        const auto last = config.plane_resolution;
        const auto first_half = std::max(last >> config.half_blocks << 1, std::int64_t{8});
        for (std::int64_t r = 4; r <= last; r *= 2)
            blocks.emplace_back(supply, "backbone.synthesis.b" + std::to_string(r),
                                SynthesisBlock::Options{.inputs = r == 4 ? 0 : config.channels(r / 2),
                                                        .outputs = config.channels(r),
                                                        .w_dim = config.w_dim,
                                                        .resolution = r,
                                                        .image_channels = 3 * config.plane_channels,
                                                        .up = true,
                                                        .half = r >= first_half,
                                                        .clamp = config.backbone_clamp});
    }

    at::Tensor operator()(const at::Tensor& ws, const SynthesisPass& pass) const {
        SynthesisBlock::Result result;
        std::int64_t row = 0;
        for (const auto& block : blocks) {
            const auto own = static_cast<std::int64_t>(block.layers.size());
            std::vector<at::Tensor> rows;
            for (std::int64_t i = 0; i <= own; ++i) rows.push_back(ws.select(1, row + i));
            row += own;  // the colour layer shares its row with the next block's first layer
            result = block(std::move(result.x), result.image, rows, pass);
        }
        return result.image;
    }
};

struct Upsampler {
    struct Result {
        at::Tensor image;
        at::Tensor raw_with_first_colours;  // when the first block adds its own to the very picture it was given
    };

    UpsamplerConfig config;
    std::vector<SynthesisBlock> blocks;

    Upsampler(TensorSupply& supply, const Eg3dConfig& whole) : config(whole.upsampler) {
        if (config.has_filter) supply.buffer("superresolution.resample_filter", {4, 4}, {Initial::Kind::fir});
        auto inputs = whole.feature_channels, resolution = config.input_resolution;
        for (std::size_t i = 0; i < config.blocks.size(); ++i) {
            const auto& block = config.blocks[i];
            resolution *= block.up ? 2 : 1;
            blocks.emplace_back(supply, "superresolution.block" + std::to_string(i),
                                SynthesisBlock::Options{.inputs = inputs,
                                                        .outputs = block.channels,
                                                        .w_dim = whole.w_dim,
                                                        .resolution = resolution,
                                                        .image_channels = whole.image_channels,
                                                        .up = block.up,
                                                        .half = config.half,
                                                        .clamp = config.clamp});
            inputs = block.channels;
        }
    }

    Result operator()(at::Tensor x, at::Tensor colours, const at::Tensor& w, const SynthesisPass& pass) const {
        const auto side = x.size(3), wanted = config.input_resolution;
        const auto enlarges_only = config.resize == UpsamplerConfig::Resize::when_smaller;
        if (enlarges_only && side > wanted)
            throw Error(Errc::invalid_argument, "raw resolution: expected at most " + std::to_string(wanted) + " for " +
                                                    config.name + ", got " + std::to_string(side));
        const auto resized = side != wanted;
        if (resized) {
            x = ops::resize(x, wanted, wanted, config.antialias);
            colours = ops::resize(colours, wanted, wanted, config.antialias);
        }
        Result result;
        for (const auto& block : blocks) {
            auto [features, image] = block(std::move(x), colours, {w, w, w}, pass);
            x = std::move(features);
            colours = std::move(image);
            if (&block == &blocks.front() && !block.options.up && !resized) result.raw_with_first_colours = colours;
        }
        result.image = std::move(colours);
        return result;
    }
};

struct Decoder {
    at::Tensor hidden_weight, hidden_bias, output_weight, output_bias;
    double lr_multiplier;

    Decoder(TensorSupply& supply, const Eg3dConfig& config) : lr_multiplier(config.decoder_lr_multiplier) {
        const FullyConnected hidden(supply, "decoder.net.0", config.plane_channels, config.decoder_hidden,
                                    ops::Activation::linear, lr_multiplier);
        const FullyConnected output(supply, "decoder.net.2", config.decoder_hidden, 1 + config.feature_channels,
                                    ops::Activation::linear, lr_multiplier);
        hidden_weight = hidden.weight;
        hidden_bias = hidden.bias;
        output_weight = output.weight;
        output_bias = output.bias;
    }

    [[nodiscard]] TriplaneDecoder effective() const {
        const auto weight = [&](const at::Tensor& w) {
            return w * (lr_multiplier / std::sqrt(static_cast<double>(w.size(1))));
        };
        const auto bias = [&](const at::Tensor& b) { return lr_multiplier == 1.0 ? b : b * lr_multiplier; };
        return {weight(hidden_weight), bias(hidden_bias), weight(output_weight), bias(output_bias)};
    }
};

// [N, R, F] of square pictures to [N, F, side, side].
at::Tensor picture(const at::Tensor& rays, std::int64_t side) {
    return rays.transpose(1, 2).reshape({rays.size(0), rays.size(2), side, side});
}

}  // namespace

struct Eg3d::Network {
    Eg3dConfig config;
    at::Tensor label_deviation;  // of the training labels; unused, kept for whoever continues the training
    Backbone backbone;
    MappingNetwork mapping;
    Upsampler upsampler;
    Decoder decoder;
    NamedTensors parameters, buffers;
    bool training = false;

    Network(const Eg3dConfig& given, TensorSupply& supply)
        : config((check(given), given)),
          label_deviation(config.c_dim > 0 ? supply.optional_buffer("dataset_label_std", {config.c_dim})
                                           : at::Tensor()),
          backbone(supply, config),
          mapping(supply, "backbone.mapping", config.z_dim, config.c_dim, config.w_dim, config.mapping_layers,
                  config.mapping_lr_multiplier, true),
          upsampler(supply, config),
          decoder(supply, config) {
        mapping.normalize_z = config.normalize_z;
        supply.finish();
        parameters = std::move(supply.parameters);
        buffers = std::move(supply.buffers);
    }

    [[nodiscard]] SynthesisPass pass(const LayerObserver& observer) const {
        SynthesisPass result;
        result.modulation = training ? ops::Modulation::activations : ops::Modulation::weights;
        result.observer = &observer;
        return result;
    }

    [[nodiscard]] at::TensorOptions options() const { return mapping.w_avg.options(); }
};

Eg3dScene Eg3dScene::select(const at::Tensor& indices) const {
    ShapeCheck().expect("indices", indices, "[P]");
    return {planes.index_select(0, indices)};
}

Eg3d::Eg3d(std::unique_ptr<Network> network) : network_(std::move(network)) {}
Eg3d::Eg3d(Eg3d&&) noexcept = default;
Eg3d& Eg3d::operator=(Eg3d&&) noexcept = default;
Eg3d::~Eg3d() = default;

Eg3d Eg3d::load(const StateDict& model, std::string_view network, const at::Device& device) {
    return load(model, eg3d_config(config_json::network_description(model, network)), std::string(network) + ".",
                device);
}

Eg3d Eg3d::load(const StateDict& tensors, const Eg3dConfig& config, const std::string& prefix,
                const at::Device& device) {
    FileSupply supply(tensors, prefix, device);
    return Eg3d(std::make_unique<Network>(config, supply));
}

Eg3d Eg3d::initial(const Eg3dConfig& config, RandomSource& random) {
    InitialSupply supply(random);
    return Eg3d(std::make_unique<Network>(config, supply));
}

const Eg3dConfig& Eg3d::config() const noexcept { return network_->config; }
at::Device Eg3d::device() const { return network_->mapping.w_avg.device(); }

WLatent Eg3d::map(const ZLatent& z, const Cameras& cameras, const Truncation& truncation,
                  const LayerObserver& observer) const {
    const auto& config = network_->config;
    ShapeCheck().bind("Z", config.z_dim).expect("z", z.tensor(), "[N, Z]");
    at::Tensor conditioning;
    if (config.c_dim > 0) {
        batch_of("conditioning cameras", cameras.size(), z.count());
        conditioning = labels(cameras).to(network_->options()).expand({z.count(), -1});
        conditioning = conditioning * (config.conditions_on_camera ? config.camera_scale : 0.0);
    }
    const auto w = network_->mapping(z.tensor(), conditioning, &observer);
    const auto rows = config.num_ws();
    const auto changed =
        truncation.psi == 1.0 ? 0 : std::clamp(truncation.cutoff.value_or(rows), std::int64_t{0}, rows);
    if (changed == 0) return WLatent::repeated(w, rows);
    const auto near = at::lerp(network_->mapping.w_avg, w, truncation.psi);
    if (changed == rows) return WLatent::repeated(near, rows);
    return WLatent(
        at::cat({near.unsqueeze(1).expand({-1, changed, -1}), w.unsqueeze(1).expand({-1, rows - changed, -1})}, 1));
}

at::Tensor Eg3d::mean_latent() const { return network_->mapping.w_avg; }

LatentStatistics Eg3d::latent_statistics(const Cameras& cameras, std::int64_t count, RandomSource& random) const {
    if (count < 1)
        throw Error(Errc::invalid_argument,
                    "latent statistics: expected a count of at least 1, got " + std::to_string(count));
    if (cameras.size() != 1)
        throw Error(Errc::shape_mismatch, "conditioning cameras: expected 1, got " + std::to_string(cameras.size()));
    const auto z = random.normal({count, network_->config.z_dim}, network_->options());
    const auto w = map(ZLatent(z), cameras).tensor().select(1, 0);
    const auto mean = w.mean(0);
    return {mean, std::sqrt((w - mean).square().sum().item<double>() / static_cast<double>(count))};
}

Eg3d::Scene Eg3d::scene(const WLatent& ws, const BackboneNoise& noise, const LayerObserver& observer) const {
    const auto& config = network_->config;
    ShapeCheck().bind("L", config.num_ws()).bind("D", config.w_dim).expect("ws", ws.tensor(), "[N, L, D]");
    auto pass = network_->pass(observer);
    pass.noise = noise.mode;
    pass.random = noise.random;
    const auto planes = network_->backbone(ws.tensor().to(network_->options()), pass);
    return {planes.view({ws.count(), 3, config.plane_channels, config.plane_resolution, config.plane_resolution})};
}

TriplaneField Eg3d::field(const Scene& scene) const {
    const auto& config = network_->config;
    return TriplaneField({scene.planes, network_->decoder.effective(), config.plane_axes, config.box_side});
}

std::int64_t Eg3d::raw_resolution(const RenderOptions& options) const {
    if (options.raw_resolution < 0)
        throw Error(Errc::invalid_argument,
                    "raw resolution: expected at least 1, got " + std::to_string(options.raw_resolution));
    return options.raw_resolution > 0 ? options.raw_resolution : network_->config.raw_resolution;
}

RayFeatures Eg3d::features(const Scene& scene, const Cameras& cameras, const RenderOptions& options,
                           RandomSource& random, const Context& context) const {
    const auto& config = network_->config;
    batch_of("scenes", scene.planes.size(0), cameras.size());
    const auto rays = ops::rays(cameras.to(network_->options()), raw_resolution(options));
    const auto field = this->field(scene);
    const auto with_background = [&](const auto& sampler, const auto& background) {
        const FusedTriplaneRenderer fused{sampler, MidpointQuadrature{}, background, config.density_noise};
        if (!ops::ReferenceOps::active()) return fused.render(field, rays, random, context);
        const VolumeRenderer reference{sampler, MidpointQuadrature{}, background, config.density_noise};
        return reference.render(field, rays, random, context);
    };
    const auto with_sampler = [&](const auto& first) {
        const ImportanceSampler sampler{first, options.fine_samples.value_or(config.fine_samples)};
        return config.white_background ? with_background(sampler, WhiteBackground{})
                                       : with_background(sampler, BlackBackground{});
    };
    const auto count = options.samples.value_or(config.samples);
    return options.jitter == RenderOptions::Jitter::random ? with_sampler(StratifiedSampler{count, config.range})
                                                           : with_sampler(MidpointSampler{count, config.range});
}

Portrait Eg3d::form(const RayFeatures& seen, const WLatent& ws, const RenderOptions& options,
                    RandomSource& random) const {
    const auto& config = network_->config;
    const auto side = raw_resolution(options);
    ShapeCheck()
        .bind("R", side * side)
        .bind("F", config.feature_channels)
        .bind("L", config.num_ws())
        .bind("D", config.w_dim)
        .expect("features", seen.feature, "[N, R, F]")
        .expect("depth", seen.depth, "[N, R, 1]")
        .expect("weight", seen.weight, "[N, R, 1]")
        .expect("ws", ws.tensor(), "[S, L, D]");
    batch_of("ws", ws.count(), seen.feature.size(0));

    at::Tensor features;
    if (!c10::GradMode::is_enabled() && ops::is_plain(seen.feature)) {
        features = detail::pooled_empty({seen.feature.size(0), seen.feature.size(2), side, side});
        features.flatten(2).copy_(seen.feature.transpose(1, 2)).mul_(2).sub_(1);
    } else {
        features = picture(seen.feature * 2 - 1, side);
    }
    const auto colours = features.narrow(1, 0, config.image_channels);
    auto pass = network_->pass(options.observer);
    pass.noise = config.upsampler.noise;
    pass.random = &random;
    pass.force_float32 = options.force_float32;
    const auto w = ws.tensor().select(1, config.num_ws() - 1).to(network_->options());
    auto [image, changed] = network_->upsampler(features, colours, w, pass);

    Portrait portrait;
    portrait.image = std::move(image);
    portrait.image_raw = options.raw == RenderOptions::Raw::compatible && changed.defined() ? changed : colours;
    portrait.depth = picture(seen.depth, side);
    portrait.weight = picture(seen.weight, side);
    return portrait;
}

Portrait Eg3d::render(const Scene& scene, const WLatent& ws, const Cameras& cameras, const RenderOptions& options,
                      RandomSource& random, const Context& context) const {
    return form(features(scene, cameras, options, random, context), ws, options, random);
}

FieldValues Eg3d::sample(const at::Tensor& points, const ZLatent& z, const Cameras& cameras,
                         const Truncation& truncation, const BackboneNoise& noise) const {
    return sample_mixed(points, map(z, cameras, truncation), noise);
}

FieldValues Eg3d::sample_mixed(const at::Tensor& points, const WLatent& ws, const BackboneNoise& noise) const {
    return field(scene(ws, noise)).query(points);
}

NamedTensors Eg3d::parameters() const { return network_->parameters; }
NamedTensors Eg3d::buffers() const { return network_->buffers; }

NamedTensors Eg3d::noise_buffers() const {
    NamedTensors result;
    for (const auto& buffer : network_->buffers)
        if (buffer.name.starts_with("backbone.") && buffer.name.ends_with(".noise_const")) result.push_back(buffer);
    return result;
}

StateDict Eg3d::state(const std::string& prefix) const {
    return state_of(network_->parameters, network_->buffers, prefix, describe(network_->config));
}

Eg3d Eg3d::clone() const { return clone(device()); }

Eg3d Eg3d::clone(const at::Device& device) const {
    CopySupply supply(network_->parameters, network_->buffers, device);
    auto copy = std::make_unique<Network>(network_->config, supply);
    copy->training = network_->training;
    return Eg3d(std::move(copy));
}

void Eg3d::set_training(bool training) noexcept { network_->training = training; }
bool Eg3d::training() const noexcept { return network_->training; }

}  // namespace cameo
