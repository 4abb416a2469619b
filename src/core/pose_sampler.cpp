// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/pose_sampler.hpp>

#include <algorithm>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

#include "core/tensor_check.hpp"

namespace cameo {
namespace {

/// Poses for offsets [count, 1] in units of the deviations. A handful of cameras: the host computes them in double.
at::Tensor poses(const PoseSphere& sphere, const Vector3& target, const at::Tensor& h_offset,
                 const at::Tensor& v_offset, const at::TensorOptions& options) {
    const auto h = h_offset.to(at::kCPU, at::kDouble).contiguous();
    const auto v = v_offset.to(at::kCPU, at::kDouble).contiguous();
    auto result = at::empty({h.size(0), 4, 4}, at::kDouble);
    auto* out = result.mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < h.size(0); ++i) {
        const auto pose = orbit(sphere.h + sphere.h_deviation * h.const_data_ptr<double>()[i],
                                sphere.v + sphere.v_deviation * v.const_data_ptr<double>()[i], sphere.radius, target);
        out = std::ranges::copy(pose, out).out;
    }
    return result.to(complete(options));
}

using Draw = at::Tensor (RandomSource::*)(at::IntArrayRef, const at::TensorOptions&);

at::Tensor sampled(const PoseSphere& sphere, const Vector3& target, std::int64_t count, RandomSource& random, Draw draw,
                   const at::TensorOptions& options) {
    if (count < 0)
        throw Error(Errc::invalid_argument, "poses: expected no negative count, got " + std::to_string(count));
    auto h_offset = (random.*draw)({count, 1}, options);
    auto v_offset = (random.*draw)({count, 1}, options);
    if (draw == &RandomSource::uniform) {
        h_offset = h_offset * 2 - 1;
        v_offset = v_offset * 2 - 1;
    }
    return poses(sphere, target, h_offset, v_offset, options);
}

}  // namespace

at::Tensor GaussianPoses::sample(std::int64_t count, RandomSource& random, const at::TensorOptions& options) const {
    return sampled(sphere, {}, count, random, &RandomSource::normal, options);
}

at::Tensor LookAtPoses::sample(std::int64_t count, RandomSource& random, const at::TensorOptions& options) const {
    return sampled(sphere, target, count, random, &RandomSource::normal, options);
}

at::Tensor UniformPoses::sample(std::int64_t count, RandomSource& random, const at::TensorOptions& options) const {
    return sampled(sphere, {}, count, random, &RandomSource::uniform, options);
}

}  // namespace cameo
