// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>
#include <cameo/ops/depth_sampling.hpp>
#include <cameo/ops/plane_sampling.hpp>

namespace cameo {

/// What is added to activations of the synthesis layers.
enum class NoiseMode : std::uint8_t {
    constant,  ///< the pictures of noise that belong to the model
    random,    ///< new numbers each time
    none,
};

/// The network that turns the rendered features into the image: blocks of two convolutions and a colour layer each.
struct UpsamplerConfig {
    struct Block {
        std::int64_t channels = 0;
        bool up = true;  ///< doubles the resolution; otherwise keeps it
        friend bool operator==(const Block&, const Block&) = default;
    };
    enum class Resize : std::uint8_t {
        always,       ///< whatever has another resolution than the input's is resized to it
        when_smaller  ///< only what is smaller; larger is an error
    };

    std::string name;  ///< the published class, or one's own name
    std::int64_t input_resolution = 128;
    std::vector<Block> blocks{};
    Resize resize = Resize::always;
    bool antialias = true;
    bool half = false;                  ///< float16 on a GPU
    std::optional<double> clamp{};      ///< of activations, after gains
    NoiseMode noise = NoiseMode::none;  ///< overrides what the caller asks for
    bool has_filter = false;            ///< owns a filter of its own that nothing uses

    [[nodiscard]] CAMEO_API std::int64_t output_resolution() const;
    friend bool operator==(const UpsamplerConfig&, const UpsamplerConfig&) = default;
};

/// SuperresolutionHybrid8XDC, 8X, 4X, 2X or Deepfp32 as published, by the class's name without its module.
/// Errors   model_mismatch: another name
[[nodiscard]] CAMEO_API UpsamplerConfig published_upsampler(std::string_view class_name);

/// Everything that decides what an EG3D generator computes, besides its tensors. The defaults are FFHQ 512-128's; sizes
/// are free.
struct Eg3dConfig {
    // Mapping
    std::int64_t z_dim = 512, c_dim = 25, w_dim = 512;
    std::int64_t mapping_layers = 2;
    double mapping_lr_multiplier = 0.01;
    bool normalize_z = true;           ///< latents are scaled to unit mean square first; published models do
    bool conditions_on_camera = true;  ///< false: the camera's label is replaced by zeros
    double camera_scale = 1.0;         ///< of the camera's label

    // Backbone. Units: channels at resolution r are min(channel_base / r, channel_max)
    std::int64_t channel_base = 32768, channel_max = 512;
    std::int64_t plane_resolution = 256, plane_channels = 32;
    std::int64_t half_blocks = 0;  ///< that many of the last blocks work in float16 on a GPU
    std::optional<double> backbone_clamp{};

    // Field
    PlaneAxes plane_axes = official_plane_axes;
    double box_side = 1.0;
    std::int64_t decoder_hidden = 64, feature_channels = 32;
    double decoder_lr_multiplier = 1.0;

    // Rendering
    std::int64_t raw_resolution = 128;
    std::int64_t samples = 48, fine_samples = 48;
    DepthRange range = FixedRange{};
    bool white_background = false;
    double density_noise = 0.0;

    // Image
    std::int64_t image_resolution = 512, image_channels = 3;
    UpsamplerConfig upsampler = published_upsampler("SuperresolutionHybrid8XDC");

    // What cameras and training want to know
    double camera_radius = 2.7;
    Vector3 camera_pivot{};
    std::optional<double> pose_swap_probability{};
    std::optional<double> density_regularization{}, density_regularization_distance{};
    std::string regularization_type;

    /// Rows of ws: two for every resolution from 4 to plane_resolution.
    [[nodiscard]] CAMEO_API std::int64_t num_ws() const;
    [[nodiscard]] CAMEO_API std::int64_t channels(std::int64_t resolution) const;

    friend bool operator==(const Eg3dConfig&, const Eg3dConfig&) = default;
};

/// Sizes that fit together. Errors: model_mismatch, naming what does not
CAMEO_API void check(const Eg3dConfig& config);

/// From an entry of "networks" in a model file's metadata (docs/model-file.md), as JSON text. What a bare state dict
/// has lost (no "plane_axes") has its published value.
/// Errors   bad_file: not such JSON; model_mismatch: another class of network, an option that is unknown or of which
///          cameo implements another value only, naming it
/// Quirk    a missing "c_scale" is 0, as in the published code
[[nodiscard]] CAMEO_API Eg3dConfig eg3d_config(std::string_view description);

/// The other way round; what the published classes cannot say stands under the key "cameo".
/// eg3d_config(describe(config)) == config.
[[nodiscard]] CAMEO_API std::string describe(const Eg3dConfig& config);

}  // namespace cameo
