// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <vector>

#include <cameo/concepts/dataset.hpp>
#include <cameo/core/random.hpp>
#include <cameo/generate/parameters.hpp>
#include <cameo/train/phase.hpp>
#include <cameo/train/shard.hpp>

namespace cameo {

/// What a run minimises. A step is begin(batch) and then its phases: each lets gradients flow into one group of
/// parameters, which the trainer's optimiser then follows. backward() finds that group's requires_grad set, all others'
/// unset, and its gradients undefined; it leaves gradients, undefined where there are none. network() is what the run is
/// for: its running average is kept. buffers() are what else a snapshot must hold, under names that differ from groups'.
/// With many processes the batch holds the shard's items and the trainer takes the mean of all gradients, so each is a
/// mean over the step's items times its share of them. All processes draw alike from `random`, whose tensors have the
/// shard's items along their first axis, and end a step with equal buffers; what that needs of others' items comes by
/// shard.average(), which all call.
template <class O>
concept Objective = std::movable<O> &&
    requires(O& objective, const O& kept, const typename O::Batch& batch, std::size_t phase, const TrainState& state,
             const Shard& shard, RandomSource& random, const ReportSink& report) {
    typename O::Network;
    { O::name() } -> std::convertible_to<std::string_view>;
    { kept.groups() } -> std::same_as<std::vector<ParameterGroup>>;
    { kept.phases() } -> std::same_as<std::vector<TrainPhase>>;
    { kept.buffers() } -> std::same_as<NamedTensors>;
    { kept.network() } -> std::same_as<const typename O::Network&>;
    { kept.options() } -> std::same_as<RunOptions>;
    { objective.begin(batch, state, shard, random) } -> std::same_as<void>;
    { objective.backward(phase, state, random, report) } -> std::same_as<void>;
};

}  // namespace cameo
