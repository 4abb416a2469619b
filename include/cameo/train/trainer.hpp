// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/dataset.hpp>
#include <cameo/concepts/objective.hpp>
#include <cameo/concepts/snapshot_store.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/random.hpp>
#include <cameo/train/adam.hpp>
#include <cameo/train/phase.hpp>
#include <cameo/train/prefetcher.hpp>
#include <cameo/train/schedule.hpp>
#include <cameo/train/snapshot.hpp>

namespace cameo {

struct TrainerOptions {
    std::int64_t batch = 8;  ///< items of a step
    std::int64_t steps = 1000;
    std::int64_t snapshot_interval = 1000;  ///< steps; the last step has a snapshot anyhow
    std::int64_t report_interval = 100;     ///< steps
    int data_threads = 1;                   ///< that make batches ahead of time; 0: none
    LearningRate learning_rate{};
    MovingAverage average{};
};

/// What a run has to tell now and then.
struct TrainReport {
    TrainState state;
    std::int64_t steps = 0;                ///< of the whole run
    std::map<std::string, double> values;  ///< means since the report before
    double images_per_second = 0.0;        ///< since the report before
    double data_share = 0.0;               ///< of that time, spent on waiting for data
};

namespace detail {

/// Sums of what phases report, where the tensors are: nothing waits for a GPU until means are asked for.
class CAMEO_API ReportSums {
  public:
    void add(std::string_view name, const at::Tensor& values);
    [[nodiscard]] std::map<std::string, double> take();

  private:
    struct Sum {
        at::Tensor sum;
        std::int64_t count = 0;
    };
    std::map<std::string, Sum, std::less<>> sums_;
};

CAMEO_API void check(const TrainerOptions& options);
CAMEO_API void require_gradients(const NamedTensors& tensors, bool required);
CAMEO_API void append(NamedTensors& to, const std::string& prefix, const NamedTensors& tensors);
[[nodiscard]] CAMEO_API RunOptions run_options(const TrainerOptions& trainer, std::string_view objective,
                                               const RunOptions& of_objective, const RunOptions& of_data);

}  // namespace detail

/// Trains: an objective's phases on a data set's batches, step after step, each phase followed by Adam on its group of
/// parameters, each step by the running average; snapshots from which a run goes on exactly, bit for bit on a CPU with
/// as many threads.
/// Threads  one at a time
template <Objective O, Dataset D, SnapshotStore S>
requires std::same_as<typename O::Batch, typename D::Batch>
class Trainer {
  public:
    /// Errors   invalid_argument: options outside their ranges
    Trainer(O objective, D data, S store, std::unique_ptr<RandomSource> random, const TrainerOptions& options)
        : objective_(std::move(objective)),
          data_(std::move(data)),
          store_(std::move(store)),
          random_(std::move(random)),
          options_((detail::check(options), options)),
          average_(objective_.network().clone()) {
        for (const auto& group : objective_.groups()) {
            detail::require_gradients(group.parameters, false);
            names_.push_back(group.name);
            optimisers_.emplace_back(group.parameters, group.adam);
        }
        detail::require_gradients(average_.parameters(), false);
        average_.set_training(false);
    }

    /// Goes on from the newest snapshot that is sound; tells `note` about damaged ones. False when there is none at all.
    /// Errors   resume_mismatch: the snapshot of a run with other options; bad_file: all snapshots are damaged
    bool resume(const std::function<void(const std::string&)>& note = {}) {
        const auto steps = store_.steps();
        for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
            try {
                auto snapshot = this->snapshot();
                restore(store_.load(*step), snapshot);
                random_->load(snapshot.random);
                state_ = snapshot.state;
                return true;
            } catch (const Error& damaged) {
                if (damaged.code() != Errc::bad_file) throw;
                if (note) note(damaged.what());
                if (std::next(step) == steps.rend())
                    throw Error(Errc::bad_file, "snapshots: expected a sound one, got " + std::to_string(steps.size()) +
                                                    " damaged ones; the oldest: " + damaged.what());
            }
        }
        return false;
    }

