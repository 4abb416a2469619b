// SPDX-License-Identifier: Apache-2.0
#include "bench/cases.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/random.hpp>
#include <cameo/ops/fir.hpp>
#include <cameo/ops/modulated_conv2d.hpp>
#include <cameo/pipeline/paired_heads.hpp>
#include <cameo/train/paired.hpp>

#include "bench/replay.hpp"
#include "bench/work.hpp"
#include "train/config.hpp"

namespace cameo::apps::bench {
namespace {

constexpr std::array<std::string_view, 14> names{
    "frame",       "cached",      "raw",         "raw_step",    "backbone",    "upsampler",    "conv3x3_64",
    "conv3x3_128", "conv3x3_256", "conv3x3_512", "conv_up_256", "step_latent", "step_weights", "train_step"};

constexpr std::uint64_t weight_seed = 1, latent_seed = 2, jitter_seed = 3, picture_seed = 4;

at::Tensor numbers(at::IntArrayRef shape, std::uint64_t seed) {
    StreamSource<CounterRandom> random{CounterRandom(seed)};
    return random.normal(shape, at::kFloat);
}

/// The gradients of `leaves` that `backward` leaves there, all in a row.
template <class Backward>
at::Tensor gradients_of(const std::vector<at::Tensor>& leaves, const Backward& backward) {
    const auto clear = [&] {
        for (const auto& each : leaves) each.mutable_grad().reset();
    };
    clear();
    backward();
    std::vector<at::Tensor> all;
    for (const auto& each : leaves)
        all.push_back(each.grad().defined() ? each.grad().reshape(-1) : at::zeros({each.numel()}, each.options()));
    clear();
    return at::cat(all);
}

at::Tensor leaf(const at::Tensor& tensor) { return tensor.detach().clone().requires_grad_(true); }

/// What the cases of a model share.
struct Setup {
    Setup(const Subject& subject, std::int64_t batch)
        : model(subject.shared()), cameras(subject.cameras(batch)), ws(subject.latents(batch)), random(jitter_seed) {}

    std::shared_ptr<const Eg3d> model;
    Cameras cameras;
    WLatent ws;
    Replay random;
    RenderOptions options{.jitter = RenderOptions::Jitter::random};

    [[nodiscard]] RayFeatures features(const Eg3dScene& scene) {
        random.rewind();
        return model->features(scene, cameras, options, random, {});
    }
    [[nodiscard]] at::Tensor image(const RayFeatures& seen, const WLatent& latents) {
        return model->form(seen, latents, options, random).image;
    }

