// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/objective.hpp>
#include <cameo/concepts/trainable_generator.hpp>
#include <cameo/core/cameras.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/generate/discriminator.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/losses/adversarial.hpp>
#include <cameo/train/augmentation.hpp>
#include <cameo/train/phase.hpp>
#include <cameo/train/schedule.hpp>
#include <cameo/train/shard.hpp>
#include <cameo/train/snapshot.hpp>

namespace cameo {

/// Real pictures, and the cameras of the pictures to be generated.
/// Shapes   image [N, 3, S, S], labels [N, 25], generated_labels [4 N, 25]: N for each of the four phases
/// Units    colours in [-1, 1]
struct AdversarialBatch {
    at::Tensor image, labels, generated_labels;

    [[nodiscard]] CAMEO_API AdversarialBatch to(const at::Device& device) const;
};

/// How the density is kept from changing fast between neighbouring points.
struct DensitySmoothness {
    enum class Kind : std::uint8_t {
        l1,                ///< the density at a point and one nearby
        monotonic_detach,  ///< also: it does not fall towards the back; the point in front is taken as it is
        monotonic_fixed,   ///< also: the same with gradients into both points
    };

    Kind kind = Kind::l1;
    double weight = 0.25;     ///< 0: none
    double distance = 0.004;  ///< deviation of the point nearby, world units; the monotonic kinds take box_side / 256
    friend bool operator==(const DensitySmoothness&, const DensitySmoothness&) = default;
};

/// Changes of what the discriminator sees, real and generated alike, so that it cannot learn few pictures by heart.
struct AugmentationOptions {
    Augmentations kinds{};
    double strength = 0.0;  ///< how probable each change is, at first
    /// The share of real pictures that should be told as real, less that of others: the strength grows while it is
    /// exceeded. Empty: the strength stays.
    std::optional<double> target = 0.6;
    std::int64_t interval = 4;  ///< steps between looks at that share
    double over = 500e3;        ///< images in which the strength can change by 1
    friend bool operator==(const AugmentationOptions&, const AugmentationOptions&) = default;
};

/// Every number of the published training that is not a network's.
struct AdversarialOptions {
    AdamOptions generator{.learning_rate = 0.0025}, discriminator{.learning_rate = 0.002};
    std::int64_t density_interval = 4, penalty_interval = 16;

    double penalty = 1.0;        ///< weight of R1, "gamma"
    bool dual = true;            ///< R1 asks for the raw image's gradient too
    Fade blur{0.0, 0.0, 200e3};  ///< of what the discriminator sees; units: pixels of each picture
    Fade raw_resolution{};       ///< rounded to even halves; from = to = 0: the generator's own
    /// How probable it is that a neighbour's camera conditions the latent; empty: no camera does, zeros stand for it.
    std::optional<Fade> pose_swap{};
    double style_mixing = 0.0;  ///< how probable it is that the rear layers get another latent
    DensitySmoothness density{};
    double mean_decay = 0.998;  ///< of the mean latent
    std::optional<AugmentationOptions> augmentation{};
};

namespace detail {
[[nodiscard]] CAMEO_API RunOptions options_of(const AdversarialOptions& options);
[[nodiscard]] CAMEO_API at::Tensor swapped_labels(const at::Tensor& labels, double probability, bool one_coin,
                                                  RandomSource& random);
[[nodiscard]] CAMEO_API at::Tensor noisy_labels(const at::Tensor& labels, double strength, RandomSource& random);
CAMEO_API void follow_mean(const at::Tensor& mean, const at::Tensor& latents, double decay, const Shard& shard);
[[nodiscard]] CAMEO_API at::Tensor uniform_points(std::int64_t scenes, std::int64_t count, at::TensorOptions options,
                                                  RandomSource& random);
[[nodiscard]] CAMEO_API at::Tensor with_neighbours(const at::Tensor& points, const at::Tensor& offset);
[[nodiscard]] CAMEO_API WLatent mixed(const WLatent& front, const WLatent& rear, std::int64_t first_of_rear);
[[nodiscard]] CAMEO_API at::Tensor real_raw(const at::Tensor& image, std::int64_t side, double sigma);
[[nodiscard]] CAMEO_API std::int64_t rounded_side(double side);
/// Of R1, to a discriminator's trained biases that have none: zeros, so that their moments fade as published. The last
/// bias, which moves all logits alike, stays without.
CAMEO_API void add_zero_gradients(const NamedTensors& parameters);

/// How strong augmentation is, and what decides it: tensors, so that snapshots hold them.
struct CAMEO_API AugmentationState {
    at::Tensor strength, signs;  ///< float64 []; float64 [2]: sum and count of signs since the last look

