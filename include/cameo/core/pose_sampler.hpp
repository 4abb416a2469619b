// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <numbers>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/pose_sampler.hpp>
#include <cameo/core/camera.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/random.hpp>

namespace cameo {

/// The sphere that the published samplers draw from, in the terms of orbit().
/// Units    radians and world units
/// Quirk    numbers are drawn even when both deviations are 0, h's before v's, each [count, 1]
struct PoseSphere {
    double h = std::numbers::pi / 2, v = std::numbers::pi / 2;
    double h_deviation = 0, v_deviation = 0;
    double radius = 1;

    friend constexpr bool operator==(const PoseSphere&, const PoseSphere&) = default;
};

/// Normally distributed about (h, v), looking at the origin.
struct CAMEO_API GaussianPoses {
    PoseSphere sphere{};
    static constexpr std::string_view name() noexcept { return "gaussian"; }
    /// Errors   as orbit(); invalid_argument: a negative count
    [[nodiscard]] at::Tensor sample(std::int64_t count, RandomSource& random,
                                    const at::TensorOptions& options = {}) const;
    friend bool operator==(const GaussianPoses&, const GaussianPoses&) = default;
};
static_assert(PoseSampler<GaussianPoses>);

/// Normally distributed about (h, v), looking at `target`; the sphere's centre stays the origin.
struct CAMEO_API LookAtPoses {
    PoseSphere sphere{};
    Vector3 target{};
    static constexpr std::string_view name() noexcept { return "look_at"; }
    /// Errors   as orbit(); invalid_argument: a negative count
    [[nodiscard]] at::Tensor sample(std::int64_t count, RandomSource& random,
                                    const at::TensorOptions& options = {}) const;
    friend bool operator==(const LookAtPoses&, const LookAtPoses&) = default;
};
static_assert(PoseSampler<LookAtPoses>);

/// Uniform within the deviations on both sides of (h, v), looking at the origin.
struct CAMEO_API UniformPoses {
    PoseSphere sphere{};
    static constexpr std::string_view name() noexcept { return "uniform"; }
    /// Errors   as orbit(); invalid_argument: a negative count
    [[nodiscard]] at::Tensor sample(std::int64_t count, RandomSource& random,
                                    const at::TensorOptions& options = {}) const;
    friend bool operator==(const UniformPoses&, const UniformPoses&) = default;
};
static_assert(PoseSampler<UniformPoses>);

}  // namespace cameo
