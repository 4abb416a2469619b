// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cameo/concepts/objective.hpp>
#include <cameo/concepts/trainable_generator.hpp>
#include <cameo/core/cameras.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/losses/field.hpp>
#include <cameo/losses/portrait.hpp>
#include <cameo/train/phase.hpp>
#include <cameo/train/shard.hpp>
#include <cameo/train/snapshot.hpp>

namespace cameo {

/// Scenes whose latents are known, each with points of its field, some of them also with a picture.
/// Shapes   z [N, Z], labels [N, 25]; points and colour [N, M, 3], distance and known [N, M, 1]; pictured [P] int64: which
///          of the N have a picture; truth, as documented, of these
/// Units    distance: world units, signed, negative inside; colour in [0, 1]; known: 1 where the colour is, else 0
struct PairedBatch {
    at::Tensor z, labels;
    at::Tensor points, distance, colour, known;
    at::Tensor pictured;
    losses::PortraitTruth truth;

    [[nodiscard]] CAMEO_API PairedBatch to(const at::Device& device) const;
};

struct PairedOptions {
    AdamOptions adam{.learning_rate = 0.002, .beta1 = 0.9, .beta2 = 0.99};
    losses::SurfaceDensity surface{};
    double density = 1.0, colour = 1.0;  ///< weights of the losses, as those below
    double image = 1.0, image_raw = 0.5, depth = 0.5, mask = 0.5;
};

/// Multiplies an EG3D model's raw densities, before the first step: by the surface's scale where weights are random, by
/// the ratio of the scales where they come from a softer surface. Else the first thousand steps went into nothing but the
/// growth of the decoder's one row of weights.
/// Errors   model_mismatch: no such row
CAMEO_API void scale_density(Eg3d& model, double factor);

namespace detail {
[[nodiscard]] CAMEO_API RunOptions options_of(const PairedOptions& options);

/// How many known colours and pictures a process has, over the mean of all processes; undefined where there is one alone.
struct PairedShares {
    at::Tensor colour, picture;
    bool pictured_elsewhere = false;  ///< others have pictures, this process has none
};
[[nodiscard]] CAMEO_API PairedShares shares_of(const PairedBatch& batch, const Shard& shard);
[[nodiscard]] CAMEO_API ItemRandom of_pictures(const PairedBatch& batch, const Shard& shard, RandomSource& random);
}  // namespace detail

/// A generator learns scenes whose latents are known: the field where it is looked at directly, and the pictures.
/// Random numbers belong to items, so that a picture's do not depend on which others a process has.
/// Source   the truth reaches into the field, so nothing has to be inferred through the renderer
template <TrainableGenerator G>
class PairedObjective {
  public:
    using Batch = PairedBatch;
    using Network = G;

    PairedObjective(G generator, const PairedOptions& options) : generator_(std::move(generator)), options_(options) {
        generator_.set_training(true);
    }

    static constexpr std::string_view name() noexcept { return "paired"; }

    [[nodiscard]] std::vector<ParameterGroup> groups() const { return {{"G", generator_.parameters(), options_.adam}}; }
    [[nodiscard]] std::vector<TrainPhase> phases() const { return {{"paired"}}; }
    [[nodiscard]] NamedTensors buffers() const {
        NamedTensors result = generator_.buffers();
        for (auto& each : result) each.name.insert(0, "G.");
        return result;
    }
    [[nodiscard]] const G& network() const noexcept { return generator_; }
    [[nodiscard]] RunOptions options() const {
        auto result = detail::options_of(options_);
        result.merge(model_options("G", describe(generator_.config())));
        return result;
    }

    void begin(const PairedBatch& batch, const TrainState&, const Shard& shard, RandomSource& random) {
        batch_ = batch.to(generator_.device());
        jitter_ = detail::of_pictures(batch, shard, random);
        shares_ = detail::shares_of(batch_, shard);
    }

    void backward(std::size_t, const TrainState&, RandomSource&, const ReportSink& report) {
        const auto ws = generator_.map(ZLatent(batch_.z), cameras_from_labels(batch_.labels));
        const auto scene = generator_.scene(ws, {NoiseMode::none});
        const auto values = generator_.field(scene).query(batch_.points);
        at::Tensor total;
        // Losses are means over what this process has; with their shares the mean over processes is that over all.
        const auto add = [&](const char* name, double weight, const at::Tensor& loss, const at::Tensor& share = {}) {
            const auto shared = share.defined() ? loss.mul(share) : loss;
            if (report) report(name, shared);
            if (weight == 0.0) return;
            total = total.defined() ? total.add(shared, weight) : shared.mul(weight);
        };
        add("Loss/density", options_.density,
            losses::surface_density(values.density, batch_.distance, options_.surface));
        add("Loss/colour", options_.colour, losses::point_colour(values.feature, batch_.colour, batch_.known),
            shares_.colour);
        if (batch_.pictured.numel() > 0) {
            const auto of_pictured = [&](const at::Tensor& all) { return all.index_select(0, batch_.pictured); };
            const auto portrait = generator_.render(scene.select(batch_.pictured), WLatent(of_pictured(ws.tensor())),
                                                    cameras_from_labels(of_pictured(batch_.labels)),
                                                    {.jitter = RenderOptions::Jitter::random}, jitter_, Context{});
            const auto pictures = losses::portrait_losses(portrait, batch_.truth);
            add("Loss/image", options_.image, pictures.image, shares_.picture);
            add("Loss/image_raw", options_.image_raw, pictures.image_raw, shares_.picture);
            add("Loss/depth", options_.depth, pictures.depth, shares_.picture);
            add("Loss/mask", options_.mask, pictures.mask, shares_.picture);
        } else if (report && shares_.pictured_elsewhere) {
            for (const auto* name : {"Loss/image", "Loss/image_raw", "Loss/depth", "Loss/mask"})
                report(name, shares_.picture);  // 0, of which the mean over processes is made
        }
        if (total.defined()) total.backward();
    }

  private:
    G generator_;
    PairedOptions options_;
    PairedBatch batch_;
    ItemRandom jitter_;
    detail::PairedShares shares_;
};
static_assert(Objective<PairedObjective<Eg3d>>);
static_assert(!Objective<Eg3d>);

/// How well a generator draws a batch's pictures, without jitter or noise.
/// Errors   invalid_argument: a batch without pictures
template <TrainableGenerator G>
[[nodiscard]] losses::PortraitScores paired_scores(const G& generator, const PairedBatch& batch, RandomSource& random) {
    if (batch.pictured.numel() == 0)
        throw Error(Errc::invalid_argument, "paired scores: expected a batch with pictures, got none");
    const c10::AutoGradMode no_gradients(false);
    const auto here = batch.to(generator.device());
    const auto cameras = cameras_from_labels(here.labels.index_select(0, here.pictured));
    const auto ws = generator.map(ZLatent(here.z.index_select(0, here.pictured)), cameras);
    const auto scene = generator.scene(ws, {NoiseMode::none});
    return losses::portrait_scores(generator.render(scene, ws, cameras, {}, random, Context{}), here.truth);
}

}  // namespace cameo
