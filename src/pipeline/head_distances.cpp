// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_distances.hpp>

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/image_tensor.hpp>
#include <cameo/measure/sliced_wasserstein.hpp>

#include "pipeline/heads_as_tensors.hpp"

namespace cameo {
namespace {

constexpr std::int64_t first_of_truth = 100'000, pictures_at_once = 8;  // scores look at the first test seeds

at::Tensor true_pictures(std::int64_t first, const HeadDistanceOptions& options, std::int64_t side,
                         const Context& context) {
    const synth::HeadSet heads(detail::heads_for_tests(first, options.pictures, options.poses,
                                                       {.size = side, .samples = options.antialiasing}));
    auto pictures = at::empty({options.pictures, 3, side, side}, at::kFloat);
    for (std::int64_t i = 0; i < options.pictures; ++i) {
        context.report("heads", i, options.pictures);
        detail::write_image(*heads.view(i), pictures[i].data_ptr<float>());
    }
    return pictures;
}

at::Tensor generated_pictures(const Eg3d& generator, const HeadDistanceOptions& options, std::int64_t side,
                              const Context& context) {
    const c10::NoGradGuard no_grad;
    StreamSource<CounterRandom> latents{CounterRandom(options.seed, 1)}, none;
    CounterRandom poses(options.seed, 2);
    auto pictures = at::empty({options.pictures, 3, side, side}, at::kFloat);
    for (std::int64_t first = 0; first < options.pictures; first += pictures_at_once) {
        context.report("pictures", first, options.pictures);
        const auto count = std::min(pictures_at_once, options.pictures - first);
        std::vector<Camera> views;
        for (std::int64_t i = 0; i < count; ++i) views.push_back(synth::random_camera(options.poses, poses));
        const auto seen_from = cameras(views, generator.device());
        const auto ws = generator.map(
            ZLatent(latents.normal({count, generator.z_dim()}, at::TensorOptions(generator.device()))), seen_from);
        const auto portrait =
            generator.render(generator.scene(ws, {NoiseMode::none}), ws, seen_from, {}, none, context);
        for (std::int64_t i = 0; i < count; ++i)  // as pictures are kept, in 8 bits
            pictures[first + i].copy_(to_tensor(to_image(portrait.image[i])));
    }
    return pictures;
}

}  // namespace

std::vector<HeadDistance> head_distances(const Eg3d& generator, const HeadDistanceOptions& options,
                                         const Context& context) {
    detail::check_draws_heads(generator);
    const auto side = generator.config().image_resolution;
    const measure::SlicedWassersteinOptions slices{.seed = options.seed};
    const auto heads = true_pictures(first_of_truth, options, side, context);
    const auto from_heads = [&](const at::Tensor& pictures) {
        return measure::sliced_wasserstein(pictures, heads, slices, context);
    };
    const auto generated = from_heads(generated_pictures(generator, options, side, context));
    const auto truth = from_heads(true_pictures(first_of_truth + options.pictures, options, side, context));
    std::vector<HeadDistance> result;
    for (std::size_t i = 0; i < generated.size(); ++i)
        result.push_back({generated[i].side, generated[i].distance, truth[i].distance});
    return result;
}

}  // namespace cameo
