// SPDX-License-Identifier: Apache-2.0
// Trains a generator: cameo-train --config FILE.json. Needs cameo::core alone.
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <dlfcn.h>
#include <malloc.h>
#include <signal.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/random.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/io/snapshot_folder.hpp>
#include <cameo/pipeline/paired_heads.hpp>
#include <cameo/train/paired.hpp>
#include <cameo/train/trainer.hpp>

#include "interrupts.hpp"
#include "train/config.hpp"

namespace cameo::apps {
namespace {

constexpr const char* usage =
    "usage: cameo-train --config FILE.json\n"
    "Trains as the file says (docs/training.md), going on where the newest snapshot in its output folder stands.\n"
    "Stops after a snapshot on SIGINT or SIGTERM.\n";

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

void say(const std::string& line) { std::fputs((line + "\n").c_str(), stderr); }

void print(const TrainReport& report) {
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
    say(line);
}

void train(const TrainConfig& config) {
    if (config.threads > 0) {
        at::set_num_threads(config.threads);
        set_thread_count(config.threads);
    }
    const auto device = opened_device(config);
    io::SnapshotFolder folder(config.output, config.keep_snapshots);
    PairedObjective objective(first_model(config).clone(device), config.paired);
    Trainer trainer(std::move(objective), PairedHeads(config.data), folder,
                    std::make_unique<StreamSource<CounterRandom>>(CounterRandom(config.seed, 1)), config.trainer);
    if (trainer.resume(say)) say("going on from step " + std::to_string(trainer.state().step));

    std::optional<PairedBatch> unseen;
    const auto validate = [&] {
        if (!unseen) unseen = validation_batch(config);
        StreamSource<CounterRandom> none;
        const auto scores = paired_scores(trainer.average(), *unseen, none);
        say("validation on " + std::to_string(config.validation_heads) + " heads" +
            text_of("  PSNR %.2f dB", scores.psnr) + text_of("  over the head %.2f dB", scores.head_psnr) +
            text_of("  depth error %.4f", scores.depth_error) + text_of("  mask IoU %.4f", scores.mask_iou));
    };
    const auto interval = config.validation_interval;
    const auto on_report = [&](const TrainReport& report) {
        print(report);
        if (interval > 0 && (report.state.step % interval == 0 || report.state.step == report.steps)) validate();
    };
    const auto on_snapshot = [&] {
        auto model = trainer.average().state();
        if (!config.licence.empty()) {
            auto& facts = model.metadata["cameo"];
            auto description = nlohmann::json::parse(facts);
            description["licence"] = config.licence;
            facts = description.dump();
        }
        io::write_safetensors(config.output / "model.safetensors", model, io::Overwrite::yes);
    };
    const Interrupts interrupts;
    // A run that was killed after its last snapshot may lack the model of it.
    if (trainer.state().step == config.trainer.steps) on_snapshot();
    trainer.run({.stop = interrupts.token()}, on_report, on_snapshot);
    say("done: " + (config.output / "model.safetensors").string());
}

int run(int count, char** words) {
    if (count == 2 && (std::string_view(words[1]) == "--help" || std::string_view(words[1]) == "-h"))
        return std::fputs(usage, stdout) < 0 ? 7 : 0;
    if (count != 3 || std::string_view(words[1]) != "--config") {
        std::fputs(usage, stderr);
        return info(Errc::invalid_argument).exit_code;
    }
    try {
        train(read_config(words[2]));
        return 0;
    } catch (const Error& error) {
        say(error.code() == Errc::cancelled ? "cameo-train: stopped on request, after a snapshot"
                                            : std::string("cameo-train: ") + error.what());
        return info(error.code()).exit_code;
    } catch (const std::bad_alloc&) {
        say("cameo-train: out of memory");
        return info(Errc::out_of_memory).exit_code;
    } catch (const c10::Error& error) {
        say(std::string("cameo-train: ") + error.what_without_backtrace());
        return info(Errc::internal).exit_code;
    } catch (const std::exception& error) {
        say(std::string("cameo-train: ") + error.what());
        return info(Errc::internal).exit_code;
    }
}

}  // namespace
}  // namespace cameo::apps

int main(int count, char** words) {
    // Steps ask for the same large blocks again and again: they stay, instead of going back and being cleared anew.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    signal(SIGPIPE, SIG_IGN);  // progress that nobody reads is no reason to stop
    return cameo::apps::run(count, words);
}