    explicit AugmentationState(double initial);
    void count(const at::Tensor& logits_of_real, const Shard& shard = {}) const;
    void look(const AugmentationOptions& options, std::int64_t batch) const;
};
}  // namespace detail

/// A generator against a dual discriminator, as published: non-saturating losses, lazy R1, a smooth density.
/// Random numbers are drawn in the published order.
/// Source   Chan et al., "Efficient Geometry-aware 3D GANs", CVPR 2022, sections 4.3, 4.4 and the supplement
/// Quirk    early in the fade of the blur real raw images are blurred and generated ones are not, so that the generator
///          begins with soft ones; the mean latent is that of the discriminator's phase alone; swapped poses are a
///          neighbour's of the same process, the discriminator's groups stay together where a process has at least one
///          group's items, and augmentation that resamples pads by what a process's pictures need (some 1e-8)
template <TrainableGenerator G>
class AdversarialObjective {
  public:
    using Batch = AdversarialBatch;
    using Network = G;

    /// The parts of a step, one phase each. Without smoothness of the density or without penalty that phase is missing.
    enum class Part : std::uint8_t { generator, density, discriminator, penalty };

    AdversarialObjective(G generator, DualDiscriminator discriminator, const AdversarialOptions& options)
        : generator_(std::move(generator)), discriminator_(std::move(discriminator)), options_(options) {
        generator_.set_training(true);
        parts_ = {Part::generator, Part::discriminator};
        if (options_.density.weight != 0.0) parts_.insert(parts_.begin() + 1, Part::density);
        if (options_.penalty != 0.0) parts_.push_back(Part::penalty);
        if (options_.augmentation) augmentation_.emplace(options_.augmentation->strength);
    }

    static constexpr std::string_view name() noexcept { return "adversarial"; }

    [[nodiscard]] std::vector<ParameterGroup> groups() const {
        const auto& o = options_;
        return {{"G", generator_.parameters(),
                 o.density.weight != 0.0 ? o.generator.lazily(o.density_interval) : o.generator},
                {"D", discriminator_.parameters(),
                 o.penalty != 0.0 ? o.discriminator.lazily(o.penalty_interval) : o.discriminator}};
    }
    [[nodiscard]] std::vector<TrainPhase> phases() const {
        std::vector<TrainPhase> result;
        for (const auto part : parts_) switch (part) {
                case Part::generator:
                    result.push_back({"Gmain", 0});
                    break;
                case Part::density:
                    result.push_back({"Greg", 0, options_.density_interval});
                    break;
                case Part::discriminator:
                    result.push_back({"Dmain", 1});
                    break;
                case Part::penalty:
                    result.push_back({"Dreg", 1, options_.penalty_interval});
                    break;
            }
        return result;
    }
    [[nodiscard]] NamedTensors buffers() const {
        NamedTensors result;
        for (const auto& [name, tensor] : generator_.buffers()) result.push_back({"G." + name, tensor});
        for (const auto& [name, tensor] : discriminator_.buffers()) result.push_back({"D." + name, tensor});
        if (augmentation_) {
            result.push_back({"augmentation.strength", augmentation_->strength});
            result.push_back({"augmentation.signs", augmentation_->signs});
        }
        return result;
    }
    [[nodiscard]] const G& network() const noexcept { return generator_; }
    [[nodiscard]] const DualDiscriminator& discriminator() const noexcept { return discriminator_; }
    [[nodiscard]] RunOptions options() const {
        auto result = detail::options_of(options_);
        result.merge(model_options("G", describe(generator_.config())));
        result.merge(model_options("D", describe(discriminator_.config())));
        return result;
    }

    /// The raw image's side after so many images.
    [[nodiscard]] std::int64_t raw_resolution(std::int64_t images) const {
        const auto side = detail::rounded_side(options_.raw_resolution.at(images));
        return side > 0 ? side : generator_.raw_resolution({});
    }

    void begin(const AdversarialBatch& batch, const TrainState& state, const Shard& shard, RandomSource& random) {
        batch_ = batch.to(generator_.device());
        shard_ = shard;
        if (augmentation_ && state.step > 0 && state.step % options_.augmentation->interval == 0)
            augmentation_->look(*options_.augmentation, batch_.image.size(0) * shard.count);
        latents_ = random.normal({batch_.generated_labels.size(0), generator_.config().z_dim}, batch_.image.options());
    }

