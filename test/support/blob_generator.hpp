// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include <ATen/ATen.h>

#include <cameo/concepts/generator.hpp>
#include <cameo/core/counter_random.hpp>

namespace cameo::support {

/// The smallest generator that can be turned: two soft blobs in space. The first row of ws says where they are, the second
/// which colours they have; both pass through a matrix, which can be tuned. All of it in closed form.
class BlobGenerator {
  public:
    struct Scene {
        at::Tensor places, colours;  // [N, 2, 3]
    };

    static constexpr std::int64_t side = 24, dimensions = 6;

    BlobGenerator() {
        StreamSource<CounterRandom> random{CounterRandom(11)};
        const auto near_identity = [&] {
            return at::eye(dimensions) + 0.1 * random.normal({dimensions, dimensions}, at::kFloat);
        };
        places_ = near_identity();
        colours_ = near_identity();
        mean_ = 0.1 * random.normal({dimensions}, at::kFloat);
    }

    [[nodiscard]] std::int64_t z_dim() const { return dimensions; }
    [[nodiscard]] std::int64_t num_ws() const { return 2; }

    [[nodiscard]] WLatent map(const ZLatent& z, const Cameras&, const Truncation& truncation) const {
        const auto w = mean_ + 0.5 * z.tensor();
        const auto near = mean_ + truncation.psi * (w - mean_);
        const auto cut = truncation.cutoff.value_or(2);
        return WLatent(at::stack({cut > 0 ? near : w, cut > 1 ? near : w}, 1));
    }
    [[nodiscard]] at::Tensor mean_latent() const { return mean_; }
    [[nodiscard]] LatentStatistics latent_statistics(const Cameras&, std::int64_t, RandomSource&) const {
        return {mean_, 0.5 * std::sqrt(static_cast<double>(dimensions))};
    }
    [[nodiscard]] Scene scene(const WLatent& ws) const {
        const auto row = [&](std::int64_t i, const at::Tensor& matrix) {
            return at::matmul(ws.tensor().select(1, i), matrix.t()).view({-1, 2, 3});
        };
        return {row(0, places_) * 0.2, row(1, colours_)};
    }
    [[nodiscard]] Portrait render(const Scene& scene, const WLatent&, const Cameras& cameras, const RenderOptions&,
                                  RandomSource&, const Context&) const {
        const auto turn = cameras.world_from_camera.narrow(1, 0, 3).narrow(2, 0, 3);
        const auto eye = cameras.world_from_camera.narrow(1, 0, 3).narrow(2, 3, 1);
        const auto seen = at::matmul(turn.transpose(1, 2), scene.places.transpose(1, 2) - eye);          // [N, 3, 2]
        const auto image = at::matmul(cameras.intrinsics, seen / seen.narrow(1, 2, 1)).narrow(1, 0, 2);  // [N, 2, 2]
        const auto centre = (at::arange(side, places_.options()) + 0.5) / side;
        const auto u = centre.view({1, 1, 1, side}) - image.select(1, 0).unsqueeze(2).unsqueeze(3);
        const auto v = centre.view({1, 1, side, 1}) - image.select(1, 1).unsqueeze(2).unsqueeze(3);
        const auto light = at::exp(-(u.square() + v.square()) / 0.02);  // [N, 2, S, S]
        Portrait portrait;
        portrait.image = at::einsum("nkc,nkhw->nchw", {scene.colours.expand({light.size(0), -1, -1}), light});
        portrait.image_raw = at::avg_pool2d(portrait.image, 2);
        portrait.weight = at::avg_pool2d(light.sum(1, true), 2).clamp(0, 1);
        portrait.depth = at::ones_like(portrait.weight);
        return portrait;
    }

    [[nodiscard]] NamedTensors parameters() const { return {{"places.weight", places_}, {"colours.weight", colours_}}; }
    [[nodiscard]] BlobGenerator clone() const {
        auto copy = *this;
        copy.places_ = places_.detach().clone();
        copy.colours_ = colours_.detach().clone();
        return copy;
    }
    void set_training(bool) {}

  private:
    at::Tensor places_, colours_, mean_;
};
static_assert(InvertibleGenerator<BlobGenerator> && !NoiseGenerator<BlobGenerator>);

}  // namespace cameo::support
