// SPDX-License-Identifier: Apache-2.0
#include <cameo/render/volume_renderer.hpp>

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>

#include <cameo/fields/triplane.hpp>
#include <cameo/render/background.hpp>
#include <cameo/render/quadrature.hpp>
#include <cameo/render/sampler.hpp>

namespace cameo {

static_assert(RendererFor<VolumeRenderer<ImportanceSampler<StratifiedSampler>, MidpointQuadrature, WhiteBackground>,
                          TriplaneField>);
static_assert(RendererFor<VolumeRenderer<MidpointSampler, LeftQuadrature, BlackBackground>, TriplaneField>);
static_assert(!RendererFor<MidpointQuadrature, TriplaneField>);
static_assert(!RendererFor<VolumeRenderer<MidpointSampler, LeftQuadrature, BlackBackground>, MidpointQuadrature>);

namespace detail {
std::int64_t volume_tile(const Context& context, const RayBundle& rays, std::int64_t samples, std::int64_t features,
                         std::uint64_t point_bytes) {
    constexpr std::int64_t tile = 256;
    const auto element = rays.direction.element_size();
    // Merged and sorted samples, twice; the indices of their order; the quadrature's ten numbers of each sample.
    const auto sample_bytes = point_bytes + static_cast<std::uint64_t>(3 * (features + 2) + 10) * element + 8;
    const auto room =
        ray_chunk(context, rays.rays(), sample_bytes * static_cast<std::uint64_t>(samples * rays.cameras()));
    return std::min(tile, room);
}

at::Tensor points_at(const RayBundle& rays, const at::Tensor& depth) {
    return (rays.origin.unsqueeze(2) + depth * rays.direction.unsqueeze(2)).reshape({rays.cameras(), -1, 3});
}

RaySamples samples_at(const at::Tensor& depth, FieldValues values, const at::Tensor& noise) {
    const auto cameras = depth.size(0), rays = depth.size(1), samples = depth.size(2);
    auto density = values.density.reshape({cameras, rays, samples, 1});
    if (noise.defined()) density = density + noise;
    return {depth, std::move(density), values.feature.reshape({cameras, rays, samples, -1})};
}

at::Tensor density_noise(const RayBundle& rays, std::int64_t samples, double strength, RandomSource& random) {
    if (strength == 0.0 || samples == 0) return {};
    return random.normal({rays.cameras(), rays.rays(), samples, 1}, rays.direction.options()) * strength;
}

void VolumePieces::add(RayFeatures piece, const at::Tensor& depth) {
    feature_.push_back(std::move(piece.feature));
    depth_.push_back(std::move(piece.depth));
    weight_.push_back(std::move(piece.weight));
    const auto low = depth.min(), high = depth.max();
    nearest_ = nearest_.defined() ? at::minimum(nearest_, low) : low;
    farthest_ = farthest_.defined() ? at::maximum(farthest_, high) : high;
}

RayFeatures VolumePieces::joined() const { return {at::cat(feature_, 1), at::cat(depth_, 1), at::cat(weight_, 1), {}}; }

}  // namespace detail
}  // namespace cameo
