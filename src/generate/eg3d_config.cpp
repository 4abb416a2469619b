// SPDX-License-Identifier: Apache-2.0
#include <cameo/generate/eg3d_config.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <utility>

#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>

#include "generate/config_json.hpp"

namespace cameo {
namespace {

using config_json::member;
using config_json::Options;
using config_json::refuse;
using nlohmann::json;

constexpr std::string_view generator_class = "TriPlaneGenerator";

void read_arguments(const json& init, Eg3dConfig& config, std::int64_t& upsampler_half) {
    const Options outer(init, "init", {"args", "kwargs"});
    if (const auto& positional = member(init, "args"); !positional.empty())
        refuse("init.args", "named arguments only", positional.dump());
    const auto& given = member(init, "kwargs");
    const Options options(
        given, "init.kwargs",
        {"z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "mapping_kwargs", "channel_base", "channel_max",
         "fused_modconv_default", "num_fp16_res", "conv_clamp", "sr_num_fp16_res", "sr_kwargs", "rendering_kwargs"});
    options.read("z_dim", config.z_dim);
    options.read("c_dim", config.c_dim);
    options.read("w_dim", config.w_dim);
    options.read("img_resolution", config.image_resolution);
    options.read("img_channels", config.image_channels);
    options.read("channel_base", config.channel_base);
    options.read("channel_max", config.channel_max);
    options.read("num_fp16_res", config.half_blocks);
    options.read("conv_clamp", config.backbone_clamp);
    options.read("sr_num_fp16_res", upsampler_half);

    const Options mapping(
        member(given, "mapping_kwargs"), "init.kwargs.mapping_kwargs",
        {"num_layers", "lr_multiplier", "activation", "embed_features", "layer_features", "w_avg_beta"});
    mapping.read("num_layers", config.mapping_layers);
    mapping.read("lr_multiplier", config.mapping_lr_multiplier);
    mapping.must_be("activation", "lrelu");
    for (const auto* key : {"embed_features", "layer_features"})
        if (mapping.has(key)) mapping.must_be(key, config.w_dim);
    // The published upsamplers take these and use none of them.
    const Options upsampler(member(given, "sr_kwargs"), "init.kwargs.sr_kwargs",
                            {"channel_base", "channel_max", "fused_modconv_default"});
}

void read_rendering(const json& given, Eg3dConfig& config) {
    const Options options(given, "rendering",
                          {"depth_resolution",
                           "depth_resolution_importance",
                           "ray_start",
                           "ray_end",
                           "box_warp",
                           "white_back",
                           "avg_camera_radius",
                           "avg_camera_pivot",
                           "image_resolution",
                           "disparity_space_sampling",
                           "clamp_mode",
                           "superresolution_module",
                           "c_gen_conditioning_zero",
                           "gpc_reg_prob",
                           "c_scale",
                           "superresolution_noise_mode",
                           "density_reg",
                           "density_reg_p_dist",
                           "reg_type",
                           "decoder_lr_mul",
                           "sr_antialias",
                           "density_noise",
                           "depth_resolution_default",
                           "depth_resolution_importance_default"});
    options.read("depth_resolution", config.samples);
    options.read("depth_resolution_importance", config.fine_samples);
    options.read("box_warp", config.box_side);
    options.read("white_back", config.white_background);
    options.read("avg_camera_radius", config.camera_radius);
    options.read("avg_camera_pivot", config.camera_pivot);
    options.must_be("clamp_mode", "softplus");
    options.read("density_noise", config.density_noise);
    options.read("decoder_lr_mul", config.decoder_lr_multiplier);

    const auto is_auto = [&](const char* key) { return given.contains(key) && given.at(key) == "auto"; };
    if (is_auto("ray_start") != is_auto("ray_end"))
        refuse("rendering", "both or none of ray_start and ray_end 'auto'", given.dump());
    FixedRange fixed;
    options.read("disparity_space_sampling", fixed.even_disparity);
    if (is_auto("ray_start")) {
        if (fixed.even_disparity)
            refuse("rendering.disparity_space_sampling", "false with automatic ray limits", "true");
        config.range = BoxRange{config.box_side};
    } else {
        options.read("ray_start", fixed.near);
        options.read("ray_end", fixed.far);
        config.range = fixed;
    }

    bool zero_conditioning = false;
    options.read("c_gen_conditioning_zero", zero_conditioning);
    config.conditions_on_camera = !zero_conditioning;
    config.camera_scale = 0.0;
    options.read("c_scale", config.camera_scale);

    if (options.has("superresolution_module")) {
        std::string module;
        options.read("superresolution_module", module);
        config.upsampler = published_upsampler(std::string_view(module).substr(module.rfind('.') + 1));
    }
    bool antialias = config.upsampler.antialias;
    options.read("sr_antialias", antialias);
    if (config.upsampler.name != "SuperresolutionHybridDeepfp32") config.upsampler.antialias = antialias;
    std::string noise = "none";
    options.read("superresolution_noise_mode", noise);
    if (noise != "none" && noise != "const" && noise != "random")
        refuse("rendering.superresolution_noise_mode", "none, const or random", noise);
    config.upsampler.noise = noise == "none"    ? NoiseMode::none
                             : noise == "const" ? NoiseMode::constant
                                                : NoiseMode::random;

    options.read("gpc_reg_prob", config.pose_swap_probability);
    options.read("density_reg", config.density_regularization);
    options.read("density_reg_p_dist", config.density_regularization_distance);
    options.read("reg_type", config.regularization_type);
}

PlaneAxes plane_axes(const json& given) {
    const auto wrong = [&] { refuse("plane_axes", "3 x 3 x 3 numbers", given.dump()); };
    PlaneAxes axes{};
    if (!given.is_array() || given.size() != 3) wrong();
    for (std::size_t plane = 0; plane < 3; ++plane) {
        if (!given[plane].is_array() || given[plane].size() != 3) wrong();
        for (std::size_t row = 0; row < 3; ++row) {
            if (!given[plane][row].is_array() || given[plane][row].size() != 3) wrong();
            for (std::size_t column = 0; column < 3; ++column) {
                if (!given[plane][row][column].is_number()) wrong();
                axes[plane][3 * row + column] = given[plane][row][column].get<double>();
            }
        }
    }
    return axes;
}

// What layers say of themselves must be what the configuration derives.
void check_layers(const json& layers, Eg3dConfig& config) {
    for (const auto& [path, layer] : layers.items()) {
        if (!layer.is_object()) throw Error(Errc::bad_file, "layers." + path + ": expected an object");
        const auto must_be = [&, name = path](const char* key, const json& expected) {
            const auto found = layer.find(key);
            if (found != layer.end() && *found != expected)
                refuse("layers." + name + "." + key, expected.dump(), found->dump());
        };
        must_be("architecture", "skip");
        must_be("use_noise", true);
        const auto kind = layer.value("class_name", "");
        if (kind == "SynthesisLayer") must_be("activation", "lrelu");
        if (kind != "SynthesisLayer" && kind != "ToRGBLayer") continue;
        if (const auto clamp = layer.find("conv_clamp"); clamp != layer.end()) {
            auto& ours = path.starts_with("superresolution.") ? config.upsampler.clamp : config.backbone_clamp;
            if (!clamp->is_null() && !clamp->is_number())
                refuse("layers." + path + ".conv_clamp", "a number or none", clamp->dump());
            const auto found = clamp->is_null() ? std::nullopt : std::optional(clamp->get<double>());
            // One layer's word counts; all others must agree with it.
            static constexpr std::array first{"backbone.synthesis.b4.conv1", "superresolution.block0.conv0"};
            if (std::ranges::find(first, path) != first.end()) ours = found;
        }
    }
    for (const auto& [path, layer] : layers.items()) {
        const auto clamp = layer.find("conv_clamp");
        if (clamp == layer.end()) continue;
        const auto& ours = path.starts_with("superresolution.") ? config.upsampler.clamp : config.backbone_clamp;
        if (*clamp != (ours ? json(*ours) : json(nullptr)))
            refuse("layers." + path + ".conv_clamp", ours ? json(*ours).dump() : "none", clamp->dump());
    }
}

constexpr std::array noise_names{"const", "random", "none"};

json upsampler_json(const UpsamplerConfig& upsampler) {
    auto blocks = json::array();
    for (const auto& block : upsampler.blocks) blocks.push_back({{"channels", block.channels}, {"up", block.up}});
    return {{"name", upsampler.name},
            {"input_resolution", upsampler.input_resolution},
            {"blocks", std::move(blocks)},
            {"only_enlarges", upsampler.resize == UpsamplerConfig::Resize::when_smaller},
            {"antialias", upsampler.antialias},
            {"half", upsampler.half},
            {"clamp", upsampler.clamp ? json(*upsampler.clamp) : json(nullptr)},
            {"noise", noise_names[static_cast<std::size_t>(upsampler.noise)]},
            {"has_filter", upsampler.has_filter}};
}

UpsamplerConfig upsampler_from(const json& given) {
    const Options options(
        given, "cameo.upsampler",
        {"name", "input_resolution", "blocks", "only_enlarges", "antialias", "half", "clamp", "noise", "has_filter"});
    UpsamplerConfig upsampler;
    options.read("name", upsampler.name);
    options.read("input_resolution", upsampler.input_resolution);
    bool only_enlarges = false;
    options.read("only_enlarges", only_enlarges);
    upsampler.resize = only_enlarges ? UpsamplerConfig::Resize::when_smaller : UpsamplerConfig::Resize::always;
    options.read("antialias", upsampler.antialias);
    options.read("half", upsampler.half);
    options.read("clamp", upsampler.clamp);
    options.read("has_filter", upsampler.has_filter);
    std::string noise = "none";
    options.read("noise", noise);
    const auto found = std::ranges::find(noise_names, noise);
    if (found == noise_names.end()) refuse("cameo.upsampler.noise", "none, const or random", noise);
    upsampler.noise = static_cast<NoiseMode>(found - noise_names.begin());
    const auto& blocks = member(given, "blocks");
    if (!blocks.is_array()) refuse("cameo.upsampler.blocks", "a list", blocks.dump());
    for (const auto& block : blocks) {
        const Options each(block, "cameo.upsampler.blocks", {"channels", "up"});
        each.read("channels", upsampler.blocks.emplace_back().channels);
        each.read("up", upsampler.blocks.back().up);
    }
    return upsampler;
}

// What the published classes have no words for.
void read_own(const json& given, Eg3dConfig& config) {
    const Options options(
        given, "cameo",
        {"normalize_z", "plane_resolution", "plane_channels", "decoder_hidden", "feature_channels", "upsampler"});
    options.read("normalize_z", config.normalize_z);
    options.read("plane_resolution", config.plane_resolution);
    options.read("plane_channels", config.plane_channels);
    options.read("decoder_hidden", config.decoder_hidden);
    options.read("feature_channels", config.feature_channels);
    if (options.has("upsampler")) config.upsampler = upsampler_from(given.at("upsampler"));
}

void require(bool holds, const std::string& subject, const std::string& expected, const std::string& found) {
    if (!holds) refuse(subject, expected, found);
}

bool is_power_of_two(std::int64_t value) { return value > 0 && std::has_single_bit(static_cast<std::uint64_t>(value)); }

}  // namespace

std::int64_t UpsamplerConfig::output_resolution() const {
    auto resolution = input_resolution;
    for (const auto& block : blocks) resolution *= block.up ? 2 : 1;
    return resolution;
}

UpsamplerConfig published_upsampler(std::string_view class_name) {
    using Resize = UpsamplerConfig::Resize;
    UpsamplerConfig config{.name = std::string(class_name), .has_filter = true};
    if (class_name == "SuperresolutionHybrid8XDC") {
        config.blocks = {{256, true}, {128, true}};
        config.has_filter = false;
    } else if (class_name == "SuperresolutionHybrid8X") {
        config.blocks = {{128, true}, {64, true}};
    } else if (class_name == "SuperresolutionHybrid4X" || class_name == "SuperresolutionHybridDeepfp32") {
        config.blocks = {{128, false}, {64, true}};
        config.resize = Resize::when_smaller;
        config.antialias = class_name == "SuperresolutionHybrid4X";
    } else if (class_name == "SuperresolutionHybrid2X") {
        config.input_resolution = 64;
        config.blocks = {{128, false}, {64, true}};
    } else {
        refuse("superresolution_module", "SuperresolutionHybrid8XDC, 8X, 4X, 2X or Deepfp32", std::string(class_name));
    }
    return config;
}

std::int64_t Eg3dConfig::num_ws() const {
    return 2 * (std::bit_width(static_cast<std::uint64_t>(plane_resolution)) - 1) - 2;
}

std::int64_t Eg3dConfig::channels(std::int64_t resolution) const {
    return std::min(channel_base / resolution, channel_max);
}

void check(const Eg3dConfig& config) {
    const auto number = [](auto value) { return std::to_string(value); };
    for (const auto& [name, value] :
         {std::pair{"z_dim", config.z_dim}, std::pair{"w_dim", config.w_dim},
          std::pair{"mapping layers", config.mapping_layers}, std::pair{"channel_max", config.channel_max},
          std::pair{"plane channels", config.plane_channels},
          std::pair{"decoder's hidden layer", config.decoder_hidden},
          std::pair{"raw resolution", config.raw_resolution}, std::pair{"image channels", config.image_channels}})
        require(value >= 1 && value <= 65536, name, "1 to 65536", number(value));
    require(config.c_dim == 0 || config.c_dim == 25, "c_dim", "25, a camera's label, or 0", number(config.c_dim));
    require(is_power_of_two(config.plane_resolution) && config.plane_resolution >= 8 && config.plane_resolution <= 8192,
            "plane resolution", "a power of two, 8 to 8192", number(config.plane_resolution));
    require(config.channel_base >= config.plane_resolution && config.channel_base <= (1 << 24), "channel_base",
            number(config.plane_resolution) + " to 2^24", number(config.channel_base));
    require(config.feature_channels >= config.image_channels && config.feature_channels <= 65536, "feature channels",
            "at least as many as the image has", number(config.feature_channels));
    require(config.samples >= 2 && config.samples <= 65536, "samples a ray", "2 to 65536", number(config.samples));
    require(config.fine_samples >= 0 && config.fine_samples <= 65536, "further samples a ray", "0 to 65536",
            number(config.fine_samples));
    require(config.fine_samples == 0 || config.samples >= 4, "samples a ray", "at least 4, with further ones",
            number(config.samples));
    require(std::isfinite(config.box_side) && config.box_side > 0, "box side", "above 0", number(config.box_side));
    require(config.half_blocks >= 0, "half-precision blocks", "at least 0", number(config.half_blocks));
    const auto& upsampler = config.upsampler;
    require(!upsampler.blocks.empty() && upsampler.blocks.size() <= 8, "upsampler", "1 to 8 blocks",
            number(upsampler.blocks.size()));
    require(upsampler.input_resolution >= 4 && upsampler.input_resolution <= 8192, "upsampler's input resolution",
            "4 to 8192", number(upsampler.input_resolution));
    for (const auto& block : upsampler.blocks)
        require(block.channels >= 1 && block.channels <= 65536, "upsampler's channels", "1 to 65536",
                number(block.channels));
    require(upsampler.output_resolution() == config.image_resolution, "image resolution",
            number(upsampler.output_resolution()) + ", which the upsampler makes", number(config.image_resolution));
}

Eg3dConfig eg3d_config(std::string_view description) {
    const auto given = json::parse(description, nullptr, false);
    if (given.is_discarded() || !given.is_object())
        throw Error(Errc::bad_file, "description of the network: expected a JSON object, got something else");
    const Options outer(given, "network",
                        {"class_name", "init", "attributes", "rendering", "plane_axes", "layers", "cameo"});
    std::string class_name(generator_class);
    outer.read("class_name", class_name);
    if (class_name != generator_class) refuse("class_name", std::string(generator_class), class_name);

    Eg3dConfig config;
    config.raw_resolution = 64;  // of the published class, for files that lost it
    config.mapping_layers = 8;
    config.half_blocks = 4;
    config.backbone_clamp = 256.0;
    std::int64_t upsampler_half = 0;
    read_arguments(member(given, "init"), config, upsampler_half);
    const auto& own_rendering = member(given, "rendering");
    read_rendering(
        own_rendering.empty() ? member(member(member(given, "init"), "kwargs"), "rendering_kwargs") : own_rendering,
        config);
    if (upsampler_half > 0) {
        config.upsampler.half = true;
        config.upsampler.clamp = 256.0;
    }

    const Options attributes(
        member(given, "attributes"), "attributes",
        {"z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "neural_rendering_resolution"});
    attributes.must_be("z_dim", config.z_dim);
    attributes.must_be("c_dim", config.c_dim);
    attributes.must_be("w_dim", config.w_dim);
    attributes.must_be("img_resolution", config.image_resolution);
    attributes.must_be("img_channels", config.image_channels);
    attributes.read("neural_rendering_resolution", config.raw_resolution);
    if (outer.has("plane_axes")) config.plane_axes = plane_axes(given.at("plane_axes"));
    read_own(member(given, "cameo"), config);
    check_layers(member(given, "layers"), config);
    check(config);
    return config;
}

std::string describe(const Eg3dConfig& config) {
    json rendering{{"depth_resolution", config.samples},
                   {"depth_resolution_importance", config.fine_samples},
                   {"box_warp", config.box_side},
                   {"white_back", config.white_background},
                   {"density_noise", config.density_noise},
                   {"clamp_mode", "softplus"},
                   {"image_resolution", config.image_resolution},
                   {"c_gen_conditioning_zero", !config.conditions_on_camera},
                   {"c_scale", config.camera_scale},
                   {"decoder_lr_mul", config.decoder_lr_multiplier},
                   {"avg_camera_radius", config.camera_radius},
                   {"avg_camera_pivot", config.camera_pivot},
                   {"superresolution_noise_mode", noise_names[static_cast<std::size_t>(config.upsampler.noise)]}};
    if (const auto* fixed = std::get_if<FixedRange>(&config.range)) {
        rendering["ray_start"] = fixed->near;
        rendering["ray_end"] = fixed->far;
        rendering["disparity_space_sampling"] = fixed->even_disparity;
    } else {
        rendering["ray_start"] = rendering["ray_end"] = "auto";
    }
    const auto put = [&](const char* key, const std::optional<double>& value) {
        if (value) rendering[key] = *value;
    };
    put("gpc_reg_prob", config.pose_swap_probability);
    put("density_reg", config.density_regularization);
    put("density_reg_p_dist", config.density_regularization_distance);
    if (!config.regularization_type.empty()) rendering["reg_type"] = config.regularization_type;

    auto axes = json::array();
    for (const auto& m : config.plane_axes)
        axes.push_back({{m[0], m[1], m[2]}, {m[3], m[4], m[5]}, {m[6], m[7], m[8]}});
    const json clamp = config.backbone_clamp ? json(*config.backbone_clamp) : json(nullptr);
    const json arguments{
        {"z_dim", config.z_dim},
        {"c_dim", config.c_dim},
        {"w_dim", config.w_dim},
        {"img_resolution", config.image_resolution},
        {"img_channels", config.image_channels},
        {"mapping_kwargs", {{"num_layers", config.mapping_layers}, {"lr_multiplier", config.mapping_lr_multiplier}}},
        {"channel_base", config.channel_base},
        {"channel_max", config.channel_max},
        {"num_fp16_res", config.half_blocks},
        {"conv_clamp", clamp}};
    return json{{"class_name", generator_class},
                {"init", {{"args", json::array()}, {"kwargs", arguments}}},
                {"attributes", {{"neural_rendering_resolution", config.raw_resolution}}},
                {"rendering", std::move(rendering)},
                {"plane_axes", std::move(axes)},
                {"cameo",
                 {{"normalize_z", config.normalize_z},
                  {"plane_resolution", config.plane_resolution},
                  {"plane_channels", config.plane_channels},
                  {"decoder_hidden", config.decoder_hidden},
                  {"feature_channels", config.feature_channels},
                  {"upsampler", upsampler_json(config.upsampler)}}}}
        .dump();
}

}  // namespace cameo
