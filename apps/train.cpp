// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/image_tensor.hpp>
#include <cameo/core/random.hpp>
#include <cameo/io/image.hpp>
#include <nlohmann/json.hpp>

#include "sheet.hpp"
#include "train/config.hpp"
#include "train/session.hpp"
#include "verbs.hpp"

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t shown_heads = 8;

/// A row for each head: as it is, as the model draws it, the model's depth, and the model from 30 degrees to both sides.
Image sheet_of(const Eg3d& model, const PairedBatch& unseen) {
    const c10::NoGradGuard no_gradient;
    const auto count = std::min(shown_heads, unseen.z.size(0)), side = unseen.truth.image.size(2);
    const auto ws =
        model.map(ZLatent(unseen.z.narrow(0, 0, count)), cameras_from_labels(unseen.labels.narrow(0, 0, count)));
    const auto scene = model.scene(ws);
    StreamSource<CounterRandom> none;
    const auto from = [&](const Cameras& cameras) { return model.render(scene, ws, cameras, {}, none, {}); };
    const auto turned = [&](double yaw) {
        const Camera camera{orbit_degrees(yaw, 0.0, ffhq_cameras.radius, ffhq_cameras.pivot),
                            intrinsics_from_focal(ffhq_cameras.focal)};
        return from(cameras(std::vector<Camera>(static_cast<std::size_t>(count), camera)));
    };
    const auto front = from(cameras_from_labels(unseen.labels.narrow(0, 0, count)));
    const auto left = turned(-30), right = turned(30);
    const auto& range = std::get<FixedRange>(model.config().range);
    const auto near_is_bright = (front.depth - range.near) * (-2.0 / (range.far - range.near)) + 1.0;

    const auto scale = side / front.depth.size(2);
    const auto depth = near_is_bright.repeat_interleave(scale, 2).repeat_interleave(scale, 3).expand({-1, 3, -1, -1});
    std::vector<Image> pictures;
    for (std::int64_t row = 0; row < count; ++row)
        for (const auto& column : {unseen.truth.image, front.image, depth, left.image, right.image})
            pictures.push_back(to_image(column[row].clamp(-1, 1)));
    return on_grid(pictures, 5, count);
}

class TrainCommand final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo train heads.json", "trains as the file says, going on where an earlier run stopped");
        table.example("cameo train heads.json --dry-run",
                      "says how large the model is and how long it would take here");
        table.argument("FILE", file_,
                       {.help = "what to train and how; docs/training.md lists its keys",
                        .completes = Completes::file,
                        .endings = {"json"}});
        table.flag("dry-run", dry_run_, {.help = "make two steps that leave nothing behind, and tell what they took"});
    }

    void run(Terminal& terminal) override {
        const auto config = read_config(file_);
        if (dry_run_) return estimate(terminal, config);
        const auto on_validation = [&](const Eg3d& average, const PairedBatch& unseen, const TrainState& state) {
            io::write_image(config.output / fmt::format("unseen-{:09}.png", state.step), sheet_of(average, unseen),
                            {.overwrite = io::Overwrite::yes});
        };
        const auto tells = train(
            config, {.say = [&](const std::string& line) { terminal.note(line); }, .on_validation = on_validation},
            terminal.context().stop);
        if (!tells) return;
        const auto model = (config.output / "model.safetensors").string();
        terminal.result({{"model", model}, {"output", config.output.string()}, {"steps", config.trainer.steps}},
                        "wrote " + model);
    }

  private:
    static void estimate(Terminal& terminal, const TrainConfig& config) {
        const auto found = estimate_training(config);
        const auto images = config.trainer.steps * config.trainer.batch;
        terminal.answer(
            {{"parameters", found.parameters},
             {"steps", config.trainer.steps},
             {"images", images},
             {"seconds_per_step", found.seconds_per_step},
             {"seconds", found.seconds},
             {"peak_bytes", found.peak_bytes}},
            fmt::format("{:.2f} million parameters\n{} steps of {} heads, {} in all\n{:.2f} s a step, {:.1f} h in all, "
                        "if the machine stays as busy as it is\n{:.1f} GB of memory",
                        static_cast<double>(found.parameters) / 1e6, config.trainer.steps, config.trainer.batch, images,
                        found.seconds_per_step, found.seconds / 3600, static_cast<double>(found.peak_bytes) / 1e9));
    }

    fs::path file_;
    bool dry_run_ = false;
};

}  // namespace

constinit const Verb train_model = verb<TrainCommand>("train", "trains a generator on procedural heads");

}  // namespace cameo::apps
