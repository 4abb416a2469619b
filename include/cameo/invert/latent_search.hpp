// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/generator.hpp>
#include <cameo/concepts/inverter.hpp>
#include <cameo/core/export.hpp>
#include <cameo/invert/inversion.hpp>
#include <cameo/invert/session.hpp>

namespace cameo {

/// Cameras that are looked for together with the latent: turned about the world's origin and moved, from where the target
/// has them.
struct CameraSearch {
    double rotation_rate = 1e-3;     ///< learning rate in radians
    double translation_rate = 5e-4;  ///< in world units
    double warm_up = 0.4;            ///< share of the steps before cameras begin to move: the head comes first
    friend bool operator==(const CameraSearch&, const CameraSearch&) = default;
};

/// How latents are looked for. The defaults are the published ones for EG3D.
/// Source   Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020, appendix D
struct LatentSearch {
    std::vector<LossTerm> terms{};  ///< at least one
    std::int64_t steps = 450;
    double learning_rate = 0.01;
    double ramp_up = 0.05, ramp_down = 0.25;  ///< shares of the steps over which the rate rises from and falls to 0
    std::int64_t patience = 0;                ///< steps without improvement after which it ends; 0: never

    double perturbation = 0.05;        ///< of latents while they are looked for, over the latents' deviation; 0: none
    double perturbation_until = 0.75;  ///< the share of the steps over which it fades
    std::optional<LatentStatistics> statistics{};  ///< computed if left out, for the first of these cameras
    std::optional<Cameras> conditioning{};         ///< if left out, the target's
    std::int64_t statistics_count = 600;
    std::uint32_t statistics_seed = 123;  ///< of NumPy's RandomState

    double distance_weight = 0.0;  ///< of the squared distance from the mean latent, a row, over the deviation's square

    bool optimise_noise = false;  ///< also the pictures of noise in the generator's layers
    double noise_weight = 1e5;    ///< of losses::noise_correlation()

    std::optional<CameraSearch> cameras{};
    RenderOptions render{.jitter = RenderOptions::Jitter::random};
};

namespace detail {

/// A generator without its type: what the stages ask of it. Borrowed.
struct GeneratorCalls {
    std::function<Portrait(const WLatent&, const Cameras&, const RenderOptions&, RandomSource&, const Context&)> draw;
    std::function<WLatent(const ZLatent&, const Cameras&, const Truncation&)> map;
    std::function<LatentStatistics(const Cameras&, std::int64_t, RandomSource&)> statistics;
    std::int64_t num_ws = 0, z_dim = 0;
    NamedTensors parameters, noise;
};

template <InvertibleGenerator G>
[[nodiscard]] GeneratorCalls calls_of(const G& generator) {
    GeneratorCalls calls;
    calls.draw = [&generator](const WLatent& ws, const Cameras& cameras, const RenderOptions& options,
                              RandomSource& random, const Context& context) {
        return generator.render(generator.scene(ws), ws, cameras, options, random, context);
    };
    calls.map = [&generator](const ZLatent& z, const Cameras& cameras, const Truncation& truncation) {
        return generator.map(z, cameras, truncation);
    };
    calls.statistics = [&generator](const Cameras& cameras, std::int64_t count, RandomSource& random) {
        return generator.latent_statistics(cameras, count, random);
    };
    calls.num_ws = generator.num_ws();
    calls.z_dim = generator.z_dim();
    calls.parameters = generator.parameters();
    if constexpr (NoiseGenerator<G>) calls.noise = generator.noise_buffers();
    return calls;
}

enum class LatentSpace : std::uint8_t { w, w_plus };

/// Everything that decides how a search goes, as text; also of what may be wrong with it.
/// Errors   invalid_argument, shape_mismatch
[[nodiscard]] CAMEO_API std::string checked_description(const LatentSearch& search, LatentSpace space,
                                                        const InversionTarget& target);

/// Looks for a latent. With optimise_noise `generator` is a copy, whose noise is changed.
[[nodiscard]] CAMEO_API Inversion search_latent(Session& session, const GeneratorCalls& generator,
                                                const InversionTarget& target, const LatentSearch& search,
                                                LatentSpace space, double budget_share);

/// The weighted terms of a portrait against targets whose features are known.
class CAMEO_API TargetLosses {
  public:
    /// Errors   shape_mismatch
    TargetLosses(const std::vector<LossTerm>& terms, const InversionTarget& target);

    /// Shapes   as the target's
    void append(std::vector<Stage::Value>& values, Portrait portrait, const Cameras& cameras);

  private:
    const std::vector<LossTerm>& terms_;
    const InversionTarget& target_;
    std::vector<losses::PictureLoss::Features> features_;
    at::Tensor raw_;
};

template <InvertibleGenerator G>
[[nodiscard]] Inversion search_whole(const G& generator, const InversionTarget& target, const InversionRun& run,
                                     const LatentSearch& search, LatentSpace space) {
    Session session(run, target, checked_description(search, space, target));
    if (!search.optimise_noise) return search_latent(session, calls_of(generator), target, search, space, 1.0);
    const auto copy = generator.clone();
    return search_latent(session, calls_of(copy), target, search, space, 1.0);
}

}  // namespace detail

/// One w for all layers: stays nearest to what the generator has learned, and matches a picture least.
struct WInverter {
    LatentSearch search{};

    static constexpr std::string_view name() noexcept { return "w"; }

    /// Errors   shape_mismatch, invalid_argument; resume_mismatch, bad_file: the state; cancelled; those of the generator
    template <InvertibleGenerator G>
    [[nodiscard]] Inversion invert(const G& generator, const InversionTarget& target, const InversionRun& run) const {
        return detail::search_whole(generator, target, run, search, detail::LatentSpace::w);
    }
};

/// A w for each layer.
struct WPlusInverter {
    LatentSearch search{};

    static constexpr std::string_view name() noexcept { return "w+"; }

    /// As WInverter::invert().
    template <InvertibleGenerator G>
    [[nodiscard]] Inversion invert(const G& generator, const InversionTarget& target, const InversionRun& run) const {
        return detail::search_whole(generator, target, run, search, detail::LatentSpace::w_plus);
    }
};

namespace detail {
CAMEO_API void copy_named(const NamedTensors& from, const NamedTensors& to);
}

/// A copy of the generator that draws what was found.
/// Errors   model_mismatch: tensors that the generator does not have, or has in another shape
template <InvertibleGenerator G>
[[nodiscard]] G applied(const G& generator, const Inversion& inversion) {
    auto copy = generator.clone();
    detail::copy_named(inversion.tuned, copy.parameters());
    if constexpr (NoiseGenerator<G>) detail::copy_named(inversion.noise, copy.noise_buffers());
    return copy;
}

}  // namespace cameo
