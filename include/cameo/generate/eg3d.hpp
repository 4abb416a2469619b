// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/generator.hpp>
#include <cameo/concepts/renderer.hpp>
#include <cameo/core/cameras.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/fields/triplane.hpp>
#include <cameo/generate/eg3d_config.hpp>
#include <cameo/generate/parameters.hpp>
#include <cameo/generate/portrait.hpp>
#include <cameo/ops/rays.hpp>

namespace cameo {

/// What the backbone makes of ws. Shapes: planes [N, 3, C, H, W]
struct Eg3dScene {
    at::Tensor planes;

    /// Those of the batch that are named. Shapes: indices [P] int64
    [[nodiscard]] CAMEO_API Eg3dScene select(const at::Tensor& indices) const;
};

/// Noise of the backbone's layers.
struct BackboneNoise {
    NoiseMode mode = NoiseMode::constant;
    RandomSource* random = nullptr;  ///< for NoiseMode::random; borrowed for the call
};

/// EG3D: latents to tri-planes, volume rendering at a low resolution, upsampling.
/// Threads  const functions are re-entrant
/// Source   Chan et al., "Efficient Geometry-aware 3D GANs", CVPR 2022
class CAMEO_API Eg3d {
  public:
    using Scene = Eg3dScene;

    /// From a model file: the network of that name, described by the metadata.
    /// Errors   bad_file: no such network; a tensor, by its name, that is missing, left over, of another shape or not
    ///          finite; model_mismatch: another architecture or option; device_unsupported
    [[nodiscard]] static Eg3d load(const StateDict& model, std::string_view network = "G_ema",
                                   const at::Device& device = at::kCPU);

    /// The same with a configuration of the caller's, from tensors whose names begin with `prefix`.
    [[nodiscard]] static Eg3d load(const StateDict& tensors, const Eg3dConfig& config, const std::string& prefix,
                                   const at::Device& device = at::kCPU);

    /// As training begins. Errors: model_mismatch: sizes that do not fit together
    [[nodiscard]] static Eg3d initial(const Eg3dConfig& config, RandomSource& random);

    Eg3d(Eg3d&&) noexcept;
    Eg3d& operator=(Eg3d&&) noexcept;
    ~Eg3d();

    [[nodiscard]] const Eg3dConfig& config() const noexcept;
    [[nodiscard]] at::Device device() const;

    /// Sizes of latents: [N, z_dim] and [N, num_ws, w_dim].
    [[nodiscard]] std::int64_t z_dim() const { return config().z_dim; }
    [[nodiscard]] std::int64_t num_ws() const { return config().num_ws(); }

    /// Shapes   z [N, z_dim]; cameras: N or 1, what the latent is conditioned on; without cameras (c_dim 0) any
    /// Errors   shape_mismatch
    /// Quirk    the conditioning camera need not be the rendering one; programs take a fixed frontal one, since the
    ///          identity drifts with it
    [[nodiscard]] WLatent map(const ZLatent& z, const Cameras& cameras, const Truncation& truncation = {},
                              const LayerObserver& observer = {}) const;

    /// The average over training, which truncation draws to. Shapes: [w_dim]
    [[nodiscard]] at::Tensor mean_latent() const;

    /// Of `count` latents for one camera. Errors: invalid_argument: a count below 1; shape_mismatch: not one camera
    [[nodiscard]] LatentStatistics latent_statistics(const Cameras& cameras, std::int64_t count,
                                                     RandomSource& random) const;

    /// Shapes   ws [N, config().num_ws(), w_dim]. Differentiable in ws and the backbone's weights
    /// Errors   shape_mismatch; invalid_argument: random noise without a source
    [[nodiscard]] Scene scene(const WLatent& ws, const BackboneNoise& noise = {},
                              const LayerObserver& observer = {}) const;

    /// One picture per camera.
    /// Shapes   scene and ws: N or 1 of them; cameras N. Differentiable in all of them and the weights
    /// Errors   shape_mismatch; out_of_memory: the budget has no room for one ray; cancelled
    /// Quirk    depth is limited to the range of the whole batch, so a view depends on its companions
    [[nodiscard]] Portrait render(const Scene& scene, const WLatent& ws, const Cameras& cameras,
                                  const RenderOptions& options, RandomSource& random, const Context& context) const;

    /// The same with a renderer of the caller's, which decides on samples and background.
    template <RendererFor<TriplaneField> R>
    [[nodiscard]] Portrait render_with(const R& renderer, const Scene& scene, const WLatent& ws, const Cameras& cameras,
                                       const RenderOptions& options, RandomSource& random,
                                       const Context& context) const {
        const auto rays = ops::rays(cameras, raw_resolution(options));
        return form(renderer.render(field(scene), rays, random, context), ws, options, random);
    }

    // The stages of render().

    [[nodiscard]] TriplaneField field(const Scene& scene) const;
    [[nodiscard]] std::int64_t raw_resolution(const RenderOptions& options) const;

    /// What the reference renderer sees. Shapes: R = raw_resolution^2 rays, row by row. Units: features from 0 to 1
    [[nodiscard]] RayFeatures features(const Scene& scene, const Cameras& cameras, const RenderOptions& options,
                                       RandomSource& random, const Context& context) const;

    /// The picture of what a renderer has seen.
    /// Errors   shape_mismatch: not raw_resolution^2 rays; invalid_argument: a resolution that the upsampler refuses
    [[nodiscard]] Portrait form(const RayFeatures& seen, const WLatent& ws, const RenderOptions& options,
                                RandomSource& random) const;

    /// The field of latents at points [N, P, 3], conditioned and truncated as in map(); sample_mixed() from ws.
    [[nodiscard]] FieldValues sample(const at::Tensor& points, const ZLatent& z, const Cameras& cameras,
                                     const Truncation& truncation = {}, const BackboneNoise& noise = {}) const;
    [[nodiscard]] FieldValues sample_mixed(const at::Tensor& points, const WLatent& ws,
                                           const BackboneNoise& noise = {}) const;

    /// What training changes; what else belongs to the model; the backbone's pictures of noise among that.
    [[nodiscard]] NamedTensors parameters() const;
    [[nodiscard]] NamedTensors buffers() const;
    [[nodiscard]] NamedTensors noise_buffers() const;

    /// All tensors and the configuration, as a model file holds them. Errors: those of stored()
    [[nodiscard]] StateDict state(const std::string& prefix = "G_ema.") const;

    /// A copy that shares no memory, here or on another device. Errors: device_unsupported
    [[nodiscard]] Eg3d clone() const;
    [[nodiscard]] Eg3d clone(const at::Device& device) const;

    /// Training mode scales activations instead of weights; the numbers differ by rounding alone. Off when loaded.
    void set_training(bool training) noexcept;
    [[nodiscard]] bool training() const noexcept;

  private:
    struct Network;
    explicit Eg3d(std::unique_ptr<Network> network);

    std::unique_ptr<Network> network_;
};
static_assert(NoiseGenerator<Eg3d> && InvertibleGenerator<Eg3d>);
static_assert(!Generator<TriplaneField>);

}  // namespace cameo
