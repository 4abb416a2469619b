// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/generate/parameters.hpp>
#include <cameo/train/adam.hpp>

namespace cameo {

/// How far a run has come: before a step, what was done before it.
struct TrainState {
    std::int64_t step = 0;
    std::int64_t images = 0;  ///< training items seen
    friend bool operator==(const TrainState&, const TrainState&) = default;
};

/// Parameters that one optimiser follows.
struct ParameterGroup {
    std::string name;  ///< of the network; begins its tensors' names in snapshots
    NamedTensors parameters;
    AdamOptions adam;
};

/// A part of a step that ends with the optimiser of `group`. Runs when the number of steps done is a multiple of
/// `interval`.
struct TrainPhase {
    std::string name;
    std::size_t group = 0;
    std::int64_t interval = 1;
};

/// Receives what a phase has to tell, under the published names ("Loss/G/loss"): any number of values of one kind.
/// May be empty.
using ReportSink = std::function<void(std::string_view name, const at::Tensor& values)>;

}  // namespace cameo