    [[nodiscard]] NamedTensors named(NamedTensors some) const {
        for (std::size_t i = 0; i < random.drawn().size(); ++i)
            some.push_back({"random." + std::to_string(i), random.drawn()[i]});
        return some;
    }
    [[nodiscard]] NamedTensor named_cameras() const { return {"cameras", labels(cameras)}; }
};

Outcome without_gradient(const std::function<at::Tensor()>& action) {
    const c10::NoGradGuard guard;
    return {action(), {}, {}};
}

/// A step: its loss, backward, and the leaves' gradients.
void make_step(Case& made, std::function<at::Tensor()> loss, std::vector<at::Tensor> leaves) {
    made.loss = std::move(loss);
    made.run = [loss = made.loss, leaves = std::move(leaves)] {
        const auto value = loss();
        return Outcome{{}, value.detach().reshape(1), gradients_of(leaves, [&] { value.backward(); })};
    };
}

Case picture_step(Case made, const std::shared_ptr<Setup>& setup, bool with_weights) {
    std::vector<at::Tensor> leaves{leaf(setup->ws.tensor())};
    if (with_weights) {
        const auto own = std::make_shared<Eg3d>(setup->model->clone());
        for (const auto& each : own->parameters())
            if (!each.name.starts_with("backbone.mapping.")) leaves.push_back(each.tensor.requires_grad_(true));
        setup->model = own;
    }
    const auto side = setup->model->config().image_resolution, channels = setup->model->config().image_channels;
    const auto target = numbers({made.batch, channels, side, side}, picture_seed) * 0.3;
    make_step(
        made,
        [setup, target, ws = leaves.front()] {
            const WLatent latents(ws);
            return (setup->image(setup->features(setup->model->scene(latents)), latents) - target).square().mean();
        },
        leaves);
    made.inputs = [setup, target] {
        return setup->named({{"ws", setup->ws.tensor()}, setup->named_cameras(), {"target", target}});
    };
    return made;
}

Case render_step(Case made, const std::shared_ptr<Setup>& setup, const at::Tensor& planes) {
    const auto own = std::make_shared<Eg3d>(setup->model->clone());
    std::vector<at::Tensor> leaves{leaf(planes), leaf(setup->cameras.world_from_camera),
                                   leaf(setup->cameras.intrinsics)};
    for (const auto& each : own->parameters())
        if (each.name.starts_with("decoder.")) leaves.push_back(each.tensor.requires_grad_(true));
    setup->model = own;
    setup->cameras = {leaves[1], leaves[2]};
    make_step(
        made, [setup, planes = leaves.front()] { return setup->features({planes}).feature.square().mean(); }, leaves);
    made.inputs = [setup, planes] { return setup->named({{"planes", planes}, setup->named_cameras()}); };
    return made;
}

}  // namespace

Subject Subject::full_size() {
    StreamSource<CounterRandom> random{CounterRandom(weight_seed)};
    auto model = Eg3d::initial({}, random);
    // What begins as nothing gets numbers, so that nobody can leave it out.
    for (const auto& each : model.parameters())
        if (each.name.ends_with("bias") || each.name.ends_with("strength"))
            each.tensor.add_(random.normal(each.tensor.sizes(), each.tensor.options()), 0.1);
    return Subject(std::move(model));
}

Cameras Subject::cameras(std::int64_t batch) const {
    const auto& config = model().config();
    std::vector<Camera> all;
    for (std::int64_t i = 0; i < batch; ++i)
        all.push_back({orbit_degrees(15.0 - 10.0 * static_cast<double>(i % 4), 10.0 - 5.0 * static_cast<double>(i % 3),
                                     config.camera_radius, config.camera_pivot),
                       intrinsics_from_focal(ffhq_cameras.focal)});
    return cameo::cameras(all, at::kFloat);
}

WLatent Subject::latents(std::int64_t batch) const {
    const c10::NoGradGuard guard;
    const Camera front{orbit_degrees(0, 0, model().config().camera_radius, model().config().camera_pivot),
                       intrinsics_from_focal(ffhq_cameras.focal)};
    const auto mapped =
        model().map(ZLatent(numbers({batch, model().z_dim()}, latent_seed)), cameo::cameras({&front, 1}, at::kFloat));
    return WLatent(mapped.tensor().contiguous());
}

std::span<const std::string_view> case_names() { return names; }

bool is_of_model(std::string_view name) { return !name.starts_with("conv") && name != "train_step"; }

Case model_case(std::string_view name, const Subject& subject, std::int64_t batch) {
    const auto& config = subject.model().config();
    const auto setup = std::make_shared<Setup>(subject, batch);
    const auto pictures = static_cast<double>(batch);
    const auto samples = pictures * picture_samples(config);
    const auto rays = pictures * static_cast<double>(config.raw_resolution * config.raw_resolution);
    const auto backbone = pictures * backbone_flop(config) / 1e9, upsampler = pictures * upsampler_flop(config) / 1e9;
    const auto renderer = samples * sample_flop(config) / 1e9;

    Case made;
    made.name = name;
    made.batch = batch;
    const auto renders = [&] { made.samples = samples, made.rays = rays; };
    const auto planes_of = [&] {
        const c10::NoGradGuard guard;
        return setup->model->scene(setup->ws).planes;
    };
    if (name == "backbone") {
        made.gflop = backbone;
        made.run = [setup] { return without_gradient([&] { return setup->model->scene(setup->ws).planes; }); };
        made.inputs = [setup] { return NamedTensors{{"ws", setup->ws.tensor()}}; };
    } else if (name == "frame") {
        made.gflop = backbone + renderer + upsampler;
        renders();
        made.run = [setup] {
            return without_gradient(
                [&] { return setup->image(setup->features(setup->model->scene(setup->ws)), setup->ws); });
        };
        made.inputs = [setup] { return setup->named({{"ws", setup->ws.tensor()}, setup->named_cameras()}); };
    } else if (name == "cached") {
        made.gflop = renderer + upsampler;
        renders();
        made.run = [setup, planes = planes_of()] {
            return without_gradient([&] { return setup->image(setup->features({planes}), setup->ws); });
        };
        made.inputs = [setup, planes = planes_of()] {
            return setup->named({{"ws", setup->ws.tensor()}, {"planes", planes}, setup->named_cameras()});
        };
    } else if (name == "raw") {
        made.gflop = renderer;
        renders();
        made.run = [setup, planes = planes_of()] {
            return without_gradient([&] { return setup->features({planes}).feature; });
        };
        made.inputs = [setup, planes = planes_of()] {
            return setup->named({{"planes", planes}, setup->named_cameras()});
        };
    } else if (name == "raw_step") {
        made.gflop = 2 * renderer;
        renders();
        return render_step(std::move(made), setup, planes_of());
    } else if (name == "upsampler") {
        made.gflop = upsampler;
        const c10::NoGradGuard guard;
        const auto seen = setup->features({planes_of()});
        made.run = [setup, seen] { return without_gradient([&] { return setup->image(seen, setup->ws); }); };
        made.inputs = [setup, seen] { return NamedTensors{{"ws", setup->ws.tensor()}, {"features", seen.feature}}; };
    } else if (name == "step_latent" || name == "step_weights") {
        // Forward, gradient of activations and, with weights, of those: as much arithmetic each.
        const auto with_weights = name == "step_weights";
        made.gflop = (with_weights ? 3 : 2) * (backbone + renderer + upsampler);
        renders();
        return picture_step(std::move(made), setup, with_weights);
    } else {
        throw Error(Errc::internal, "no such case: " + std::string(name));
    }
    return made;
}

ConvolutionSize convolution_named(std::string_view name) {
    if (name == "conv3x3_64") return {512, 512, 64};
    if (name == "conv3x3_128") return {256, 256, 128};
    if (name == "conv3x3_256") return {256, 256, 256};
    if (name == "conv3x3_512") return {128, 128, 512};
    if (name == "conv_up_256") return {256, 128, 256, true};
    throw Error(Errc::internal, "no such convolution: " + std::string(name));
}

Case convolution_case(std::string name, const ConvolutionSize& size, std::int64_t batch) {
    const auto [inputs, outputs, side, doubles] = size;
    const auto x = numbers({batch, inputs, side, side}, picture_seed);
    const auto weight = numbers({outputs, inputs, 3, 3}, weight_seed);
    const auto styles = numbers({batch, inputs}, latent_seed) * 0.3 + 1;
    const auto filter = ops::fir_filter();

    // One set of weights, modulated beforehand: what is left is a convolution of LibTorch's, in one of its layouts.
    auto modulated = weight.to(at::kDouble) * styles[0].to(at::kDouble).view({1, inputs, 1, 1});
    modulated = modulated * (modulated.square().sum({1, 2, 3}, true) + 1e-8).rsqrt();
    const auto convolved = [outputs = outputs, doubles = doubles](const at::Tensor& picture, const at::Tensor& weights,
                                                                  const at::Tensor& taps) {
        if (!doubles) return at::conv2d(picture, weights, {}, 1, 1);
        return at::conv2d(at::conv_transpose2d(picture, weights, {}, 2), taps, {}, 1, 1, 1, outputs);
    };
    const auto taps = (filter * 4).expand({outputs, 1, 4, 4});
    const auto stored = doubles ? modulated.transpose(0, 1).contiguous() : modulated;

    Case made;
    made.name = std::move(name);
    made.batch = batch;
    made.gflop = static_cast<double>(batch) *
                 (doubles ? doubling_flop(inputs, outputs, side) : convolution_flop(inputs, outputs, 3, side)) / 1e9;
    made.run = [=, doubles = doubles] {
        return without_gradient([&] {
            return ops::modulated_conv2d(x, weight, styles, filter,
                                         {.resample = doubles ? ops::Resample::up_2x : ops::Resample::none});
        });
    };
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast})
        made.plain.push_back({format == at::MemoryFormat::Contiguous ? "plain_nchw" : "plain_nhwc",
                              [picture = x.contiguous(format), weights = stored.to(at::kFloat).contiguous(format),
                               filters = taps.to(at::kFloat).contiguous(format), convolved] {
                                  return without_gradient([&] { return convolved(picture, weights, filters); });
                              }});

    // The upper rows of the first picture tell as much as all: they need the upper rows alone.
    const auto rows = std::min<std::int64_t>(doubles ? 2 * side : side, 64);
    const auto needed = std::min(side, doubles ? rows / 2 + 4 : rows + 2);
    made.part = [rows](const at::Tensor& result) { return result.narrow(0, 0, 1).narrow(2, 0, rows); };
    made.truth = [=] {
        const c10::NoGradGuard guard;
        return convolved(x.narrow(0, 0, 1).narrow(2, 0, needed).to(at::kDouble), stored, taps.to(at::kDouble))
            .narrow(2, 0, rows);
    };
    made.inputs = [=] { return NamedTensors{{"x", x}, {"weight", weight}, {"styles", styles}, {"filter", filter}}; };
    return made;
}

