// SPDX-License-Identifier: Apache-2.0
#include <cameo/render/sampler.hpp>

#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

void check_count(std::int64_t count, std::int64_t least) {
    if (count < least)
        throw Error(Errc::invalid_argument,
                    "samples a ray: expected at least " + std::to_string(least) + ", got " + std::to_string(count));
}

}  // namespace

at::Tensor StratifiedSampler::coarse(const RayBundle& rays, RandomSource& random) const {
    check(rays);
    check_count(count, 2);
    const auto jitter = random.uniform({rays.cameras(), rays.rays(), count, 1}, rays.direction.options());
    return ops::sample_depths(rays, jitter, range);
}

at::Tensor StratifiedSampler::draws(const RayBundle& rays, std::int64_t fine, RandomSource& random) {
    check_count(fine, 0);
    return random.uniform({rays.cameras(), rays.rays(), fine}, rays.direction.options());
}

at::Tensor MidpointSampler::coarse(const RayBundle& rays, RandomSource&) const {
    check(rays);
    check_count(count, 2);
    const auto jitter = at::full({1, 1, 1, 1}, 0.5, rays.direction.options());
    return ops::sample_depths(rays, jitter.expand({rays.cameras(), rays.rays(), count, 1}), range);
}

at::Tensor MidpointSampler::draws(const RayBundle& rays, std::int64_t fine, RandomSource&) {
    check_count(fine, 0);
    const auto even = (at::arange(fine, rays.direction.options()) + 0.5) / static_cast<double>(fine);
    return even.expand({rays.cameras(), rays.rays(), fine});
}

}  // namespace cameo
