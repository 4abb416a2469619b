// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/export.hpp>
#include <cameo/invert/inversion.hpp>
#include <cameo/train/adam.hpp>

namespace cameo::detail {

/// What one stage of an inversion changes, and by what.
struct Stage {
    struct Group {
        NamedTensors tensors;  ///< leaves
        double learning_rate = 0.0;
    };
    struct Value {
        std::string name;
        double weight = 1.0;
        at::Tensor value;  ///< a scalar
    };

    std::string name;
    std::vector<Group> groups;
    std::int64_t steps = 0;
    double budget = 0.0;        ///< seconds; 0: no limit
    std::int64_t patience = 0;  ///< ends when so many steps improve the loss by less than a thousandth; 0: never
    std::function<double(double share)> rate{};                ///< of the learning rates; share of the steps done
    std::function<std::vector<Value>(double share)> losses{};  ///< what is made small; draws random numbers
    std::function<bool(const std::vector<Value>&)> reached{};  ///< asked before a step is made; may be empty
    std::function<void()> after{};                             ///< every step; may be empty
};

/// Runs the stages of an inversion one after the other, and can stop between any two steps and go on later.
class CAMEO_API Session {
  public:
    /// `description`: all options, compared when a run is resumed.
    /// Errors   resume_mismatch: the state is of another run; bad_file: it is no such state
    Session(const InversionRun& run, const InversionTarget& target, std::string description);

    /// Errors   cancelled, after the state was handed to run.save; those of the stage
    void run(const Stage& stage);

    [[nodiscard]] const InversionRun& settings() const noexcept { return run_; }
    [[nodiscard]] double seconds_left(double share) const;  ///< of the budget; 0: no limit
    [[nodiscard]] std::vector<StageSummary> summaries() const { return done_; }

  private:
    struct Loop {  // all numbers that the rest of a stage depends on
        std::int64_t step = 0, planned = 0, best_step = 0;
        double best = 0.0, first = 0.0, last = 0.0, seconds = 0.0;
    };

    [[nodiscard]] StateDict state(const Loop& loop, const std::vector<Adam>& adams,
                                  const std::vector<std::byte>& random) const;
    void restore(const Stage& stage, Loop& loop, std::vector<Adam>& adams) const;

    InversionRun run_;
    const InversionTarget& target_;
    std::string description_;
    std::vector<StageSummary> done_;
    std::vector<NamedTensors> tensors_;  // of the stages so far
    double seconds_ = 0.0;               // of finished stages
};

}  // namespace cameo::detail
