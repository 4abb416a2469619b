// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cameo/concepts/background.hpp>
#include <cameo/concepts/field.hpp>
#include <cameo/concepts/quadrature.hpp>
#include <cameo/concepts/renderer.hpp>
#include <cameo/concepts/sampler.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/rays.hpp>
#include <cameo/ops/integrate.hpp>

namespace cameo {

namespace detail {

/// How many rays of each camera to work on at a time: a fixed number wherever the context has room for it, since the
/// library below may round the rows of a product, or the end of a vector, differently when their number changes.
/// Errors   out_of_memory: the context's budget has no room for one
[[nodiscard]] CAMEO_API std::int64_t volume_tile(const Context& context, const RayBundle& rays, std::int64_t samples,
                                                 std::int64_t features, std::uint64_t point_bytes);

/// origin + depth direction, [N, R S, 3].
[[nodiscard]] CAMEO_API at::Tensor points_at(const RayBundle& rays, const at::Tensor& depth);

/// What a field gave at points_at(rays, depth), ray by ray; `noise` [N, R, S, 1], if any, is added to the density.
[[nodiscard]] CAMEO_API RaySamples samples_at(const at::Tensor& depth, FieldValues values, const at::Tensor& noise);

/// [N, R, S, 1] normal numbers times `strength`; undefined, and nothing drawn, when that is 0.
[[nodiscard]] CAMEO_API at::Tensor density_noise(const RayBundle& rays, std::int64_t samples, double strength,
                                                 RandomSource& random);

/// Chunks of what was seen, put together; remembers between which depths all samples lie.
class CAMEO_API VolumePieces {
  public:
    void add(RayFeatures piece, const at::Tensor& depth);
    [[nodiscard]] RayFeatures joined() const;
    [[nodiscard]] const at::Tensor& nearest() const noexcept { return nearest_; }
    [[nodiscard]] const at::Tensor& farthest() const noexcept { return farthest_; }

  private:
    std::vector<at::Tensor> feature_, depth_, weight_;
    at::Tensor nearest_, farthest_;
};

}  // namespace detail

/// The reference: samples, field and quadrature as they are, chunk after chunk of rays. Faster renderers of particular
/// fields are held to it.
/// Errors   those of its parts; out_of_memory: the context's budget has no room for one ray of each camera; cancelled
/// Threads  re-entrant
/// Quirk    works on at most 256 rays at a time: contexts that have room for those give the same bits, smaller ones
///          round differently
///          Random numbers are drawn for the whole batch in the published order, before rays are cut: first pass,
///          density noise of it, second pass, density noise of it
template <Sampler S, Quadrature Q, Background B>
struct VolumeRenderer {
    S sampler;
    Q quadrature;
    B background;
    double density_noise = 0.0;  ///< deviation of normal noise on raw densities; 0 but in training

    static constexpr std::string_view name() noexcept { return "volume"; }

    /// Shapes   rays [N, R, 3]; a field for N cameras or for one that all see
    template <Field F>
    [[nodiscard]] RayFeatures render(const F& field, const RayBundle& rays, RandomSource& random,
                                     const Context& context) const {
        check(rays);
        const auto depth = sampler.coarse(rays, random);
        const auto noise = detail::density_noise(rays, sampler.coarse_count(), density_noise, random);
        std::int64_t fine = 0;
        at::Tensor draws, fine_noise;
        if constexpr (RefiningSampler<S>) {
            fine = sampler.fine_count();
            draws = sampler.draws(rays, random);
            fine_noise = detail::density_noise(rays, fine, density_noise, random);
        }

        const auto ask = [&](const RayBundle& some, const at::Tensor& at, const at::Tensor& extra) {
            return detail::samples_at(at, field.query(detail::points_at(some, at)), extra);
        };
        const auto part = [](const at::Tensor& all, std::int64_t first, std::int64_t count) {
            return all.defined() ? all.narrow(1, first, count) : all;
        };
        const auto chunk = detail::volume_tile(context, rays, sampler.coarse_count() + fine, field.feature_count(),
                                               field.point_bytes());
        detail::VolumePieces pieces;
        for (std::int64_t first = 0; first < rays.rays(); first += chunk) {
            context.check_cancelled();
            const auto count = std::min(chunk, rays.rays() - first);
            const auto some = rays.slice(first, count);
            auto samples = ask(some, part(depth, first, count), part(noise, first, count));
            if constexpr (RefiningSampler<S>) {
                if (fine > 0) {
                    at::Tensor further;
                    {
                        const c10::AutoGradMode no_gradient(false);
                        further = sampler.refine(samples.depth, quadrature.integrate(samples).sample_weights,
                                                 part(draws, first, count));
                    }
                    samples = ops::merge_samples(samples, ask(some, further, part(fine_noise, first, count)));
                }
            }
            pieces.add(quadrature.integrate(samples), samples.depth);
        }
        auto seen = pieces.joined();
        seen.depth = quadrature.bounded(seen.depth, pieces.nearest(), pieces.farthest());
        seen.feature = background.over(seen.feature, seen.weight);
        return seen;
    }

    friend bool operator==(const VolumeRenderer&, const VolumeRenderer&) = default;
};

}  // namespace cameo
