// SPDX-License-Identifier: Apache-2.0
// How fast a large training pickle becomes a model file, and how much memory of its own that takes.
#include <cameo/io/convert.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include <malloc.h>

#include <benchmark/benchmark.h>

#include "support/memory.hpp"
#include "support/pickle_writer.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace cameo;

/// About 350 MB at 7 blocks of 512 channels: G, D and G_ema, as the published 512-pixel models are built.
void convert_training_pickle(benchmark::State& state) {
    const support::TemporaryFolder folder;
    const auto in = folder / "network.pkl";
    {
        std::ofstream file(in, std::ios::binary);
        support::write_pickle(file, support::eg3d_like({.blocks = 7, .channels = state.range(0)}), 4);
    }
    malloc_trim(0);

    const auto size = std::filesystem::file_size(in);
    std::uint64_t most = 0;
    const auto before = support::process_status("RssAnon");
    Context context;
    context.progress = [&](const Progress&) { most = std::max(most, support::process_status("RssAnon")); };
    const io::ConvertOptions options{.keep_all = true, .overwrite = io::Overwrite::yes};
    for (auto _ : state) benchmark::DoNotOptimize(io::convert(in, folder / "network.safetensors", options, context));

    state.SetBytesProcessed(static_cast<std::int64_t>(size) * state.iterations());
    const auto mib = [](std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
    const auto largest = static_cast<std::uint64_t>(state.range(0) * state.range(0) * 9 * 4);
    state.counters["file_MiB"] = mib(size);
    state.counters["largest_tensor_MiB"] = mib(largest);
    state.counters["own_memory_MiB"] = mib(most > before ? most - before : 0);
}
BENCHMARK(convert_training_pickle)
    ->Arg(128)
    ->Arg(560)
    ->ArgName("channels")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
