// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <cameo/core/parallel.hpp>
#include <cameo/synth/head_set.hpp>

namespace {

/// Heads a second, truth included; arguments: side of the picture, threads. Linear in pixels and threads is the aim.
void heads(benchmark::State& state) {
    cameo::set_thread_count(static_cast<int>(state.range(1)));
    cameo::synth::HeadSetOptions options;
    options.identities = 4096;
    options.view.size = state.range(0);
    options.cache_bytes = 0;
    const cameo::synth::HeadSet set(options);
    std::int64_t i = 0;
    for (auto _ : state) {
        auto view = set.view(i++ % set.size());
        benchmark::DoNotOptimize(view);
    }
    state.counters["heads/s"] =
        benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(heads)
    ->ArgNames({"side", "threads"})
    ->ArgsProduct({{64, 128, 256}, {1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
