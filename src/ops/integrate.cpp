// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/integrate.hpp>

#include <limits>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::ops {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void check_samples(const RaySamples& samples) {
    ShapeCheck()
        .expect("depth", samples.depth, "[N, R, S, 1]")
        .expect("density", samples.density, "[N, R, S, 1]")
        .expect("feature", samples.feature, "[N, R, S, F]");
}

// Neighbours' means along the axis of samples.
at::Tensor between(const at::Tensor& x) {
    const auto count = x.size(2) - 1;
    return (x.narrow(2, 0, count) + x.narrow(2, 1, count)) / 2;
}

}  // namespace

RayFeatures integrate(const RaySamples& samples, const IntegrateOptions& options) {
    check_samples(samples);
    const auto midpoint = options.rule == Rule::midpoint;
    const auto count = samples.depth.size(2);
    if (count < (midpoint ? 2 : 1))
        throw Error(Errc::invalid_argument, "integrate: expected at least " + std::to_string(midpoint ? 2 : 1) +
                                                " samples a ray, got " + std::to_string(count));

    auto interval = samples.depth.narrow(2, 1, count - 1) - samples.depth.narrow(2, 0, count - 1);
    if (!midpoint)
        interval = at::cat({interval, at::full_like(samples.depth.narrow(2, 0, 1), options.last_interval)}, 2);
    auto density = midpoint ? between(samples.density) : samples.density;
    if (options.density_bias != 0.0) density = density + options.density_bias;
    density = options.activation == DensityActivation::softplus ? at::softplus(density) : at::relu(density);
    const auto alpha = 1 - at::exp(-density * interval);
    const auto kept = at::cumprod(at::cat({at::ones_like(alpha.narrow(2, 0, 1)), 1 - alpha + 1e-10}, 2), 2);

    RayFeatures result;
    result.sample_weights = alpha * kept.narrow(2, 0, alpha.size(2));
    result.weight = result.sample_weights.sum(2);

    // The mean of neighbours' features weighed by intervals is the features weighed by the mean of neighbours' weights.
    auto feature_weights = result.sample_weights;
    if (midpoint) {
        const auto zero = at::zeros_like(feature_weights.narrow(2, 0, 1));
        feature_weights = between(at::cat({zero, feature_weights, zero}, 2));
    }
    result.feature = at::matmul(feature_weights.transpose(2, 3), samples.feature).squeeze(2);

    const auto places = midpoint ? between(samples.depth) : samples.depth;
    result.depth = (result.sample_weights * places).sum(2);
    if (options.normalize_depth) {
        const auto empty = result.weight == 0;
        result.depth = at::where(empty, infinity, result.depth / at::where(empty, 1.0, result.weight));
    }
    return result;
}

at::Tensor clamp_depth(const at::Tensor& depth, const at::Tensor& nearest, const at::Tensor& farthest) {
    return at::clamp(at::nan_to_num(depth, infinity), nearest, farthest);
}

RaySamples merge_samples(const RaySamples& first, const RaySamples& second) {
    check_samples(first);
    check_samples(second);
    auto [depth, order] = at::sort(at::cat({first.depth, second.depth}, 2), /*stable=*/true, 2, false);
    const auto density = at::cat({first.density, second.density}, 2);
    const auto feature = at::cat({first.feature, second.feature}, 2);
    return {depth, density.gather(2, order), feature.gather(2, order.expand({-1, -1, -1, feature.size(3)}))};
}

}  // namespace cameo::ops
