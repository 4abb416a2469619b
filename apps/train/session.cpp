// SPDX-License-Identifier: Apache-2.0
#include "train/session.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <malloc.h>
#include <sys/resource.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/random.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/io/snapshot_folder.hpp>
#include <cameo/pipeline/paired_heads.hpp>
#include <cameo/train/trainer.hpp>

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;

at::Device opened_device(const TrainConfig& config) {
    if (config.device == "cpu") return at::kCPU;
    // cameo links to LibTorch's CPU half alone; the other half registers itself when it is opened.
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr)
        throw Error(Errc::device_unsupported,
                    std::string("device cuda: expected a LibTorch with CUDA, got ") + dlerror());
    if (!at::hasCUDA()) throw Error(Errc::device_unsupported, "device cuda: expected a GPU, found none");
    if (config.tf32) {
        at::globalContext().setAllowTF32CuBLAS(true);
        at::globalContext().setAllowTF32CuDNN(true);
    }
    return {at::kCUDA, 0};
}

Eg3d first_model(const TrainConfig& config) {
    if (!config.start.empty()) return Eg3d::load(io::read_safetensors(config.start), config.model, "G_ema.");
    StreamSource<CounterRandom> initial{CounterRandom(config.seed, 0)};
    auto model = Eg3d::initial(config.model, initial);
    start_at_surface(model, config.paired.surface);
    return model;
}

/// The heads that nobody trains on, seen from where training sees its own.
PairedBatch validation_batch(const TrainConfig& config) {
    auto options = config.data;
    options.heads.for_tests = true;
    options.heads.first_identity = synth::first_test_seed;
    options.heads.identities = config.validation_heads;
    options.heads.views_per_identity = 1;
    options.points.near = 1;
    options.points.free = 0;
    options.picture_interval = 1;
    return PairedHeads(options).batch(0, config.validation_heads);
}

std::string text_of(const char* format, double value) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, value);
    return text.data();
}

std::string line_of(const TrainReport& report) {
    std::string line = "step " + std::to_string(report.state.step) + "/" + std::to_string(report.steps) + "  images " +
                       std::to_string(report.state.images);
    for (const auto& [name, value] : report.values)
        line += "  " + name.substr(name.find('/') + 1) + text_of(" %.4f", value);
    line += text_of("  %.1f images/s", report.images_per_second);
    const auto left = static_cast<double>(report.steps - report.state.step) *
                      (static_cast<double>(report.state.images) / static_cast<double>(report.state.step)) /
                      report.images_per_second;
    line += left < 5400 ? text_of("  %.0f min left", left / 60) : text_of("  %.1f h left", left / 3600);
    line += text_of("  waiting for data %.0f %%", 100 * report.data_share);
    return line;
}

/// stats.jsonl: a line for each report, of this run and of those that it goes on from.
class Statistics {
  public:
    /// Drops what a run that was killed has told of steps that will be made again.
    Statistics(fs::path path, std::int64_t step) : path_(std::move(path)) {
        std::string kept;
        if (std::ifstream file(path_); file)
            for (std::string line; std::getline(file, line);) {
                const auto entry = nlohmann::json::parse(line, nullptr, false);
                if (entry.is_object() && entry.value("step", step + 1) <= step) kept += line + "\n";
            }
        io::write_file(path_, kept, io::Overwrite::yes);
    }

    void add(const nlohmann::ordered_json& entry) {
        std::ofstream file(path_, std::ios::app);
        file << entry.dump() << '\n';
        file.flush();
        if (!file) throw Error(Errc::io_failure, path_.string() + ": cannot be written");
    }

  private:
    fs::path path_;
};

nlohmann::ordered_json entry_of(const TrainReport& report) {
    nlohmann::ordered_json entry{
        {"step", report.state.step},
        {"images", report.state.images},
        {"timestamp", std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count()},
        {"images_per_second", report.images_per_second},
        {"data_share", report.data_share}};
    for (const auto& [name, value] : report.values) entry[name] = value;
    return entry;
}

