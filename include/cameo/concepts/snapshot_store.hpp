// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <vector>

#include <cameo/core/state_dict.hpp>

namespace cameo {

/// Where a run's snapshots are kept, by the number of steps done. Laws (test/train/trainer_test.cpp): a snapshot is there
/// as a whole or not at all, whatever interrupts save(); load() throws bad_file for one that was damaged since.
template <class S>
concept SnapshotStore = requires(S& store, const S& kept, std::int64_t step, const StateDict& state) {
    { store.save(step, state) } -> std::same_as<void>;
    { kept.load(step) } -> std::same_as<StateDict>;
    { kept.steps() } -> std::same_as<std::vector<std::int64_t>>;  // ascending
};

}  // namespace cameo
