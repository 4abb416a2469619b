// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/depth_sampling.hpp>

#include <cmath>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/ops/rays.hpp>

namespace cameo::ops {
namespace {

std::int64_t checked_count(const at::Tensor& jitter) {
    ShapeCheck().expect("jitter", jitter, "[N, R, D, 1]");
    if (jitter.size(2) < 2)
        throw Error(Errc::invalid_argument,
                    "jitter: expected at least 2 samples a ray, got " + std::to_string(jitter.size(2)));
    return jitter.size(2);
}

void check_limits(double near, double far) {
    if (!std::isfinite(near) || !std::isfinite(far) || !(near < far))
        throw Error(Errc::invalid_argument, "ray limits: expected finite and ascending numbers, got " +
                                                std::to_string(near) + " and " + std::to_string(far));
}

}  // namespace

at::Tensor spread_depths(const at::Tensor& jitter, double near, double far) {
    const auto count = checked_count(jitter);
    check_limits(near, far);
    const auto even = at::linspace(near, far, count, jitter.options()).view({1, 1, count, 1});
    return even + jitter * ((far - near) / static_cast<double>(count - 1));
}

at::Tensor spread_depths(const at::Tensor& jitter, const RayLimits& limits) {
    const auto count = checked_count(jitter);
    ShapeCheck()
        .expect("jitter", jitter, "[N, R, D, 1]")
        .expect("ray limits start", limits.start, "[N, R, 1]")
        .expect("ray limits end", limits.end, "[N, R, 1]");
    const auto start = limits.start.unsqueeze(2), length = limits.end.unsqueeze(2) - start;
    const auto share = (at::arange(count, jitter.options()) / static_cast<double>(count - 1)).view({1, 1, count, 1});
    return start + share * length + jitter * (length / static_cast<double>(count - 1));
}

at::Tensor spread_disparities(const at::Tensor& jitter, double near, double far) {
    const auto count = checked_count(jitter);
    check_limits(near, far);
    if (!(near > 0.0))
        throw Error(Errc::invalid_argument,
                    "ray limits: expected above 0 for even disparities, got " + std::to_string(near));
    const auto even = at::linspace(0, 1, count, jitter.options()).view({1, 1, count, 1});
    const auto share = even + jitter * (1.0 / static_cast<double>(count - 1));
    return 1.0 / ((1.0 - share) * (1.0 / near) + share * (1.0 / far));
}

at::Tensor sample_depths(const RayBundle& rays, const at::Tensor& jitter, const DepthRange& range) {
    ShapeCheck().bind("N", rays.cameras()).bind("R", rays.rays()).expect("jitter", jitter, "[N, R, D, 1]");
    if (const auto* box = std::get_if<BoxRange>(&range))
        return spread_depths(jitter, filled_limits(box_limits(rays, box->box_side)));
    const auto& fixed = std::get<FixedRange>(range);
    return fixed.even_disparity ? spread_disparities(jitter, fixed.near, fixed.far)
                                : spread_depths(jitter, fixed.near, fixed.far);
}

}  // namespace cameo::ops
