// SPDX-License-Identifier: Apache-2.0
#include <cameo/invert/latent_search.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/core/numpy_random.hpp>
#include <cameo/core/shape.hpp>
#include <cameo/losses/latent.hpp>
#include <cameo/losses/picture.hpp>
#include <cameo/ops/resize.hpp>

#include "invert/options.hpp"

namespace cameo::detail {
namespace {

/// Cameras as leaves that are turned about the world's origin and moved.
struct MovedCameras {
    Cameras from;
    at::Tensor rotation, translation;  // [N, 3]

    explicit MovedCameras(const Cameras& cameras)
        : from(cameras),
          rotation(at::zeros({cameras.size(), 3}, cameras.options())),
          translation(at::zeros_like(rotation)) {}

    [[nodiscard]] Cameras now() const {
        const auto zero = at::zeros_like(rotation.select(1, 0));
        const auto x = rotation.select(1, 0), y = rotation.select(1, 1), z = rotation.select(1, 2);
        const auto skew = at::stack({zero, -z, y, z, zero, -x, -y, x, zero}, 1).view({-1, 3, 3});
        const auto turn = at::matrix_exp(skew);
        const auto pose = from.world_from_camera.narrow(1, 0, 3);
        const auto turned = at::matmul(turn, pose);
        const auto place = turned.narrow(2, 3, 1) + translation.unsqueeze(2);
        const auto upper = at::cat({turned.narrow(2, 0, 3), place}, 2);
        return {at::cat({upper, from.world_from_camera.narrow(1, 3, 1)}, 1), from.intrinsics};
    }
};

double schedule(const LatentSearch& search, double t) {
    auto rate = search.ramp_down > 0 ? std::min(1.0, (1 - t) / search.ramp_down) : 1.0;
    rate = 0.5 - 0.5 * std::cos(rate * std::numbers::pi);
    return search.ramp_up > 0 ? rate * std::min(1.0, t / search.ramp_up) : rate;
}

}  // namespace

void check_target(const InversionTarget& target) {
    const auto shape = ShapeCheck().expect("pictures", target.pictures, "[N, 3, S, S]");
    check(target.cameras);
    if (target.cameras.size() != shape["N"])
        throw Error(Errc::shape_mismatch, "cameras: expected one for each of " + std::to_string(shape["N"]) +
                                              " pictures, got " + std::to_string(target.cameras.size()));
    if (target.mask.defined())
        ShapeCheck().bind("N", shape["N"]).bind("S", shape["S"]).expect("mask", target.mask, "[N, 1, S, S]");
    if (!target.pictures.is_floating_point() || !target.pictures.isfinite().all().item<bool>())
        throw Error(Errc::invalid_argument, "pictures: expected finite floating point numbers, got others");
}

void check_terms(const std::vector<LossTerm>& terms) {
    if (terms.empty()) throw Error(Errc::invalid_argument, "losses: expected at least one term, got none");
    for (const auto& term : terms)
        if (!(term.weight >= 0) || !std::isfinite(term.weight))
            throw Error(
                Errc::invalid_argument,
                "losses: " + term.loss.name + ": expected a weight of at least 0, got " + std::to_string(term.weight));
}

Json describe_terms(const std::vector<LossTerm>& terms) {
    Json all = Json::array();
    for (const auto& term : terms) all.push_back(Json::array({term.loss.name, term.weight}));
    return all;
}

Json describe_render(const RenderOptions& render) {
    const auto optional = [](const auto& value) { return value ? Json(*value) : Json(); };
    return {{"raw_resolution", render.raw_resolution},
            {"samples", optional(render.samples)},
            {"fine_samples", optional(render.fine_samples)},
            {"jitter", static_cast<int>(render.jitter)},
            {"force_float32", render.force_float32}};
}

Json describe_search(const LatentSearch& s, LatentSpace space) {
    return {{"space", space == LatentSpace::w ? "w" : "w+"},
            {"terms", describe_terms(s.terms)},
            {"steps", s.steps},
            {"learning_rate", s.learning_rate},
            {"ramps", {s.ramp_up, s.ramp_down}},
            {"patience", s.patience},
            {"perturbation", {s.perturbation, s.perturbation_until}},
            {"statistics", s.statistics ? Json(s.statistics->deviation) : Json()},
            {"statistics_of", {s.statistics_count, s.statistics_seed}},
            {"distance_weight", s.distance_weight},
            {"noise", s.optimise_noise ? Json(s.noise_weight) : Json()},
            {"cameras",
             s.cameras ? Json({s.cameras->rotation_rate, s.cameras->translation_rate, s.cameras->warm_up}) : Json()},
            {"render", describe_render(s.render)}};
}

std::string checked_description(const LatentSearch& search, LatentSpace space, const InversionTarget& target) {
    check_target(target);
    check_terms(search.terms);
    return describe_search(search, space).dump();
}

TargetLosses::TargetLosses(const std::vector<LossTerm>& terms, const InversionTarget& target)
    : terms_(terms), target_(target) {}

void TargetLosses::append(std::vector<Stage::Value>& values, Portrait portrait, const Cameras& cameras) {
    ShapeCheck()
        .bind("N", target_.pictures.size(0))
        .bind("S", target_.pictures.size(2))
        .expect("picture of the generator", portrait.image, "[N, 3, S, S]");
    const auto asked = labels(cameras).to(portrait.image.options());
    if (features_.empty()) {
        const c10::NoGradGuard no_grad;
        const auto pictures = target_.pictures.to(portrait.image.options());
        raw_ = ops::resize(pictures, portrait.image_raw.size(2), portrait.image_raw.size(3), /*antialias=*/true);
        for (const auto& term : terms_) features_.push_back(term.loss.features({pictures, raw_, {}, {}}, asked));
    }
    if (target_.mask.defined()) {
        const auto mask = target_.mask.to(portrait.image.options());
        portrait.image = losses::masked(portrait.image, target_.pictures.to(portrait.image.options()), mask);
        portrait.image_raw = losses::masked(
            portrait.image_raw, raw_,
            ops::resize(mask, portrait.image_raw.size(2), portrait.image_raw.size(3), /*antialias=*/true));
    }
    for (std::size_t i = 0; i < terms_.size(); ++i) {
        const auto& [loss, weight] = terms_[i];
        values.push_back({loss.name, weight, loss.distance(loss.features(portrait, asked), features_[i]).mean()});
    }
}

void copy_named(const NamedTensors& from, const NamedTensors& to) {
    const c10::NoGradGuard no_grad;
    for (const auto& [name, tensor] : from) {
        const auto place = std::ranges::find(to, name, &NamedTensor::name);
        if (place == to.end() || place->tensor.sizes() != tensor.sizes())
            throw Error(Errc::model_mismatch,
                        "tuned tensor '" + name + "': expected a generator that has it in this shape, got another");
        place->tensor.copy_(tensor);
    }
}

Inversion search_latent(Session& session, const GeneratorCalls& generator, const InversionTarget& target,
                        const LatentSearch& search, LatentSpace space, double budget_share) {
    const auto& [random, context, budget, on_step, save, save_every, resume] = session.settings();
    if (search.optimise_noise && generator.noise.empty())
        throw Error(Errc::model_mismatch, "noise: expected a generator whose layers add noise, got one without");
    auto statistics = search.statistics;
    if (!statistics) {
        const c10::NoGradGuard no_grad;
        StreamSource numbers{NumpyRandom(search.statistics_seed)};
        statistics = generator.statistics(search.conditioning.value_or(target.cameras).slice(0, 1),
                                          search.statistics_count, numbers);
    }
    const auto mean = statistics->mean.detach();
    const auto options = mean.options().requires_grad(false);
    const auto width = mean.numel();
    const auto rows = space == LatentSpace::w ? 1 : generator.num_ws;

    auto w = mean.view({1, 1, width}).expand({1, rows, width}).clone();
    w.requires_grad_(true);
    MovedCameras cameras(target.cameras.to(options));
    Stage stage{.name = "latent",
                .groups = {{{{"w", w}}, search.learning_rate}},
                .steps = search.steps,
                .budget = session.seconds_left(budget_share),
                .patience = search.patience};
    if (search.cameras) {
        for (const auto& [leaf, rate, leaf_name] :
             {std::tuple(cameras.rotation, search.cameras->rotation_rate, "rotation"),
              std::tuple(cameras.translation, search.cameras->translation_rate, "translation")}) {
            leaf.requires_grad_(true);
            stage.groups.push_back({{{leaf_name, leaf}}, rate});
        }
    }
    if (search.optimise_noise)
        for (const auto& [name, tensor] : generator.noise) {
            tensor.copy_(random.normal(tensor.sizes(), tensor.options().requires_grad(false)));
            tensor.requires_grad_(true);
            stage.groups.front().tensors.push_back({name, tensor});
        }

    TargetLosses losses(search.terms, target);
    stage.rate = [&](double share) { return schedule(search, share); };
    stage.losses = [&](double share) {
        auto seen = w;
        if (search.perturbation > 0) {
            const auto left = search.perturbation_until > 0 ? std::max(0.0, 1 - share / search.perturbation_until) : 0;
            seen = w + random.normal(w.sizes(), options) * (statistics->deviation * search.perturbation * left * left);
        }
        const WLatent ws(seen.expand({1, generator.num_ws, width}));
        const auto moves = search.cameras && share >= search.cameras->warm_up;
        const auto views = moves ? cameras.now() : cameras.from;
        auto quiet = context;
        quiet.progress = {};
        std::vector<Stage::Value> values;
        losses.append(values, generator.draw(ws, views, search.render, random, quiet), views);
        if (search.distance_weight > 0) {
            const auto scale = std::max(statistics->deviation, 1e-12);
            values.push_back({"distance", search.distance_weight, ((w - mean) / scale).square().sum(2).mean()});
        }
        if (search.optimise_noise)
            values.push_back({"noise", search.noise_weight, cameo::losses::noise_correlation(generator.noise)});
        return values;
    };
    if (search.optimise_noise)
        stage.after = [&] {
            const c10::NoGradGuard no_grad;
            for (const auto& [name, tensor] : generator.noise) {
                tensor.sub_(tensor.mean());
                tensor.mul_(tensor.square().mean().rsqrt());
            }
        };
    session.run(stage);

    const c10::NoGradGuard no_grad;
    Inversion found{WLatent(w.detach().expand({1, generator.num_ws, width}).contiguous()), cameras.now()};
    if (!search.cameras) found.cameras = cameras.from;
    if (search.optimise_noise)
        for (const auto& [name, tensor] : generator.noise) {
            found.noise.push_back({name, tensor.detach().clone()});
            tensor.requires_grad_(false);
        }
    found.stages = session.summaries();
    return found;
}

}  // namespace cameo::detail
