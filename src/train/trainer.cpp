// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/trainer.hpp>

#include <charconv>
#include <sstream>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

namespace cameo::detail {

void ReportSums::add(std::string_view name, const at::Tensor& values) {
    const auto sum = values.detach().to(at::kDouble).sum();
    auto place = sums_.find(name);
    if (place == sums_.end()) place = sums_.emplace(std::string(name), Sum{}).first;
    place->second.sum = place->second.sum.defined() ? place->second.sum + sum : sum;
    place->second.count += values.numel();
}

std::map<std::string, ReportSums::Total> ReportSums::take() {
    std::map<std::string, Total> totals;
    for (const auto& [name, sum] : sums_)
        if (sum.count > 0) totals[name] = {sum.sum.item<double>(), sum.count};
    sums_.clear();
    return totals;
}

std::map<std::string, double> ReportSums::means(const std::map<std::string, Total>& totals) {
    std::map<std::string, double> means;
    for (const auto& [name, total] : totals) means[name] = total.sum / static_cast<double>(total.count);
    return means;
}

std::string ReportSums::text(const std::map<std::string, Total>& totals) {
    std::string text;
    for (const auto& [name, total] : totals)
        text += option_text(total.sum) + ' ' + std::to_string(total.count) + ' ' + name + '\n';
    return text;
}

std::map<std::string, ReportSums::Total> ReportSums::added(const std::vector<std::string>& texts) {
    std::map<std::string, Total> totals;
    for (const auto& text : texts) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            const auto* const end = line.data() + line.size();
            Total own;
            const auto after_sum = std::from_chars(line.data(), end, own.sum).ptr;  // also "nan" and "inf"
            const auto after_count = std::from_chars(after_sum + 1, end, own.count).ptr;
            auto& total = totals[std::string(after_count + 1, end)];
            total.sum += own.sum;
            total.count += own.count;
        }
    }
    return totals;
}

std::string text(const RunOptions& options) { return nlohmann::json(options).dump(); }

void check_alike(const std::vector<std::string>& options_of_all) {
    for (std::size_t rank = 1; rank < options_of_all.size(); ++rank) {
        if (options_of_all[rank] == options_of_all.front()) continue;
        const auto first = nlohmann::json::parse(options_of_all.front()),
                   own = nlohmann::json::parse(options_of_all[rank]);
        const auto text_in = [](const nlohmann::json& options, const std::string& name) {
            return options.contains(name) ? options.at(name).get<std::string>() : std::string("not there");
        };
        for (const auto* options : {&first, &own})
            for (const auto& [name, value] : options->items())
                if (text_in(first, name) != text_in(own, name))
                    throw Error(Errc::invalid_argument, "process " + std::to_string(rank) + ": " + name +
                                                            ": expected process 0's " + text_in(first, name) +
                                                            ", got " + text_in(own, name));
    }
}

at::Tensor packed(const TrainState& state, std::span<const std::byte> random) {
    auto words = at::empty({static_cast<std::int64_t>(2 + random.size())}, at::kLong);
    auto* const data = words.mutable_data_ptr<std::int64_t>();
    data[0] = state.step;
    data[1] = state.images;
    for (std::size_t i = 0; i < random.size(); ++i) data[2 + i] = std::to_integer<std::int64_t>(random[i]);
    return words;
}

TrainState unpacked(const at::Tensor& packed, std::vector<std::byte>& random) {
    const auto* const data = packed.const_data_ptr<std::int64_t>();
    for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<std::byte>(data[2 + i]);
    return {data[0], data[1]};
}

void check(const TrainerOptions& options, std::int64_t processes) {
    const auto positive = [](std::int64_t value, const char* name) {
        if (value < 1)
            throw Error(Errc::invalid_argument,
                        std::string(name) + ": expected at least 1, got " + std::to_string(value));
    };
    positive(options.batch, "batch");
    if (options.batch % processes != 0)
        throw Error(Errc::invalid_argument, "batch: expected a multiple of the run's " + std::to_string(processes) +
                                                " processes, got " + std::to_string(options.batch));
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
