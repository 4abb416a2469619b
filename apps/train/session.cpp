// SPDX-License-Identifier: Apache-2.0
#include "train/session.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <malloc.h>
#include <sys/resource.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/tensor_device.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/io/snapshot_folder.hpp>
#include <cameo/pipeline/adversarial_heads.hpp>
#include <cameo/pipeline/paired_heads.hpp>
#include <cameo/train/gloo_group.hpp>
#include <cameo/train/process_place.hpp>
#include <cameo/train/single_process.hpp>
#include <cameo/train/trainer.hpp>

#include "train/run_page.hpp"
#include "train/train_record.hpp"

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;

at::Device opened_device(const TrainConfig& config, std::int64_t local_rank) {
    if (config.device == "cpu") return at::kCPU;
    const auto device = ready_device({DeviceKind::cuda, static_cast<int>(local_rank)});  // one for each process
    if (config.tf32) {
        at::globalContext().setAllowTF32CuBLAS(true);
        at::globalContext().setAllowTF32CuDNN(true);
    }
    return device;
}

Eg3d first_model(const TrainConfig& config) {
    if (!config.start.empty()) {
        auto model = Eg3d::load(io::read_safetensors(config.start), config.model, "G_ema.");
        scale_density(model, config.start_density);
        return model;
    }
    StreamSource<CounterRandom> initial{CounterRandom(config.seed, 0)};
    auto model = Eg3d::initial(config.model, initial);
    scale_density(model, config.paired.surface.scale);
    return model;
}

DualDiscriminator first_discriminator(const TrainConfig& config) {
    if (!config.start.empty()) {
        const auto model = io::read_safetensors(config.start);
        if (model.with_prefix("D.").size() > 0) return DualDiscriminator::load(model, config.discriminator, "D.");
    }
    StreamSource<CounterRandom> initial{CounterRandom(config.seed, 2)};
    return DualDiscriminator::initial(config.discriminator, initial);
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
    line += "  " + time_text(seconds_left(report)) + " left";
    line += text_of("  waiting for data %.0f %%", 100 * report.data_share);
    return line;
}

/// The models that a run is for: a discriminator stays with the generator that it judged.
StateDict models_of(const PairedObjective<Eg3d>&, const Eg3d& average) { return average.state(); }

StateDict models_of(const AdversarialObjective<Eg3d>& objective, const Eg3d& average) {
    auto state = average.state();
    const auto other = objective.discriminator().state();
    for (const auto& [name, tensor] : other.entries()) state.add(name, tensor);
    auto& facts = state.metadata["cameo"];
    auto description = nlohmann::json::parse(facts);
    description["networks"].update(nlohmann::json::parse(other.metadata.at("cameo"))["networks"]);
    facts = description.dump();
    return state;
}

StateDict with_licence(StateDict state, const std::string& licence) {
    if (licence.empty()) return state;
    auto& facts = state.metadata["cameo"];
    auto description = nlohmann::json::parse(facts);
    description["licence"] = licence;
    facts = description.dump();
    return state;
}

/// What a run minimises, on its device, and what it learns from.
struct Paired {
    static auto objective(const TrainConfig& config, const at::Device& device) {
        return PairedObjective(first_model(config).clone(device), config.paired);
    }
    static auto data(const TrainConfig& config) { return PairedHeads(config.data); }
};

struct Adversarial {
    static auto objective(const TrainConfig& config, const at::Device& device) {
        return AdversarialObjective(first_model(config).clone(device), first_discriminator(config).clone(device),
                                    config.adversarial);
    }
    static auto data(const TrainConfig& config) {
        return AdversarialHeads({.heads = config.data.heads, .label_seed = config.seed});
    }
};

void prepare_process(const TrainConfig& config) {
    // Steps ask for the same large blocks again and again: they stay, instead of going back and being cleared anew.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    if (config.threads == 0) return;
    at::set_num_threads(config.threads);
    set_thread_count(config.threads);
}