StateDict described(const Eg3d& model, const std::string& licence) {
    auto state = model.state();
    if (licence.empty()) return state;
    auto& facts = state.metadata["cameo"];
    auto description = nlohmann::json::parse(facts);
    description["licence"] = licence;
    facts = description.dump();
    return state;
}

void prepare_process(const TrainConfig& config) {
    // Steps ask for the same large blocks again and again: they stay, instead of going back and being cleared anew.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    if (config.threads == 0) return;
    at::set_num_threads(config.threads);
    set_thread_count(config.threads);
}

/// Snapshots of a run that only wants to know how long it would take.
struct Nowhere {
    void save(std::int64_t, const StateDict&) {}
    [[nodiscard]] StateDict load(std::int64_t) const { return {}; }
    [[nodiscard]] std::vector<std::int64_t> steps() const { return {}; }
};

template <SnapshotStore S>
auto trainer_of(const TrainConfig& config, S store) {
    return Trainer(PairedObjective(first_model(config).clone(opened_device(config)), config.paired),
                   PairedHeads(config.data), std::move(store),
                   std::make_unique<StreamSource<CounterRandom>>(CounterRandom(config.seed, 1)), config.trainer);
}

}  // namespace

void train(const TrainConfig& config, const TrainWatcher& watcher, const std::stop_token& stop) {
    const auto say = [&](const std::string& line) {
        if (watcher.say) watcher.say(line);
    };
    prepare_process(config);
    auto trainer = trainer_of(config, io::SnapshotFolder(config.output, config.keep_snapshots));
    if (trainer.resume(say)) say("going on from step " + std::to_string(trainer.state().step));
    Statistics statistics(config.output / "stats.jsonl", trainer.state().step);

    std::optional<PairedBatch> unseen;
    const auto validate = [&](nlohmann::ordered_json& entry) {
        if (!unseen) unseen = validation_batch(config);
        StreamSource<CounterRandom> none;
        const auto scores = paired_scores(trainer.average(), *unseen, none);
        say("validation on " + std::to_string(config.validation_heads) + " heads" +
            text_of("  PSNR %.2f dB", scores.psnr) + text_of("  over the head %.2f dB", scores.head_psnr) +
            text_of("  depth error %.4f", scores.depth_error) + text_of("  mask IoU %.4f", scores.mask_iou));
        entry["validation"] = {{"psnr", scores.psnr},
                               {"head_psnr", scores.head_psnr},
                               {"depth_error", scores.depth_error},
                               {"mask_iou", scores.mask_iou}};
        if (watcher.on_validation) watcher.on_validation(trainer.average(), *unseen, trainer.state());
    };
    const auto interval = config.validation_interval;
    const auto on_report = [&](const TrainReport& report) {
        say(line_of(report));
        auto entry = entry_of(report);
        if (interval > 0 && (report.state.step % interval == 0 || report.state.step == report.steps)) validate(entry);
        statistics.add(entry);
    };
    const auto on_snapshot = [&] {
        io::write_safetensors(config.output / "model.safetensors", described(trainer.average(), config.licence),
                              io::Overwrite::yes);
    };
    // A run that was killed after its last snapshot may lack the model of it.
    if (trainer.state().step == config.trainer.steps) on_snapshot();
    trainer.run({.stop = stop}, on_report, on_snapshot);
    say("done: " + (config.output / "model.safetensors").string());
}

TrainEstimate estimate_training(const TrainConfig& config) {
    prepare_process(config);
    auto trainer = trainer_of(config, Nowhere{});
    TrainEstimate estimate;
    for (const auto& [name, tensor] : trainer.objective().network().parameters()) estimate.parameters += tensor.numel();
    const auto batch = config.trainer.batch;
    for (std::int64_t step = 0; step < 2; ++step) {
        const auto start = std::chrono::steady_clock::now();
        trainer.step(trainer.data().batch(step * batch, batch));
        estimate.seconds_per_step = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    estimate.seconds = estimate.seconds_per_step * static_cast<double>(config.trainer.steps);
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    estimate.peak_bytes = static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
    return estimate;
}

}  // namespace cameo::apps
