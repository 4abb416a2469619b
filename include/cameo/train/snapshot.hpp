// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <cameo/concepts/dataset.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/generate/parameters.hpp>
#include <cameo/train/phase.hpp>

namespace cameo {

/// A number as RunOptions hold it: the shortest text that gives its bits.
[[nodiscard]] CAMEO_API std::string option_text(double value);

/// A network's description, as model files hold it, as options under "NETWORK/...". Errors: bad_file: not JSON
[[nodiscard]] CAMEO_API RunOptions model_options(const std::string& network, const std::string& description);

/// A run between two steps: all that decides the ones to come.
struct Snapshot {
    TrainState state;  ///< the data's order needs no more than this: datasets are functions of the items' numbers
    RunOptions options;
    NamedTensors tensors;           ///< names are unique
    std::vector<std::byte> random;  ///< RandomSource::save()
};

/// As a file holds it; tensors on the CPU are shared, not copied.
[[nodiscard]] CAMEO_API StateDict stored(const Snapshot& snapshot);

/// The other way round. `into.tensors` is copied into, all other members are overwritten, and nothing changes at all
/// when something is wrong.
/// Errors   bad_file: no such snapshot; a tensor that is missing, left over, or of another shape or type;
///          resume_mismatch: a run with other options than `into.options`, naming those that differ
CAMEO_API void restore(const StateDict& stored, Snapshot& into);

}  // namespace cameo
