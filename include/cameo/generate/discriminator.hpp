// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/generate/layer_observer.hpp>
#include <cameo/generate/parameters.hpp>

namespace cameo {

/// Everything that decides what a dual discriminator computes, besides its tensors.
struct DualDiscriminatorConfig {
    std::int64_t c_dim = 25;  ///< 0: judges pictures without asking for their cameras
    std::int64_t image_resolution = 512, image_channels = 3;
    std::int64_t channel_base = 32768, channel_max = 512;  ///< channels at resolution r: min(channel_base / r, max)
    std::int64_t half_blocks = 4;                          ///< that many of the first blocks work in float16 on a GPU
    std::optional<double> clamp = 256.0;                   ///< of activations
    std::int64_t group_size = 4;                           ///< of the minibatch deviation
    std::int64_t mapping_layers = 8;
    double mapping_lr_multiplier = 0.01;
    std::int64_t frozen_layers = 0;  ///< that many of the first layers are not trained
    double camera_noise = 0.0;       ///< for whoever trains: what to disturb labels by before they come here

    [[nodiscard]] CAMEO_API std::int64_t channels(std::int64_t resolution) const;
    friend bool operator==(const DualDiscriminatorConfig&, const DualDiscriminatorConfig&) = default;
};

/// From an entry of "networks" in a model file's metadata, as JSON text, and back.
/// Errors   bad_file: not such JSON; model_mismatch: another class, an option that is unknown, sizes that do not fit
[[nodiscard]] CAMEO_API DualDiscriminatorConfig dual_discriminator_config(std::string_view description);
[[nodiscard]] CAMEO_API std::string describe(const DualDiscriminatorConfig& config);

/// Judges an image together with the raw image that it was made of, and with the camera that both should show.
/// Threads  const functions are re-entrant
/// Source   Chan et al., "Efficient Geometry-aware 3D GANs", CVPR 2022, section 4.3
class CAMEO_API DualDiscriminator {
  public:
    /// Errors   as Eg3d::load()
    [[nodiscard]] static DualDiscriminator load(const StateDict& model, std::string_view network = "D",
                                                const at::Device& device = at::kCPU);
    [[nodiscard]] static DualDiscriminator load(const StateDict& tensors, const DualDiscriminatorConfig& config,
                                                const std::string& prefix, const at::Device& device = at::kCPU);
    [[nodiscard]] static DualDiscriminator initial(const DualDiscriminatorConfig& config, RandomSource& random);

    DualDiscriminator(DualDiscriminator&&) noexcept;
    DualDiscriminator& operator=(DualDiscriminator&&) noexcept;
    ~DualDiscriminator();

    [[nodiscard]] const DualDiscriminatorConfig& config() const noexcept;

    /// Larger for pictures that look real.
    /// Shapes   image [N, C, S, S], image_raw [N, C, R, R], labels [N, c_dim] (camera labels; undefined with c_dim 0);
    ///          returns [N, 1]. Groups of the minibatch deviation must divide N
    /// Units    colours in [-1, 1]
    /// Errors   shape_mismatch; invalid_argument
    /// Differentiable in everything, twice: R1 differentiates gradients of the pictures
    [[nodiscard]] at::Tensor logits(const at::Tensor& image, const at::Tensor& image_raw, const at::Tensor& labels,
                                    const LayerObserver& observer = {}) const;

    [[nodiscard]] NamedTensors parameters() const;
    [[nodiscard]] NamedTensors buffers() const;
    [[nodiscard]] StateDict state(const std::string& prefix = "D.") const;
    [[nodiscard]] DualDiscriminator clone() const;
    [[nodiscard]] DualDiscriminator clone(const at::Device& device) const;

  private:
    struct Network;
    explicit DualDiscriminator(std::unique_ptr<Network> network);

    std::unique_ptr<Network> network_;
};

}  // namespace cameo
