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
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/dataset.hpp>
#include <cameo/concepts/objective.hpp>
#include <cameo/concepts/process_group.hpp>
#include <cameo/concepts/snapshot_store.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/random.hpp>
#include <cameo/train/adam.hpp>
#include <cameo/train/collectives.hpp>
#include <cameo/train/phase.hpp>
#include <cameo/train/prefetcher.hpp>
#include <cameo/train/schedule.hpp>
#include <cameo/train/shard.hpp>
#include <cameo/train/single_process.hpp>
#include <cameo/train/snapshot.hpp>

namespace cameo {

struct TrainerOptions {
    std::int64_t batch = 8;  ///< items of a step, of all processes together
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

/// Sums of what phases report, where the tensors are: nothing waits for a GPU until totals are asked for.
class CAMEO_API ReportSums {
  public:
    struct Total {
        double sum = 0.0;
        std::int64_t count = 0;
    };

    void add(std::string_view name, const at::Tensor& values);

    /// And begins anew.
    [[nodiscard]] std::map<std::string, Total> take();

    [[nodiscard]] static std::map<std::string, double> means(const std::map<std::string, Total>& totals);

    /// For other processes to read, and the totals of all of them.
    [[nodiscard]] static std::string text(const std::map<std::string, Total>& totals);
    [[nodiscard]] static std::map<std::string, Total> added(const std::vector<std::string>& texts);

  private:
    struct Sum {
        at::Tensor sum;
        std::int64_t count = 0;
    };
    std::map<std::string, Sum, std::less<>> sums_;
};

/// `processes` must divide the batch.
CAMEO_API void check(const TrainerOptions& options, std::int64_t processes);
/// Every process must have process 0's options. Errors: invalid_argument, naming one that differs
CAMEO_API void check_alike(const std::vector<std::string>& options_of_all);
[[nodiscard]] CAMEO_API std::string text(const RunOptions& options);
/// Where a run stands, for broadcasting: its size is the same on all processes; then from the broadcast one.
[[nodiscard]] CAMEO_API at::Tensor packed(const TrainState& state, std::span<const std::byte> random);
[[nodiscard]] CAMEO_API TrainState unpacked(const at::Tensor& packed, std::vector<std::byte>& random);
CAMEO_API void require_gradients(const NamedTensors& tensors, bool required);
CAMEO_API void append(NamedTensors& to, const std::string& prefix, const NamedTensors& tensors);
[[nodiscard]] CAMEO_API RunOptions run_options(const TrainerOptions& trainer, std::string_view objective,
                                               const RunOptions& of_objective, const RunOptions& of_data);

}  // namespace detail

/// Trains: an objective's phases on a data set's batches, step after step, each phase followed by Adam on its group of
/// parameters, each step by the running average; snapshots from which a run goes on exactly, bit for bit on a CPU with
/// as many threads and processes. Of many processes each works on its shard of every batch and all follow the mean of
/// their gradients: numbers depend on how many there are by rounding alone. Process 0 alone has a store and is called
/// back; it begins or resumes, the others take over what it has.
/// Threads  one at a time
template <Objective O, Dataset D, SnapshotStore S, ProcessGroup P = SingleProcess>
requires std::same_as<typename O::Batch, typename D::Batch>
class Trainer {
  public:
    /// Errors   invalid_argument: options outside their ranges; a batch that the processes cannot share equally
    Trainer(O objective, D data, S store, std::unique_ptr<RandomSource> random, const TrainerOptions& options,
            P processes = {})
        : objective_(std::move(objective)),
          data_(std::move(data)),
          store_(std::move(store)),
          random_(std::move(random)),
          options_((detail::check(options, processes.size()), options)),
          group_(std::move(processes)),
          average_(objective_.network().clone()) {
        for (const auto& group : objective_.groups()) {
            detail::require_gradients(group.parameters, false);
            names_.push_back(group.name);
            optimisers_.emplace_back(group.parameters, group.adam);
        }
        detail::require_gradients(average_.parameters(), false);
        average_.set_training(false);
    }