Case train_case(const std::filesystem::path& file) {
    const auto config = read_config(file);
    StreamSource<CounterRandom> initial{CounterRandom(config.seed, 0)};
    auto model = Eg3d::initial(config.model, initial);
    scale_density(model, config.paired.surface.scale);

    struct Training {
        PairedObjective<Eg3d> objective;
        Replay random{jitter_seed};
        std::vector<at::Tensor> leaves{};
    };
    const auto training = std::make_shared<Training>(Training{PairedObjective(std::move(model), config.paired)});
    for (const auto& each : training->objective.groups().front().parameters)
        training->leaves.push_back(each.tensor.requires_grad_(true));
    const auto batch = PairedHeads(config.data).batch(0, config.trainer.batch);
    training->objective.begin(batch, {}, {}, training->random);

    Case made;
    made.name = "train_step";
    made.batch = config.trainer.batch;
    const auto heads = static_cast<double>(made.batch), pictures = static_cast<double>(batch.pictured.numel());
    const auto points = static_cast<double>(batch.points.size(0) * batch.points.size(1));
    made.samples = pictures * picture_samples(config.model) + points;
    made.rays = pictures * static_cast<double>(config.model.raw_resolution * config.model.raw_resolution);
    made.gflop = 3e-9 * (heads * (mapping_flop(config.model) + backbone_flop(config.model)) +
                         made.samples * sample_flop(config.model) + pictures * upsampler_flop(config.model));
    made.run = [training] {
        auto& [objective, random, leaves] = *training;
        random.rewind();
        std::vector<at::Tensor> losses;
        const auto gradient = gradients_of(leaves, [&, &objective = objective, &random = random] {
            objective.backward(0, {}, random, [&](std::string_view, const at::Tensor& loss) {
                losses.push_back(loss.detach().to(at::kDouble).mean().reshape(1));
            });
        });
        return Outcome{{}, at::cat(losses), gradient};
    };
    return made;
}

}  // namespace cameo::apps::bench
