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
    if (const auto& augmentation = options.augmentation) {
        const auto& k = augmentation->kinds;
        std::string kinds;
        for (const auto on : {k.flip, k.quarter_turn, k.whole_shift, k.scale, k.rotation, k.aspect, k.shift,
                              k.brightness, k.contrast, k.luma_flip, k.hue, k.saturation})
            kinds += on ? '1' : '0';
        result["augmentation.kinds"] = kinds;
        result["augmentation.strength"] = option_text(augmentation->strength);
        result["augmentation.target"] = augmentation->target ? option_text(*augmentation->target) : "none";
        result["augmentation.interval"] = std::to_string(augmentation->interval);
        result["augmentation.over"] = option_text(augmentation->over);
    }
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

void follow_mean(const at::Tensor& mean, const at::Tensor& latents, double decay, const Shard& shard) {
    const c10::NoGradGuard no_grad;
    const auto here = latents.detach().mean(0);
    if (shard.average) shard.average(here);
    mean.copy_(here.lerp(mean, decay));
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

AugmentationState::AugmentationState(double initial)
    : strength(at::full({}, initial, at::kDouble)), signs(at::zeros({2}, at::kDouble)) {}

void AugmentationState::count(const at::Tensor& logits_of_real, const Shard& shard) const {
    const auto found = logits_of_real.detach().sign().to(at::kDouble).sum().to(at::kCPU);
    if (shard.average) shard.average(found);
    signs.select(0, 0).add_(found);
    signs.select(0, 1).add_(static_cast<double>(logits_of_real.numel()));
}

void AugmentationState::look(const AugmentationOptions& options, std::int64_t batch) const {
    const auto seen = signs[1].item<double>();
    if (options.target && seen > 0) {
        const auto excess = signs[0].item<double>() / seen - *options.target;
        const auto direction = excess > 0 ? 1.0 : (excess < 0 ? -1.0 : 0.0);
        // Quirk: no upper bound; beyond 1 all changes happen always.
        strength.add_(direction * static_cast<double>(batch * options.interval) / options.over).clamp_min_(0.0);
    }
    signs.zero_();
}

std::int64_t rounded_side(double side) { return static_cast<std::int64_t>(std::nearbyint(side)); }

}  // namespace detail
}  // namespace cameo
