// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/adversarial.hpp>

#include <cmath>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/ops/resize.hpp>

namespace cameo {

AdversarialBatch AdversarialBatch::to(const at::Device& device) const {
    return {image.to(device), labels.to(device), generated_labels.to(device)};
}

namespace detail {
namespace {

void add(RunOptions& to, const std::string& name, const AdamOptions& adam) {
    to[name + ".learning_rate"] = option_text(adam.learning_rate);
    to[name + ".beta1"] = option_text(adam.beta1);
    to[name + ".beta2"] = option_text(adam.beta2);
    to[name + ".epsilon"] = option_text(adam.epsilon);
}

void add(RunOptions& to, const std::string& name, const Fade& fade) {
    to[name + ".from"] = option_text(fade.from);
    to[name + ".to"] = option_text(fade.to);
    to[name + ".over"] = option_text(fade.over);
}

}  // namespace

RunOptions options_of(const AdversarialOptions& options) {
    RunOptions result{{"density_interval", std::to_string(options.density_interval)},
                      {"penalty_interval", std::to_string(options.penalty_interval)},
                      {"penalty", option_text(options.penalty)},
                      {"dual", options.dual ? "true" : "false"},
                      {"style_mixing", option_text(options.style_mixing)},
                      {"density.kind", std::to_string(static_cast<int>(options.density.kind))},
                      {"density.weight", option_text(options.density.weight)},
                      {"density.distance", option_text(options.density.distance)},
                      {"mean_decay", option_text(options.mean_decay)}};
    add(result, "generator", options.generator);
    add(result, "discriminator", options.discriminator);
    add(result, "blur", options.blur);
    add(result, "raw_resolution", options.raw_resolution);
    if (options.pose_swap) add(result, "pose_swap", *options.pose_swap);
    return result;
}

at::Tensor swapped_labels(const at::Tensor& labels, double probability, bool one_coin, RandomSource& random) {
    const auto coins =
        one_coin ? random.uniform({}, labels.options()) : random.uniform({labels.size(0), 1}, labels.options());
    return at::where(coins < probability, labels.roll(1, 0), labels);
}

at::Tensor noisy_labels(const at::Tensor& labels, double strength, RandomSource& random) {
    if (strength == 0.0 || !labels.defined()) return labels;
    return labels + random.normal(labels.sizes(), labels.options()) * labels.std(0) * strength;
}

void follow_mean(const at::Tensor& mean, const at::Tensor& latents, double decay) {
    const c10::NoGradGuard no_grad;
    mean.copy_(latents.detach().mean(0).lerp(mean, decay));
}

at::Tensor uniform_points(std::int64_t scenes, std::int64_t count, at::TensorOptions options, RandomSource& random) {
    return random.uniform({scenes, count, 3}, options) * 2 - 1;
}

at::Tensor with_neighbours(const at::Tensor& points, const at::Tensor& offset) {
    return at::cat({points, points + offset}, 1);
}

WLatent mixed(const WLatent& front, const WLatent& rear, std::int64_t first_of_rear) {
    const auto rows = front.num_ws();
    return WLatent(at::cat(
        {front.tensor().narrow(1, 0, first_of_rear), rear.tensor().narrow(1, first_of_rear, rows - first_of_rear)}, 1));
}

at::Tensor real_raw(const at::Tensor& image, std::int64_t side, double sigma) {
    return losses::blurred(ops::resize(image, side, side, true), sigma);
}

void add_zero_gradients(const NamedTensors& parameters) {
    for (const auto& [name, tensor] : parameters)
        if (tensor.requires_grad() && !tensor.grad().defined() && name != "b4.out.bias")
            tensor.mutable_grad() = at::zeros_like(tensor, tensor.options().requires_grad(false));
}

std::int64_t rounded_side(double side) { return static_cast<std::int64_t>(std::nearbyint(side)); }

}  // namespace detail
}  // namespace cameo
