// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/concepts/inverter.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/tensor_state.hpp>

namespace cameo::testing {

/// The laws of InverterFor that `inverter` breaks for this target; none if all hold. Runs it four times, so give it few
/// steps; `interrupted` of them, counted over all stages, are done before one of the runs is cancelled.
template <InvertibleGenerator G, InverterFor<G> I>
[[nodiscard]] std::vector<std::string> broken_laws(const I& inverter, const G& generator, const InversionTarget& target,
                                                   std::int64_t interrupted) {
    std::vector<std::string> broken;
    const auto expect = [&](bool holds, const char* law) {
        if (!holds) broken.emplace_back(law);
    };
    const auto tensors = [&] {
        auto all = generator.parameters();
        if constexpr (NoiseGenerator<G>)
            for (const auto& noise : generator.noise_buffers()) all.push_back(noise);
        return all;
    };
    const auto copied = [](const NamedTensors& from) {
        NamedTensors result;
        for (const auto& [name, tensor] : from) result.push_back({name, tensor.clone()});
        return result;
    };
    const auto equal = [](const NamedTensors& a, const NamedTensors& b) {
        return std::ranges::equal(a, b, [](const NamedTensor& x, const NamedTensor& y) {
            return x.name == y.name && x.tensor.equal(y.tensor);
        });
    };
    const auto alike = [&](const Inversion& a, const Inversion& b) {
        return a.ws.tensor().equal(b.ws.tensor()) && labels(a.cameras).equal(labels(b.cameras)) &&
               equal(a.noise, b.noise) && equal(a.tuned, b.tuned);
    };

    const auto before = copied(tensors());
    const Context context;
    StreamSource<CounterRandom> first_random{CounterRandom(5)};
    const auto found = inverter.invert(generator, target, {first_random, context});
    expect(equal(before, tensors()), "the generator stays as it is");
    for (const auto& [name, tensor] : tensors())
        expect(!tensor.requires_grad() && !tensor.grad().defined(), "the generator's tensors get no gradients");
    expect(found.ws.count() == 1 && found.ws.num_ws() == generator.num_ws() &&
               found.ws.w_dim() == generator.mean_latent().numel() &&
               found.ws.tensor().isfinite().all().template item<bool>(),
           "ws is [1, num_ws, w_dim] and finite");
    expect(found.cameras.size() == target.cameras.size(), "there is a camera for each picture");
    if (!found.tuned.empty())
        expect(std::ranges::equal(found.tuned, generator.parameters(), {}, &NamedTensor::name, &NamedTensor::name),
               "tuned parameters are all of the generator's");

    StreamSource<CounterRandom> second_random{CounterRandom(5)};
    expect(alike(found, inverter.invert(generator, target, {second_random, context})),
           "equal arguments give equal bits");

    StateDict kept;
    const auto keep = [&](const StateDict& state) {
        kept = {};
        kept.metadata = state.metadata;
        for (const auto& entry : state.entries())
            kept.add(entry.name, {entry.tensor.dtype, entry.tensor.shape, memory_source(read_bytes(entry.tensor))});
    };
    std::stop_source stop;
    Context cancelled_context;
    cancelled_context.stop = stop.get_token();
    std::int64_t steps = 0;
    InversionRun cancelled{first_random, cancelled_context};
    first_random = StreamSource<CounterRandom>{CounterRandom(5)};
    cancelled.save = keep;
    cancelled.on_step = [&](const InversionStep&) {
        if (++steps == interrupted) stop.request_stop();
    };
    bool threw = false;
    try {
        (void)inverter.invert(generator, target, cancelled);
    } catch (const Error& error) {
        threw = error.code() == Errc::cancelled;
    }
    expect(threw, "a run that is asked to stop throws cancelled");
    if (!threw) return broken;
    StreamSource<CounterRandom> other_random{CounterRandom(77)};
    InversionRun resumed{other_random, context};
    resumed.resume = &kept;
    expect(alike(found, inverter.invert(generator, target, resumed)),
           "a run that was cancelled and resumed gives the bits of an unbroken one");
    return broken;
}

}  // namespace cameo::testing