template <class F>
auto by_objective(const TrainConfig& config, const F& f) {
    return config.objective == TrainConfig::Objective::paired ? f(Paired{}) : f(Adversarial{});
}

/// Of the process that keeps snapshots; others, and a run that only wants to know how long it would take, have none.
class Snapshots {
  public:
    Snapshots() = default;
    explicit Snapshots(const TrainConfig& config) : folder_(std::in_place, config.output, config.keep_snapshots) {}

    void save(std::int64_t step, const StateDict& state) {
        if (folder_) folder_->save(step, state);
    }
    [[nodiscard]] StateDict load(std::int64_t step) const { return folder_ ? folder_->load(step) : StateDict{}; }
    [[nodiscard]] std::vector<std::int64_t> steps() const {
        return folder_ ? folder_->steps() : std::vector<std::int64_t>{};
    }

  private:
    std::optional<io::SnapshotFolder> folder_;
};

template <class Run, ProcessGroup P>
auto trainer_of(const TrainConfig& config, Snapshots snapshots, std::int64_t local_rank, P group) {
    return Trainer(Run::objective(config, opened_device(config, local_rank)), Run::data(config), std::move(snapshots),
                   std::make_unique<StreamSource<CounterRandom>>(CounterRandom(config.seed, 1)), config.trainer,
                   std::move(group));
}

template <class Run, ProcessGroup P>
void train_in(P group, std::int64_t local_rank, const TrainConfig& config, const TrainWatcher& watcher,
              const std::stop_token& stop) {
    const auto rank = group.rank(), processes = group.size();
    const auto is_first = rank == 0;
    const auto say = [&](const std::string& line) {
        if (watcher.say && is_first) watcher.say(line);
    };
    auto trainer = trainer_of<Run>(config, is_first ? Snapshots(config) : Snapshots(), local_rank, std::move(group));
    if (!is_first) return trainer.run({.stop = stop});

    if (processes > 1) say("training in " + std::to_string(processes) + " processes");
    if (trainer.resume(say)) say("going on from step " + std::to_string(trainer.state().step));
    TrainRecord record(config.output, trainer.state().step, trainer.options());

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
        auto also = nlohmann::ordered_json::object();
        if (interval > 0 && (report.state.step % interval == 0 || report.state.step == report.steps)) validate(also);
        record.add(report, also);
    };
    const auto on_snapshot = [&] {
        io::write_safetensors(config.output / "model.safetensors",
                              with_licence(models_of(trainer.objective(), trainer.average()), config.licence),
                              io::Overwrite::yes);
    };
    // A run that was killed after its last snapshot may lack the model of it.
    if (trainer.state().step == config.trainer.steps) on_snapshot();
    trainer.run({.stop = stop}, on_report, on_snapshot);
    say("done: " + (config.output / "model.safetensors").string());
}

}  // namespace

bool train(const TrainConfig& config, const TrainWatcher& watcher, const std::stop_token& stop) {
    prepare_process(config);
    return by_objective(config, [&]<class Run>(Run) {
        const auto place = process_place();
        if (place.size == 1)
            train_in<Run>(SingleProcess{}, place.local_rank, config, watcher, stop);
        else
            train_in<Run>(GlooGroup(place, std::chrono::seconds(config.patience)), place.local_rank, config, watcher,
                          stop);
        return place.rank == 0;
    });
}

namespace {

template <class Run>
TrainEstimate estimate_of(const TrainConfig& config) {
    auto trainer = trainer_of<Run>(config, Snapshots(), 0, SingleProcess{});
    TrainEstimate estimate;
    for (const auto& group : trainer.objective().groups())
        for (const auto& [name, tensor] : group.parameters) estimate.parameters += tensor.numel();
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

}  // namespace

TrainEstimate estimate_training(const TrainConfig& config) {
    prepare_process(config);
    return by_objective(config, [&]<class Run>(Run) { return estimate_of<Run>(config); });
}

}  // namespace cameo::apps
