// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/rays.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::ops {
namespace {

/// (index + 0.5) / count for every index, with the roundings of index * (1 / count) + 0.5 / count.
at::Tensor pixel_centres(std::int64_t count, const at::TensorOptions& options) {
    return at::arange(count, options).mul_(1.0 / static_cast<double>(count)).add_(0.5 / static_cast<double>(count));
}

/// One number of each camera's intrinsics, [N, 1].
at::Tensor number(const at::Tensor& intrinsics, std::int64_t row, std::int64_t column) {
    return intrinsics.select(1, row).narrow(1, column, 1);
}

}  // namespace

RayBundle rays(const Cameras& cameras, ImageSize size) {
    check(cameras);
    if (std::min(size.height, size.width) < 1)
        throw Error(Errc::invalid_argument, "rays: expected an image of at least 1 x 1 pixels, got " +
                                                std::to_string(size.height) + " x " + std::to_string(size.width));
    const auto v = pixel_centres(size.height, cameras.options()).repeat_interleave(size.width);
    const auto u = pixel_centres(size.width, cameras.options()).repeat(size.height);

    const auto& k = cameras.intrinsics;
    const auto fx = number(k, 0, 0), skew = number(k, 0, 1), cx = number(k, 0, 2);
    const auto fy = number(k, 1, 1), cy = number(k, 1, 2);
    const auto y = (v - cy) / fy;
    const auto x = (u - cx - skew * y) / fx;

    // Through a point of the world and back, as published: shorter ways round differently, and gradients of cameras add
    // up the steps between texels that samples then fall on either side of.
    const auto in_camera = at::stack({x, y, at::ones_like(x), at::ones_like(x)}, 2);
    const auto in_world = at::bmm(cameras.world_from_camera, in_camera.transpose(1, 2)).transpose(1, 2).narrow(2, 0, 3);
    const auto position = cameras.world_from_camera.narrow(1, 0, 3).select(2, 3).unsqueeze(1);
    const auto towards = in_world - position;
    const auto length = at::linalg_vector_norm(towards, 2, at::IntArrayRef{2}, /*keepdim=*/true);
    return {position.expand_as(towards), towards / length.clamp_min(1e-12)};
}

RayBundle rays(const Cameras& cameras, std::int64_t resolution) {
    return rays(cameras, ImageSize{resolution, resolution});
}

RayLimits box_limits(const RayBundle& bundle, double box_side) {
    check(bundle);
    if (!(box_side > 0) || !std::isfinite(box_side))
        throw Error(Errc::invalid_argument, "box_side: expected above 0, got " + std::to_string(box_side));
    const auto origin = bundle.origin.detach();
    const auto inverse = bundle.direction.detach().reciprocal();
    const auto entry_plane = at::where(inverse < 0, at::scalar_tensor(box_side / 2, inverse.options()), -box_side / 2);
    const auto entry = (entry_plane - origin) * inverse;
    const auto exit = (-entry_plane - origin) * inverse;
    const auto axis = [](const at::Tensor& values, std::int64_t i) { return values.narrow(-1, i, 1); };

    const auto entry_xy = at::maximum(axis(entry, 0), axis(entry, 1));
    const auto exit_xy = at::minimum(axis(exit, 0), axis(exit, 1));
    // Not entry > exit of the maxima: the published code compares pair by pair, and NaN makes a difference.
    const auto misses = (axis(entry, 0) > axis(exit, 1))
                            .logical_or(axis(entry, 1) > axis(exit, 0))
                            .logical_or(entry_xy > axis(exit, 2))
                            .logical_or(axis(entry, 2) > exit_xy);
    const auto start = at::maximum(entry_xy, axis(entry, 2));
    const auto end = at::minimum(exit_xy, axis(exit, 2));
    return {start.masked_fill(misses, -1), end.masked_fill(misses, -2)};
}

RayLimits filled_limits(const RayLimits& limits) {
    ShapeCheck().expect("limits.start", limits.start, "[N, R, 1]").expect("limits.end", limits.end, "[N, R, 1]");
    const auto valid = limits.end > limits.start;
    if (!valid.any().item<bool>()) return limits;
    constexpr auto infinity = std::numeric_limits<double>::infinity();
    const auto smallest = limits.start.masked_fill(valid.logical_not(), infinity).min();
    const auto largest = limits.start.masked_fill(valid.logical_not(), -infinity).max();
    return {at::where(valid, limits.start, smallest), at::where(valid, limits.end, largest)};
}

}  // namespace cameo::ops
