// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/background.hpp>
#include <cameo/concepts/renderer.hpp>
#include <cameo/concepts/sampler.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/rays.hpp>
#include <cameo/fields/triplane.hpp>
#include <cameo/render/background.hpp>
#include <cameo/render/quadrature.hpp>
#include <cameo/render/sampler.hpp>
#include <cameo/render/volume_renderer.hpp>

namespace cameo {

/// What a fused renderer may leave out of a picture; nothing at first. Where gradients are wanted nothing is left out,
/// whatever this says, nor on a GPU; where densities have noise nothing is by `empty` and `occupancy`.
/// Errors   invalid_argument: colour, light or occupancy negative or not finite, or light not below 1
struct TriplaneSavings {
    /// Samples of no more weight get no colour. A feature is off by 1.001 times this at most for each sample of a ray.
    double colour = 0.0;
    /// What lies behind where less than this is left of the light is not sampled a second time. The first pass is done in
    /// full, so no sample moves. The weight of a ray is off by this at most, a feature by 1.001 times this.
    double light = 0.0;
    /// Samples are left out where bounds of the decoder over a cell of the planes prove that the interval before and the
    /// one behind have a weight that rounds to 0. The same bits. Takes planes along the coordinates, else does nothing.
    bool empty = false;
    /// Samples are left out where a grid of densities, one in the middle of each cell, has none above this beside them, in
    /// 1 / world units. Not bounded: what is thinner than a cell may be lost. 0: none.
    double occupancy = 0.0;

    friend bool operator==(const TriplaneSavings&, const TriplaneSavings&) = default;
};

namespace detail {

/// What is drawn for all rays before they are rendered, as the reference draws it.
/// Shapes   depth [N, R, D, 1], draws [N, R, F]; noise [N, R, D, 1] and fine_noise [N, R, F, 1], or undefined
struct TriplaneDraws {
    at::Tensor depth, draws, noise, fine_noise;
};

/// Whether the fused renderer has code for this: float32, all of it, on the CPU, or on a CUDA device that the CUDA module
/// has kernels for; `samples` of a ray, both passes'. The first form asks for triplane_density(), which is the CPU's.
[[nodiscard]] CAMEO_API bool fused_triplane_serves(const TriplaneField& field);
[[nodiscard]] CAMEO_API bool fused_triplane_serves(const TriplaneField& field, const RayBundle& rays,
                                                   std::int64_t samples);

/// Before background and MidpointQuadrature::bounded().
[[nodiscard]] CAMEO_API RayFeatures render_triplane(const TriplaneField& field, const RayBundle& rays,
                                                    const TriplaneDraws& draws, double density_bias,
                                                    const Context& context, const TriplaneSavings& savings = {});

/// Writes points `first` to `first + count - 1` into three arrays of coordinates; called on many threads at once.
using TriplanePoints = std::function<void(std::int64_t first, std::int64_t count, float* const* coordinates)>;

/// Raw densities of one scene at `count` points, which exist a few thousand at a time.
/// Errors   shape_mismatch; out_of_memory: the budget has no room for the planes as they are read; cancelled
/// Threads  as FusedTriplaneRenderer
CAMEO_API void triplane_density(const TriplaneField& field, std::int64_t count, const TriplanePoints& points,
                                float* out, const Context& context);

}  // namespace detail

/// VolumeRenderer for tri-plane fields in one pass over the rays, on the CPU or by the CUDA module's kernels: the same
/// options, random numbers and, to rounding, pictures. Other devices and types are left to VolumeRenderer. Samples, hidden units and colours exist for
/// one ray at a time; for all rays there are depths and random numbers alone, 4 bytes a sample each.
/// Errors   shape_mismatch; invalid_argument: too few samples, plane axes that are singular; out_of_memory: the
///          context's budget has no room for the planes as they are read, and for each thread's work; cancelled
/// Threads  re-entrant; works on all threads of parallel_for, and its bits do not depend on their number. On a CUDA
///          device gradients are added up in any order, unless LibTorch is told to be deterministic: then VolumeRenderer
///          renders what has gradients
///          A thread keeps its work memory for its next render: the planes as they are read (34 MB for a published
///          model), on the one that calls
/// Differentiable in planes, decoder and rays, once: the backward pass computes samples anew, and throws
///          invalid_argument when gradients of gradients are asked for. Depths of samples are constants, as in the
///          reference. A ray of weight 0 has no gradient
/// Source   backward pass by recomputation as in Cao et al., "Lightplane", arXiv 2404.19760. Planes that see the same
///          coordinates, or transposed ones, are added up, and the decoder's first layer is applied to texels instead
///          of samples where that is less work: both are linear
/// Quirk    the last bits depend on the machine's vectors (AVX-512, AVX2, or neither) and on whether the first layer
///          was applied to texels. A draw at an edge of the importance distribution may fall to either side of it
template <Sampler S = ImportanceSampler<StratifiedSampler>, Background B = BlackBackground>
struct FusedTriplaneRenderer {
    S sampler{};
    MidpointQuadrature quadrature{};
    B background{};
    double density_noise = 0.0;  ///< deviation of normal noise on raw densities; 0 but in training
    TriplaneSavings savings{};   ///< other devices and types save nothing

    static constexpr std::string_view name() noexcept { return "fused_triplane"; }

    /// Shapes   rays [N, R, 3]; a field for N cameras or for one that all see
    [[nodiscard]] RayFeatures render(const TriplaneField& field, const RayBundle& rays, RandomSource& random,
                                     const Context& context) const {
        check(rays);
        auto samples = sampler.coarse_count();
        if constexpr (RefiningSampler<S>) samples += sampler.fine_count();
        if (!detail::fused_triplane_serves(field, rays, samples))
            return VolumeRenderer<S, MidpointQuadrature, B>{sampler, quadrature, background, density_noise}.render(
                field, rays, random, context);
        detail::TriplaneDraws draws;
        draws.depth = sampler.coarse(rays, random);
        draws.noise = detail::density_noise(rays, sampler.coarse_count(), density_noise, random);
        if constexpr (RefiningSampler<S>) {
            draws.draws = sampler.draws(rays, random);
            draws.fine_noise = detail::density_noise(rays, sampler.fine_count(), density_noise, random);
        }
        auto seen = detail::render_triplane(field, rays, draws, quadrature.density_bias, context, savings);
        // Importance samples lie between the first pass's.
        seen.depth = quadrature.bounded(seen.depth, draws.depth.min(), draws.depth.max());
        seen.feature = background.over(seen.feature, seen.weight);
        return seen;
    }

    friend bool operator==(const FusedTriplaneRenderer&, const FusedTriplaneRenderer&) = default;
};
static_assert(RendererFor<FusedTriplaneRenderer<>, TriplaneField>);
static_assert(RendererFor<FusedTriplaneRenderer<MidpointSampler, WhiteBackground>, TriplaneField>);

}  // namespace cameo
