// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include <cameo/generate/eg3d.hpp>
#include <cameo/train/paired.hpp>
#include <cameo/train/phase.hpp>

#include "train/config.hpp"

namespace cameo::apps {

/// Who follows a run. Both may be empty.
struct TrainWatcher {
    std::function<void(const std::string& line)> say;
    /// After each validation: the running average, and heads with pictures that no training sees.
    std::function<void(const Eg3d& average, const PairedBatch& unseen, const TrainState& state)> on_validation;
};

/// Trains as docs/training.md says, going on where the newest sound snapshot stands; writes snapshots, model.safetensors,
/// stats.jsonl and run.html into the output folder. Where the environment says so (process_place()), together with other
/// processes, the first of which writes and is watched; true on that one.
/// Errors   cancelled: a stop was requested; the step that ran has its snapshot. Those of Trainer, HeadSet, Eg3d,
///          process_place() and GlooGroup; device_unsupported; io_failure
bool train(const TrainConfig& config, const TrainWatcher& watcher, const std::stop_token& stop);

/// What a run would take here, from two of its steps, which leave nothing behind.
struct TrainEstimate {
    std::int64_t parameters = 0;
    double seconds_per_step = 0.0, seconds = 0.0;  ///< of the second step, of all steps
    std::int64_t peak_bytes = 0;                   ///< of this process up to now
};
[[nodiscard]] TrainEstimate estimate_training(const TrainConfig& config);

}  // namespace cameo::apps
