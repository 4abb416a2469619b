// SPDX-License-Identifier: Apache-2.0
#include <cameo/measure/sliced_wasserstein.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::measure {
namespace {

constexpr std::int64_t pictures_at_once = 64, directions_at_once = 32;

/// Binomial, of five taps, in both directions; the picture goes on as in a mirror.
at::Tensor blurred(const at::Tensor& images, double gain) {
    const auto channels = images.size(1);
    const auto taps = at::tensor({1.0, 4.0, 6.0, 4.0, 1.0}, images.options()).div_(16.0);
    const auto kernel = (at::outer(taps, taps) * gain).expand({channels, 1, 5, 5});
    return at::conv2d(at::reflection_pad2d(images, {2, 2, 2, 2}), kernel, {}, 1, at::IntArrayRef{0, 0}, 1, channels);
}

at::Tensor halved(const at::Tensor& images) { return blurred(images, 1.0).slice(2, 0, {}, 2).slice(3, 0, {}, 2); }

at::Tensor doubled(const at::Tensor& images) {
    auto spread = images.new_zeros({images.size(0), images.size(1), 2 * images.size(2), 2 * images.size(3)});
    spread.slice(2, 0, {}, 2).slice(3, 0, {}, 2).copy_(images);
    return blurred(spread, 4.0);
}

std::int64_t level_count(std::int64_t side, std::int64_t coarsest) {
    std::int64_t levels = 1;
    auto at = coarsest;
    for (; at < side; at *= 2) ++levels;
    if (coarsest < 3 || at != side)
        throw Error(Errc::shape_mismatch, "pictures: expected a side that is a power of two times " +
                                              std::to_string(coarsest) + ", got " + std::to_string(side));
    return levels;
}

void check(const SlicedWassersteinOptions& options) {
    for (const auto& [name, value] : {std::pair{"patches", options.patches},
                                      {"patch_side", options.patch_side},
                                      {"projections", options.projections}})
        if (value < 1)
            throw Error(Errc::invalid_argument,
                        std::string(name) + ": expected at least 1, got " + std::to_string(value));
    if (options.patch_side > options.coarsest)
        throw Error(Errc::invalid_argument, "patch_side: expected at most the coarsest level's " +
                                                std::to_string(options.coarsest) + ", got " +
                                                std::to_string(options.patch_side));
}

/// All patches of one level, a row each: [N * patches, C * side * side], each channel with mean 0 and deviation 1.
at::Tensor descriptors(const at::Tensor& images, std::int64_t level, const SlicedWassersteinOptions& options,
                       const Context& context) {
    const auto count = images.size(0), channels = images.size(1), side = options.patch_side;
    auto result = at::empty({count, options.patches, channels, side, side}, images.options());
    const auto inside = at::arange(side, at::kLong);
    for (std::int64_t first = 0; first < count; first += pictures_at_once) {
        context.check_cancelled();
        const auto here = std::min(pictures_at_once, count - first);
        const auto pixels = laplacian_pyramid(images.narrow(0, first, here), options.coarsest)[level];
        const auto places = pixels.size(2) - side + 1;
        for (std::int64_t i = 0; i < here; ++i) {
            StreamSource<CounterRandom> random{
                CounterRandom(options.seed, static_cast<std::uint64_t>(2 * (first + i) + 1))};
            const auto corner =
                (random.uniform({2, options.patches}, at::kDouble) * static_cast<double>(places)).to(at::kLong);
            const auto y = corner[0].view({-1, 1, 1}) + inside.view({1, -1, 1}),
                       x = corner[1].view({-1, 1, 1}) + inside.view({1, 1, -1});
            // [C, patches, side, side]
            result[first + i].copy_(pixels[i].index({at::indexing::Slice(), y, x}).transpose(0, 1));
        }
    }
    const auto by_channel = result.view({-1, channels, side * side});
    by_channel.sub_(by_channel.mean(at::IntArrayRef({0, 2}), true));
    by_channel.div_(by_channel.square().mean(at::IntArrayRef({0, 2}), true).sqrt_().clamp_min_(1e-12));
    return result.view({count * options.patches, -1});
}

double distance(const at::Tensor& a, const at::Tensor& b, const SlicedWassersteinOptions& options,
                const Context& context) {
    StreamSource<CounterRandom> random{CounterRandom(options.seed, 0)};
    auto directions = random.normal({a.size(1), options.projections}, at::kDouble);
    directions = (directions / directions.square().sum(0, true).sqrt()).to(a.scalar_type());
    const auto sorted = [](const at::Tensor& points, const at::Tensor& along) {
        return std::get<0>(at::mm(along.t(), points.t()).sort(1));
    };
    double sum = 0.0;
    for (std::int64_t first = 0; first < options.projections; first += directions_at_once) {
        context.check_cancelled();
        const auto some = directions.narrow(1, first, std::min(directions_at_once, options.projections - first));
        sum += (sorted(a, some) - sorted(b, some)).abs_().mean(1).sum(at::kDouble).item<double>();
    }
    return sum / static_cast<double>(options.projections);
}

}  // namespace

std::vector<at::Tensor> laplacian_pyramid(const at::Tensor& images, std::int64_t coarsest) {
    ShapeCheck().expect("pictures", images, "[N, C, S, S]");
    const auto levels = level_count(images.size(2), coarsest);
    std::vector<at::Tensor> result;
    auto finer = images;
    for (std::int64_t level = 1; level < levels; ++level) {
        const auto coarser = halved(finer).contiguous();
        result.push_back(finer - doubled(coarser));
        finer = coarser;
    }
    result.push_back(finer);
    return result;
}

std::vector<LevelDistance> sliced_wasserstein(const at::Tensor& a, const at::Tensor& b,
                                              const SlicedWassersteinOptions& options, const Context& context) {
    const c10::NoGradGuard no_grad;
    check(options);
    ShapeCheck().expect("pictures", a, "[N, C, S, S]").expect("other pictures", b, "[N, C, S, S]");
    const auto levels = level_count(a.size(2), options.coarsest);
    std::vector<LevelDistance> result;
    for (std::int64_t level = 0; level < levels; ++level) {
        context.report("distances", level, levels);
        result.push_back(
            {a.size(2) >> level, 1000.0 * distance(descriptors(a, level, options, context),
                                                   descriptors(b, level, options, context), options, context)});
    }
    context.report("distances", levels, levels);
    return result;
}

}  // namespace cameo::measure
