// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/concepts/dataset.hpp>
#include <cameo/concepts/objective.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>
#include <cameo/train/snapshot.hpp>

namespace cameo::support {

/// A network of one weight vector.
struct Line {
    at::Tensor weight = at::zeros({3}), buffer = at::zeros({1});
    [[nodiscard]] NamedTensors parameters() const { return {{"weight", weight}}; }
    [[nodiscard]] NamedTensors buffers() const { return {{"count", buffer}}; }
    [[nodiscard]] Line clone() const { return {weight.detach().clone(), buffer.clone()}; }
    void set_training(bool) {}
};

/// Fits the line to noisy answers; a second phase, every third step, draws it to zero.
class Fit {
  public:
    using Batch = at::Tensor;  // [N, 4]: three numbers and their answer
    using Network = Line;

    explicit Fit(double rate = 0.1, at::ScalarType type = at::kFloat) : rate_(rate) {
        line_.weight = line_.weight.to(type);
    }

    static constexpr std::string_view name() noexcept { return "fit"; }
    [[nodiscard]] std::vector<ParameterGroup> groups() const {
        return {{"L", line_.parameters(), {.learning_rate = rate_, .beta1 = 0.9}}};
    }
    [[nodiscard]] std::vector<TrainPhase> phases() const { return {{"main"}, {"reg", 0, 3}}; }
    [[nodiscard]] NamedTensors buffers() const { return {{"L.count", line_.buffer}}; }
    [[nodiscard]] const Line& network() const noexcept { return line_; }
    [[nodiscard]] RunOptions options() const { return {{"rate", option_text(rate_)}}; }
    void begin(const at::Tensor& batch, const TrainState&, const Shard&, RandomSource&) { batch_ = batch; }
    void backward(std::size_t phase, const TrainState&, RandomSource& random, const ReportSink& report) {
        if (phase == 1) return line_.weight.square().sum().mul(0.01).backward();
        line_.buffer.add_(1.0);
        const auto batch = batch_.to(line_.weight.scalar_type());
        const auto noise = random.normal({batch.size(0)}, batch.options()).mul(0.1);
        const auto error = at::matmul(batch.narrow(1, 0, 3), line_.weight) - batch.select(1, 3) + noise;
        report("Loss/fit", error.square());
        error.square().mean().backward();
    }

  private:
    double rate_;
    Line line_;
    at::Tensor batch_;
};

struct Answers {
    using Batch = at::Tensor;
    std::string kind = "plain";
    [[nodiscard]] at::Tensor batch(std::int64_t first, std::int64_t count, std::int64_t stride) const {
        std::vector<at::Tensor> rows;
        for (std::int64_t i = 0; i < count; ++i) {
            StreamSource<CounterRandom> random{CounterRandom(9, static_cast<std::uint64_t>(first + i * stride))};
            const auto x = random.normal({3});
            rows.push_back(at::cat({x, at::matmul(x, at::tensor({1.0f, -2.0f, 0.5f})).view({1})}));
        }
        return at::stack(rows);
    }
    [[nodiscard]] RunOptions options() const { return {{"kind", kind}}; }
};
static_assert(Dataset<Answers>);
static_assert(Objective<Fit>);
static_assert(!Objective<Answers>);

}  // namespace cameo::support