    void backward(std::size_t phase, const TrainState& state, RandomSource& random, const ReportSink& report) {
        const auto part = parts_.at(phase);
        // Latents and cameras belong to the four parts, whichever of them are phases of this run.
        const auto count = batch_.image.size(0), first = count * static_cast<std::int64_t>(part);
        backward(part, static_cast<double>(phases()[phase].interval), latents_.narrow(0, first, count),
                 batch_.generated_labels.narrow(0, first, count), state, random, report);
    }

    /// One part's gradients, `gain` times: those of `real` pictures or of the pictures of z [N, Z] seen by labels [N, 25].
    void backward(Part part, double gain, const at::Tensor& z, const at::Tensor& labels, const TrainState& state,
                  RandomSource& random, const ReportSink& report) {
        switch (part) {
            case Part::generator:
                return backward_generator(gain, z, labels, state, random, report);
            case Part::density:
                return backward_density(gain, z, labels, state, random, report);
            case Part::discriminator:
                return backward_discriminator(gain, z, labels, state, random, report);
            case Part::penalty:
                return backward_penalty(gain, state, random, report);
        }
    }

    /// What begin() does, with the batch on its device alone.
    void set_batch(AdversarialBatch batch) { batch_ = std::move(batch); }

  private:
    static void tell(const ReportSink& report, std::string_view name, const at::Tensor& values) {
        if (report) report(name, values.detach());
    }

    static void tell_scores(const ReportSink& report, const std::string& of, const at::Tensor& logits) {
        tell(report, "Loss/scores/" + of, logits);
        tell(report, "Loss/signs/" + of, logits.sign());
    }

    static at::Tensor mean_times(const at::Tensor& losses, double gain) { return losses.mean().mul(gain); }

    /// What conditions the latents of pictures seen by `labels`.
    [[nodiscard]] Cameras conditioning(const at::Tensor& labels, const TrainState& state, bool one_coin,
                                       RandomSource& random) const {
        if (!options_.pose_swap) return cameras_from_labels(labels.mul(0.0));
        return cameras_from_labels(
            detail::swapped_labels(labels, options_.pose_swap->at(state.images), one_coin, random));
    }

    [[nodiscard]] Portrait generated(const at::Tensor& z, const at::Tensor& labels, const TrainState& state,
                                     bool moves_mean, RandomSource& random) {
        auto ws = generator_.map(ZLatent(z), conditioning(labels, state, false, random));
        if (moves_mean)
            detail::follow_mean(generator_.mean_latent(), ws.tensor().select(1, 0), options_.mean_decay, shard_);
        if (options_.style_mixing > 0.0) {
            const auto layers = ws.num_ws();
            const auto first = 1 + static_cast<std::int64_t>(random.uniform({}, at::kDouble).template item<double>() *
                                                             static_cast<double>(layers - 1));
            const auto mixes = random.uniform({}).template item<double>() < options_.style_mixing;
            const auto other = random.normal(z.sizes(), z.options());
            if (mixes) ws = detail::mixed(ws, generator_.map(ZLatent(other), cameras_from_labels(labels)), first);
        }
        const auto scene = generator_.scene(ws, {NoiseMode::random, &random});
        return generator_.render(scene, ws, cameras_from_labels(labels),
                                 {.raw_resolution = raw_resolution(state.images),
                                  .jitter = RenderOptions::Jitter::random,
                                  .raw = RenderOptions::Raw::compatible},
                                 random, Context{});
    }

    /// What the discriminator gets to see: blurred, then augmented.
    [[nodiscard]] AugmentedPair shown(const at::Tensor& image, const at::Tensor& raw, const TrainState& state,
                                      RandomSource& random) const {
        const auto soft = losses::blurred(image, options_.blur.at(state.images));
        if (!augmentation_) return {soft, raw};
        const auto values =
            draw_augmentations(options_.augmentation->kinds, image.size(0),
                               augmentation_->strength.template item<double>(), random, image.options());
        return augmented(soft, raw, values);
    }

    [[nodiscard]] AugmentedPair shown_real(const TrainState& state, RandomSource& random) const {
        const auto sigma = options_.blur.at(state.images);
        return shown(batch_.image, detail::real_raw(batch_.image, raw_resolution(state.images), sigma), state, random);
    }

    [[nodiscard]] at::Tensor judged(const at::Tensor& image, const at::Tensor& raw, const at::Tensor& labels,
                                    RandomSource& random) const {
        return discriminator_.logits(image, raw,
                                     detail::noisy_labels(labels, discriminator_.config().camera_noise, random));
    }

