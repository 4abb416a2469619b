// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/trainer.hpp>

#include <ATen/ATen.h>

namespace cameo::detail {

void ReportSums::add(std::string_view name, const at::Tensor& values) {
    const auto sum = values.detach().to(at::kDouble).sum();
    auto place = sums_.find(name);
    if (place == sums_.end()) place = sums_.emplace(std::string(name), Sum{}).first;
    place->second.sum = place->second.sum.defined() ? place->second.sum + sum : sum;
    place->second.count += values.numel();
}

std::map<std::string, double> ReportSums::take() {
    std::map<std::string, double> means;
    for (const auto& [name, sum] : sums_)
        if (sum.count > 0) means[name] = sum.sum.item<double>() / static_cast<double>(sum.count);
    sums_.clear();
    return means;
}

void check(const TrainerOptions& options) {
    const auto positive = [](std::int64_t value, const char* name) {
        if (value < 1)
            throw Error(Errc::invalid_argument,
                        std::string(name) + ": expected at least 1, got " + std::to_string(value));
    };
    positive(options.batch, "batch");
    positive(options.steps, "steps");
    positive(options.snapshot_interval, "snapshot interval");
    positive(options.report_interval, "report interval");
    if (options.data_threads < 0 || options.data_threads > 256)
        throw Error(Errc::invalid_argument,
                    "data threads: expected 0 to 256, got " + std::to_string(options.data_threads));
}

void require_gradients(const NamedTensors& tensors, bool required) {
    for (const auto& [name, tensor] : tensors) tensor.requires_grad_(required);
}

void append(NamedTensors& to, const std::string& prefix, const NamedTensors& tensors) {
    for (const auto& [name, tensor] : tensors) to.push_back({prefix + name, tensor});
}

RunOptions run_options(const TrainerOptions& trainer, std::string_view objective, const RunOptions& of_objective,
                       const RunOptions& of_data) {
    RunOptions result{
        {"objective", std::string(objective)},
        {"batch", std::to_string(trainer.batch)},
        {"steps", std::to_string(trainer.steps)},
        {"learning_rate.shape", trainer.learning_rate.shape == LearningRate::Shape::cosine ? "cosine" : "constant"},
        {"learning_rate.warm_up", std::to_string(trainer.learning_rate.warm_up)},
        {"learning_rate.last", option_text(trainer.learning_rate.last)},
        {"average.half_life", option_text(trainer.average.half_life)},
        {"average.ramp_up", option_text(trainer.average.ramp_up)}};
    // A constant rate does not depend on how many steps are to come: such a run may be made longer.
    if (trainer.learning_rate.shape == LearningRate::Shape::constant) result.erase("steps");
    for (const auto& [name, value] : of_objective) result["objective." + name] = value;
    for (const auto& [name, value] : of_data) result["data." + name] = value;
    return result;
}

}  // namespace cameo::detail
