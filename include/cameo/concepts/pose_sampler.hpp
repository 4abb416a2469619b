// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <cameo/core/random.hpp>

namespace cameo {

/// A distribution of camera poses, a value. Laws: poses are rigid; equal random numbers give equal poses; the number of
/// random numbers taken depends on `count` alone.
/// Shapes   sample() returns world_from_camera [count, 4, 4]
template <class P>
concept PoseSampler = std::regular<P> &&
    requires(const P& poses, std::int64_t count, RandomSource& random, const at::TensorOptions& options) {
    { P::name() } -> std::convertible_to<std::string_view>;
    { poses.sample(count, random, options) } -> std::same_as<at::Tensor>;
};

}  // namespace cameo
