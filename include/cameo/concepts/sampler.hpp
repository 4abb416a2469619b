// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/core/random.hpp>
#include <cameo/core/rays.hpp>

namespace cameo {

/// Where along rays the field is asked: coarse(rays, random) gives depths [N, R, S, 1], S = coarse_count(). Called once
/// for all rays of a batch, before they are cut into chunks. Laws (testing/sampler_laws.hpp): depths are finite and
/// ascend along each ray; equal random numbers give equal bits; no gradient flows into depths.
template <class S>
concept Sampler = std::regular<S> && requires(const S& sampler, const RayBundle& rays, RandomSource& random) {
    { S::name() } -> std::convertible_to<std::string_view>;
    { sampler.coarse(rays, random) } -> std::same_as<at::Tensor>;
    { sampler.coarse_count() } -> std::same_as<std::int64_t>;
};

/// A sampler that looks again where the first pass found something. draws(rays, random) takes all random numbers of the
/// second pass [N, R, F], F = fine_count(), again before rays are cut; refine(depth, weights, draws) then works on
/// chunks and gives depths [N, R, F, 1]. Laws: refined depths lie within the coarse ones; a chunk's are the whole's.
template <class S>
concept RefiningSampler = Sampler<S> &&
    requires(const S& sampler, const RayBundle& rays, RandomSource& random, const at::Tensor& tensor) {
    { sampler.draws(rays, random) } -> std::same_as<at::Tensor>;
    { sampler.refine(tensor, tensor, tensor) } -> std::same_as<at::Tensor>;
    { sampler.fine_count() } -> std::same_as<std::int64_t>;
};

}  // namespace cameo