    void backward_generator(double gain, const at::Tensor& z, const at::Tensor& labels, const TrainState& state,
                            RandomSource& random, const ReportSink& report) {
        const auto fake = generated(z, labels, state, false, random);
        const auto seen = shown(fake.image, fake.image_raw, state, random);
        const auto logits = judged(seen.image, seen.raw, labels, random);
        const auto loss = losses::should_look_real(logits);
        tell_scores(report, "fake", logits);
        tell(report, "Loss/G/loss", loss);
        mean_times(loss, gain).backward();
    }

    void backward_density(double gain, const at::Tensor& z, const at::Tensor& labels, const TrainState& state,
                          RandomSource& random, const ReportSink& report) {
        using Kind = DensitySmoothness::Kind;
        const auto& smooth = options_.density;
        const auto texel = generator_.config().box_side / 256;
        // The densities at points and at their neighbours, of scenes with latents of their own coin.
        const auto densities = [&](std::int64_t count, const auto& offset_of) {
            const auto ws = generator_.map(ZLatent(z), conditioning(labels, state, true, random));
            const auto points = detail::uniform_points(z.size(0), count, z.options(), random);
            const auto both = detail::with_neighbours(points, offset_of(points));
            // The published code draws directions here, which nothing looks at.
            (void)random.normal(both.sizes(), z.options());
            const auto scene = generator_.scene(ws, {NoiseMode::random, &random});
            const auto density = generator_.field(scene).query(both).density;
            return std::pair(density.narrow(1, 0, count), density.narrow(1, count, count));
        };
        if (smooth.kind != Kind::l1) {
            auto [here, behind] = densities(2000, [&](const at::Tensor& points) {
                auto step = at::Tensor(points.new_zeros({3}));
                step.select(0, 2).fill_(-texel);
                return step;
            });
            if (smooth.kind == Kind::monotonic_detach) here = here.detach();
            const auto loss = here.sub(behind).relu().mean().mul(10.0);
            tell(report, "Loss/G/monotonic", loss);
            loss.mul(gain).backward();
        }
        const auto distance = smooth.kind == Kind::l1 ? smooth.distance : texel;
        const auto [here, nearby] = densities(1000, [&](const at::Tensor& points) {
            return random.normal(points.sizes(), points.options()).mul_(distance);
        });
        const auto loss = here.sub(nearby).abs().mean().mul(smooth.weight);
        tell(report, "Loss/G/density", loss);
        loss.mul(gain).backward();
    }

    void backward_discriminator(double gain, const at::Tensor& z, const at::Tensor& labels, const TrainState& state,
                                RandomSource& random, const ReportSink& report) {
        const auto fake = generated(z, labels, state, true, random);
        const auto seen = shown(fake.image, fake.image_raw, state, random);
        const auto fake_logits = judged(seen.image, seen.raw, labels, random);
        const auto fake_loss = losses::should_look_fake(fake_logits);
        tell_scores(report, "fake", fake_logits);
        mean_times(fake_loss, gain).backward();

        const auto real = shown_real(state, random);
        const auto logits = judged(real.image, real.raw, batch_.labels, random);
        if (augmentation_) augmentation_->count(logits, shard_);
        const auto loss = losses::should_look_real(logits);
        tell_scores(report, "real", logits);
        tell(report, "Loss/D/loss", fake_loss.detach().add(loss.detach()));
        mean_times(loss, gain).backward();
    }

    void backward_penalty(double gain, const TrainState& state, RandomSource& random, const ReportSink& report) {
        // Of the pictures as the discriminator gets them: after blur and augmentation.
        const auto real = shown_real(state, random);
        const auto image = real.image.detach(), raw = real.raw.detach();
        image.requires_grad_(true);
        raw.requires_grad_(true);
        const auto logits = judged(image, raw, batch_.labels, random);
        if (augmentation_) augmentation_->count(logits, shard_);
        auto pictures = std::vector{image};
        if (options_.dual) pictures.push_back(raw);
        const auto penalty = losses::gradient_penalty(logits, pictures);
        const auto loss = penalty.mul(options_.penalty / 2);
        tell_scores(report, "real", logits);
        tell(report, "Loss/r1_penalty", penalty);
        tell(report, "Loss/D/reg", loss);
        mean_times(loss, gain).backward();
        detail::add_zero_gradients(discriminator_.parameters());
    }

    G generator_;
    DualDiscriminator discriminator_;
    AdversarialOptions options_;
    std::vector<Part> parts_;
    std::optional<detail::AugmentationState> augmentation_;
    AdversarialBatch batch_;
    Shard shard_;
    at::Tensor latents_;  // [4 N, Z]: of one step
};
static_assert(Objective<AdversarialObjective<Eg3d>>);

}  // namespace cameo
