// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/cameras.hpp>
#include <cameo/core/context.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/latent.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/generate/parameters.hpp>
#include <cameo/losses/picture_loss.hpp>

namespace cameo {

/// One head, seen once or several times.
/// Shapes   pictures [N, 3, S, S], S the generator's; cameras N; mask [N, 1, S, S], 1 where a pixel counts, or undefined
/// Units    colours in [-1, 1]
struct InversionTarget {
    at::Tensor pictures;
    Cameras cameras;
    at::Tensor mask{};
};

/// A part of what is made small: the weighted mean over the views.
struct LossTerm {
    losses::PictureLoss loss;
    double weight = 1.0;
};

/// Where an inversion stands, after a step. Lifetime: the call
struct InversionStep {
    std::string_view stage;  ///< "latent", "tuning"
    std::int64_t step = 0;   ///< counted from 1
    std::int64_t steps = 0;  ///< of this stage; fewer than asked for when the budget has no room for them
    double loss = 0.0;       ///< before the step
    double rate = 0.0;       ///< by which learning rates were multiplied
    std::vector<std::pair<std::string, double>> terms{};  ///< unweighted
};

/// How a stage went.
struct StageSummary {
    enum class End : std::uint8_t {
        steps,    ///< all of them done
        budget,   ///< no time left
        settled,  ///< nothing improved any more
        reached,  ///< as near as was asked for
    };
    std::string stage;
    End end = End::steps;
    std::int64_t steps = 0;
    double first_loss = 0.0, last_loss = 0.0;
    double seconds = 0.0;

    friend bool operator==(const StageSummary&, const StageSummary&) = default;
};

/// "steps", "budget", "settled", "reached".
[[nodiscard]] CAMEO_API std::string_view name(StageSummary::End end) noexcept;

/// What an inversion has found. Draw it with applied(generator, inversion).
/// Shapes   ws [1, num_ws, w_dim]; cameras N: the target's, or what they became
struct Inversion {
    WLatent ws;
    Cameras cameras;
    NamedTensors noise{};  ///< optimised noise; empty: the generator's own
    NamedTensors tuned{};  ///< what parameters became; empty: the generator's own
    std::vector<StageSummary> stages{};
};

/// What an inversion needs besides generator and target. Everything is borrowed for the call.
struct InversionRun {
    RandomSource& random;
    const Context& context;  ///< progress is told in steps

    double budget = 0.0;  ///< seconds for all stages; 0: no limit. With one, results depend on the machine's speed

    /// After every step; may be empty.
    std::function<void(const InversionStep&)> on_step{};

    /// Receives what a run needs to go on as if nothing had happened, every `save_every` steps and when it is cancelled.
    /// Its tensors share memory with the run: write them before returning.
    std::function<void(const StateDict&)> save{};
    std::int64_t save_every = 50;

    /// What save() received in a run of the same generator, target, options and random source.
    const StateDict* resume = nullptr;
};

}  // namespace cameo