    /// Steps until all are done. `on_report` and `on_snapshot` are called after steps; the latter after the snapshot
    /// was written.
    /// Errors   cancelled: a stop was requested: the step that ran is done and has its snapshot; io_failure: a snapshot
    ///          could not be written, the one before is whole; those of the data set and the objective
    void run(const Context& context, const std::function<void(const TrainReport&)>& on_report = {},
             const std::function<void()>& on_snapshot = {}) {
        using Clock = std::chrono::steady_clock;
        const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
        const auto save_now = [&] {
            save();
            if (on_snapshot) on_snapshot();
        };
        Prefetcher<D> batches(data_, state_.images, options_.batch, options_.data_threads);
        auto since = Clock::now();
        auto waited = Clock::duration::zero();
        auto last = state_.images;
        while (state_.step < options_.steps) {
            const auto before = Clock::now();
            const auto batch = batches.next();
            waited += Clock::now() - before;
            step(batch);
            const auto ends = state_.step == options_.steps;
            if (on_report && (ends || state_.step % options_.report_interval == 0)) {
                TrainReport report{state_, options_.steps, sums_.take()};
                const auto time = std::max(seconds(Clock::now() - since), 1e-9);
                report.images_per_second = static_cast<double>(state_.images - last) / time;
                report.data_share = seconds(waited) / time;
                on_report(report);
                since = Clock::now();
                waited = Clock::duration::zero();
                last = state_.images;
            }
            const auto stops = context.stop.stop_requested();
            if (ends || stops || state_.step % options_.snapshot_interval == 0) save_now();
            if (stops && !ends) context.check_cancelled();
        }
    }

    /// One step, without snapshot.
    void step(const typename D::Batch& batch) {
        const ReportSink sink = [&](std::string_view name, const at::Tensor& values) { sums_.add(name, values); };
        objective_.begin(batch, state_, *random_);
        const auto phases = objective_.phases();
        for (std::size_t i = 0; i < phases.size(); ++i) {
            if (state_.step % phases[i].interval != 0) continue;
            auto& optimiser = optimisers_[phases[i].group];
            optimiser.clear_gradients();
            detail::require_gradients(optimiser.parameters(), true);
            objective_.backward(i, state_, *random_, sink);
            detail::require_gradients(optimiser.parameters(), false);
            optimiser.step(options_.learning_rate.factor(state_.step, options_.steps));
            optimiser.clear_gradients();
        }
        options_.average.update(average_.parameters(), objective_.network().parameters(), state_.images,
                                options_.batch);
        copy_tensors(average_.buffers(), objective_.network().buffers());
        ++state_.step;
        state_.images += options_.batch;
    }

    /// Writes a snapshot. Errors: io_failure
    void save() { store_.save(state_.step, stored(snapshot())); }

    [[nodiscard]] const TrainState& state() const noexcept { return state_; }
    [[nodiscard]] const O& objective() const noexcept { return objective_; }
    [[nodiscard]] const D& data() const noexcept { return data_; }

    /// The running average of the objective's network: what a run is for.
    [[nodiscard]] const typename O::Network& average() const noexcept { return average_; }

  private:
    /// All that a snapshot holds, sharing memory with the run.
    [[nodiscard]] Snapshot snapshot() const {
        Snapshot result{
            state_, detail::run_options(options_, O::name(), objective_.options(), data_.options()), {}, {}};
        for (std::size_t i = 0; i < optimisers_.size(); ++i) {
            detail::append(result.tensors, names_[i] + ".", optimisers_[i].parameters());
            detail::append(result.tensors, "adam." + names_[i] + ".", optimisers_[i].state());
        }
        detail::append(result.tensors, "", objective_.buffers());
        detail::append(result.tensors, "average.", average_.parameters());
        detail::append(result.tensors, "average.", average_.buffers());
        result.random = random_->save();
        return result;
    }

    O objective_;
    D data_;
    S store_;
    std::unique_ptr<RandomSource> random_;
    TrainerOptions options_;
    typename O::Network average_;
    std::vector<std::string> names_;  // of the groups, with their optimisers
    std::vector<Adam> optimisers_;
    TrainState state_;
    detail::ReportSums sums_;
};

}  // namespace cameo