    /// Goes on from the newest snapshot that is sound; tells `note` about damaged ones. False when there is none at all,
    /// and on processes other than 0, which take over its state when they run().
    /// Errors   resume_mismatch: the snapshot of a run with other options; bad_file: all snapshots are damaged
    bool resume(const std::function<void(const std::string&)>& note = {}) {
        if (group_.rank() != 0) return false;
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

    /// Steps until all are done. `on_report` and `on_snapshot` are called after steps, on process 0; the latter after the
    /// snapshot was written.
    /// Errors   cancelled: a stop was requested of any process: the step that ran is done and has its snapshot;
    ///          io_failure: a snapshot could not be written, the one before is whole; peer_lost; invalid_argument:
    ///          processes with different options; those of the data set, the objective and the callbacks
    void run(const Context& context, const std::function<void(const TrainReport&)>& on_report = {},
             const std::function<void()>& on_snapshot = {}) {
        using Clock = std::chrono::steady_clock;
        const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
        const auto save_now = [&] {
            save();
            if (on_snapshot) on_snapshot();
        };
        if (group_.size() > 1) share();
        Prefetcher<D> batches(data_, state_.images, options_.batch, options_.data_threads, shard());
        auto since = Clock::now();
        auto waited = Clock::duration::zero();
        auto last = state_.images;
        while (state_.step < options_.steps) {
            const auto before = Clock::now();
            const auto batch = batches.next();
            waited += Clock::now() - before;
            step(batch);
            const auto ends = state_.step == options_.steps;
            if (ends || state_.step % options_.report_interval == 0) {
                TrainReport report{state_, options_.steps, means()};
                const auto time = std::max(seconds(Clock::now() - since), 1e-9);
                report.images_per_second = static_cast<double>(state_.images - last) / time;
                report.data_share = seconds(waited) / time;
                detail::first_works(group_, [&] {
                    if (on_report) on_report(report);
                });
                since = Clock::now();
                waited = Clock::duration::zero();
                last = state_.images;
            }
            const auto stops = detail::any(group_, context.stop.stop_requested());
            if (ends || stops || state_.step % options_.snapshot_interval == 0) detail::first_works(group_, save_now);
            if (stops && !ends) {
                context.check_cancelled();
                throw Error(Errc::cancelled, "task: expected to finish, got a request to stop another process of it");
            }
        }
    }

    /// One step, without snapshot, on the shard's items of its batch.
    void step(const typename D::Batch& batch) {
        const ReportSink sink = [&](std::string_view name, const at::Tensor& values) { sums_.add(name, values); };
        ShardRandom of_shard(*random_, group_.rank(), group_.size());
        auto& random = group_.size() > 1 ? static_cast<RandomSource&>(of_shard) : *random_;
        objective_.begin(batch, state_, shard(), random);
        const auto phases = objective_.phases();
        for (std::size_t i = 0; i < phases.size(); ++i) {
            if (state_.step % phases[i].interval != 0) continue;
            auto& optimiser = optimisers_[phases[i].group];
            optimiser.clear_gradients();
            detail::require_gradients(optimiser.parameters(), true);
            objective_.backward(i, state_, random, sink);
            detail::require_gradients(optimiser.parameters(), false);
            if (group_.size() > 1) detail::average_gradients(group_, optimiser.parameters());
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

    /// What decides this run's numbers, and what a snapshot must agree with.
    [[nodiscard]] RunOptions options() const {
        return detail::run_options(options_, O::name(), objective_.options(), data_.options());
    }
    [[nodiscard]] const O& objective() const noexcept { return objective_; }
    [[nodiscard]] const D& data() const noexcept { return data_; }

    /// The running average of the objective's network: what a run is for.
    [[nodiscard]] const typename O::Network& average() const noexcept { return average_; }

  private:
    /// Valid while this trainer stays where it is.
    [[nodiscard]] Shard shard() {
        if (group_.size() == 1) return {};
        return {group_.rank(), group_.size(), [this](const at::Tensor& tensor) {
                    group_.sum(tensor);
                    detail::divide(tensor, group_.size());
                }};
    }

    /// Of what was reported since the last time, by all processes.
    [[nodiscard]] std::map<std::string, double> means() {
        using detail::ReportSums;
        const auto own = sums_.take();
        if (group_.size() == 1) return ReportSums::means(own);
        return ReportSums::means(ReportSums::added(detail::texts_of_all(group_, ReportSums::text(own))));
    }

    /// Lets every process stand where process 0 does.
    void share() {
        detail::check_alike(detail::texts_of_all(group_, detail::text(options())));
        auto all = snapshot();
        const auto place = detail::packed(state_, all.random);
        group_.broadcast(place);
        state_ = detail::unpacked(place, all.random);
        random_->load(all.random);
        for (const auto& [name, tensor] : all.tensors) group_.broadcast(tensor);
    }

    /// All that a snapshot holds, sharing memory with the run.
    [[nodiscard]] Snapshot snapshot() const {
        Snapshot result{state_, options(), {}, {}};
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
    P group_;
    typename O::Network average_;
    std::vector<std::string> names_;  // of the groups, with their optimisers
    std::vector<Adam> optimisers_;
    TrainState state_;
    detail::ReportSums sums_;
};

}  // namespace cameo
