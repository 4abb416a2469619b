// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <cameo/core/cameras.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/image_tensor.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/invert/weight_delta.hpp>
#include <cameo/io/camera_file.hpp>
#include <cameo/io/identity_file.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/ops/resize.hpp>
#include <cameo/pipeline/invert_head.hpp>
#include <nlohmann/json.hpp>

#include "model_file.hpp"
#include "outputs.hpp"
#include "sheet.hpp"
#include "subjects.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t compact_bytes = 9'800'000;  // of tuned weights: the whole file stays below 10 MB
constexpr std::int64_t thumbnail_side = 128;

/// "20,-5": yaw and pitch in degrees; empty when the text is something else.
std::optional<ViewAngles> angles_in(std::string_view text) {
    const auto comma = text.find(',');
    if (comma == std::string_view::npos || text.ends_with(".json")) return std::nullopt;
    return ViewAngles{parse_angle(text.substr(0, comma)).degrees, parse_angle(text.substr(comma + 1)).degrees};
}

/// The camera of that picture in a file of them: the only one, or the one with the picture's name, folders aside.
Camera camera_named(const fs::path& file, const fs::path& picture) {
    const auto all = io::read_cameras(file);
    if (all.size() == 1) return all.front().camera;
    std::vector<const io::NamedCamera*> found;
    for (const auto& named : all)
        if (fs::path(named.name).filename() == picture.filename()) found.push_back(&named);
    if (found.size() > 1)  // the folder decides
        std::erase_if(found, [&](const io::NamedCamera* named) {
            return !picture.generic_string().ends_with("/" + named->name) && picture.generic_string() != named->name;
        });
    if (found.size() != 1)
        throw Error(Errc::bad_file, fmt::format("{}: expected one camera for {}, got {} of {}", file.string(),
                                                picture.filename().string(), found.size(), all.size()));
    return found.front()->camera;
}

/// Errors   invalid_argument: a camera that sees nothing of what the model can draw
void check_sees_head(const Camera& camera, const Eg3dConfig& config, const std::string& subject) {
    const auto middle = project(camera, config.camera_pivot);
    const auto& m = camera.world_from_camera;
    const auto distance = std::sqrt(m[3] * m[3] + m[7] * m[7] + m[11] * m[11]);
    const auto inside = [](double x) { return x > 0 && x < 1; };
    if (!middle || !inside((*middle)[0]) || !inside((*middle)[1]))
        throw Error(Errc::invalid_argument, subject +
                                                ": expected a camera that has the head in its picture, got one "
                                                "that looks past it");
    if (distance < 0.5 * config.camera_radius || distance > 2 * config.camera_radius)
        throw Error(Errc::invalid_argument,
                    fmt::format("{}: expected a camera about {} from the origin, got one at {:.3f}", subject,
                                config.camera_radius, distance));
}

class Invert final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo invert face.png --camera dataset.json -o face.cameo",
                      "finds the head of an aligned picture, whose camera stands in dataset.json");
        table.example("cameo invert face.png --camera 12,-3 --method w --budget 10s",
                      "a quick look, the camera 12 degrees to the head's left and 3 below it");
        table.example("cameo invert left.png right.png --camera dataset.json --compact",
                      "one head from two pictures, in a file of 10 MB at most");
        table.argument(
            "PICTURE", pictures_,
            {.help = "aligned pictures of one head", .completes = Completes::file, .endings = {"png", "jpg"}});
        model_.declare(table);
        table.option("camera", cameras_,
                     {.value = "CAMERA",
                      .help = "a label.json, a dataset.json that names the pictures, or yaw,pitch in degrees: one for "
                              "all, or one for each picture in their order",
                      .completes = Completes::file,
                      .endings = {"json"}});
        table.option("method", method_,
                     {.value = "METHOD",
                      .help = "w stays nearest to the model's own heads, w+ is freer, pti also tunes the model",
                      .choices = {"w", "w+", "pti"}});
        table.option("steps", steps_, {.value = "N", .help = "of the search for the latent"});
        table.option("tuning-steps", tuning_steps_, {.value = "N", .help = "of pti's tuning; left out, as --steps"});
        table.option("budget", budget_, {.value = "TIME", .help = "fewer steps, so that it takes no longer: 20s, 2m"});
        table.option("tune", parts_,
                     {.value = "PART", .help = "pti: tune only parameters whose names begin so: superresolution."});
        table.flag("local", local_, {.help = "pti: keep heads near this one as they were (slower)"});
        table.flag("free-camera", free_cameras_, {.help = "the cameras are nearly right: look for them too"});
        table.flag("compact", compact_, {.help = "at most 10 MB, with the tuned weights nearly as they are"});
        table.option("lpips", lpips_,
                     {.value = "FILE",
                      .help = "compare by LPIPS: torchvision's AlexNet or VGG16, converted; with --lpips-heads",
                      .completes = Completes::file,
                      .endings = {"safetensors"}});
        table.option("lpips-heads", lpips_heads_,
                     {.value = "FILE",
                      .help = "the linear heads of LPIPS v0.1, converted",
                      .completes = Completes::file,
                      .endings = {"safetensors"}});
        table.option("arcface", arcface_,
                     {.value = "FILE",
                      .help = "also compare who is seen: model_ir_se50, converted",
                      .completes = Completes::file,
                      .endings = {"safetensors"}});
        table.option("seed", seed_, {.value = "N", .help = "of the search's random numbers"});
        table.flag("resume", resume_, {.help = "go on where an interrupted run stopped"});
        table.option("output", output_,
                     {.value = "FILE",
                      .help = "the identity; pictures (.png) and numbers (.json) get its name; left out, the picture's",
                      .letter = 'o',
                      .completes = Completes::file,
                      .endings = {"cameo"}});
        table.flag("force", force_, {.help = "replace files that are there", .letter = 'f'});
    }

    void run(Terminal& terminal) override {
        check_options();
        const auto output = output_ ? *output_ : fs::path(pictures_.front().stem()).replace_extension(".cameo");
        const auto beside = [&](const std::string& ending) {
            auto path = output;
            return path.replace_filename(output.stem().string() + ending);
        };
        const auto sheet = beside(".png"), drawing = beside("-drawn.png"), numbers = beside(".json"),
                   state = beside(".state.safetensors");
        if (!force_)
            for (const auto& path : {output, sheet, drawing, numbers}) check_free(path);

        const auto model = model_.load();
        const auto& config = model.generator.config();
        const auto target = target_of(terminal, config);
        HeadInversionOptions options;
        options.method = method_ == "w"    ? HeadInversionOptions::Method::w
                         : method_ == "w+" ? HeadInversionOptions::Method::w_plus
                                           : HeadInversionOptions::Method::pti;
        options.steps = steps_.value_or(options.steps);
        options.tuning_steps = tuning_steps_.value_or(steps_.value_or(options.tuning_steps));
        options.free_cameras = free_cameras_;
        options.local = local_;
        options.parts = parts_;
        options.front = frontal_view(intrinsics_from_focal(focal_from_published_fov(default_fov_degrees)), config);
        options.perceptual = perceptual_terms(terminal, model);

        StreamSource<CounterRandom> random{CounterRandom(static_cast<std::uint64_t>(seed_))};
        const auto context = terminal.context();
        InversionRun run{random, context};
        if (budget_) run.budget = std::chrono::duration<double>(budget_->span).count();
        make_folder(output.parent_path());
        bool saved = false;
        run.save = [&](const StateDict& now) {
            auto marked = now;
            marked.metadata["model"] = model.digest;
            io::write_safetensors(state, marked, io::Overwrite::yes);
            saved = true;
        };
        std::optional<StateDict> resumed;
        if (resume_) {
            resumed = io::read_safetensors(state);
            if (const auto found = resumed->metadata.find("model");
                found == resumed->metadata.end() || found->second != model.digest)
                throw Error(Errc::resume_mismatch, fmt::format("{}: expected a run with {}, got another model's",
                                                               state.string(), model.words()));
            run.resume = &*resumed;
        }
        auto found = [&] {
            try {
                return invert_head(model.generator, target, options, run);
            } catch (const Error& error) {
                if (error.code() == Errc::cancelled && saved)
                    throw Error(Errc::cancelled,
                                fmt::format("stopped; the same command with --resume goes on ({})", state.string()));
                throw;
            }
        }();
        terminal.end_progress();
        StateDict delta;
        if (!found.tuned.empty()) {
            delta = weight_delta(model.generator.parameters(), found.tuned, compact_ ? compact_bytes : 0);
            found.tuned = with_delta(model.generator.parameters(), delta);  // what the file will give
        }
        const auto tuned = applied(model.generator, found);
        const auto drawn = redrawn(tuned, found.ws, found.cameras, context);
        const auto figures = figures_of(model.generator, target, found, drawn, options, context);
        const auto trust = trust_of(figures);

        const auto facts = model.provenance();
        const auto overwrite = force_ ? io::Overwrite::yes : io::Overwrite::no;
        io::write_image(sheet, sheet_of(target, tuned, found, drawn, config, context),
                        {.metadata = facts, .overwrite = overwrite});
        io::write_image(drawing, to_image(drawn[0].cpu()), {.metadata = facts, .overwrite = overwrite});
        const auto identity = identity_of(model, found, delta, drawn, figures);
        io::write_identity(output, identity, overwrite);
        std::error_code ignored;
        const auto bytes = fs::file_size(output, ignored);

        const Json row = record_of(output, model, found, figures, trust, options, bytes);
        io::write_file(numbers, row.dump(2) + "\n", overwrite);
        if (saved || resume_) fs::remove(state, ignored);
        terminal.result(row, fmt::format("{}: {:.1f} dB, {} ({}), {}\n  {}\n", output.string(), figures.psnr,
                                         trust.level, method_, memory_text(bytes), trust.sentence));
    }

  private:
    void check_options() const {
        if (pictures_.empty()) throw UsageError("which picture? cameo invert face.png --camera dataset.json");
        if (cameras_.empty())
            throw UsageError("--camera: expected the picture's camera, got none: dataset.json, or yaw,pitch");
        if (cameras_.size() != 1 && cameras_.size() != pictures_.size())
            throw UsageError(fmt::format("--camera: expected one, or one for each of {} pictures, got {}",
                                         pictures_.size(), cameras_.size()));
        for (const auto& [name, value] : {std::pair("--steps", steps_), std::pair("--tuning-steps", tuning_steps_)})
            if (value && (*value < 1 || *value > 1'000'000))
                throw UsageError(fmt::format("{}: expected 1 to 1 000 000, got {}", name, *value));
        if (budget_ && budget_->span.count() < 1000) throw UsageError("--budget: expected at least a second");
        if (lpips_.has_value() != lpips_heads_.has_value())
            throw UsageError("--lpips and --lpips-heads: expected both or none, got one");
        if (method_ != "pti" && (local_ || !parts_.empty() || tuning_steps_))
            throw UsageError("--local, --tune and --tuning-steps: expected them with --method pti, got " + method_);
        if (seed_ < 0) throw UsageError(fmt::format("--seed: expected at least 0, got {}", seed_));
        if (output_ && output_->extension() != ".cameo")
            throw UsageError(fmt::format("--output: expected a name that ends in .cameo, got {}", output_->string()));
    }

    [[nodiscard]] InversionTarget target_of(Terminal& terminal, const Eg3dConfig& config) const {
        const auto side = config.image_resolution;
        std::vector<at::Tensor> pictures;
        std::vector<Camera> cameras;
        const auto intrinsics = intrinsics_from_focal(ffhq_cameras.focal);
        for (std::size_t i = 0; i < pictures_.size(); ++i) {
            const auto& path = pictures_[i];
            const auto image = io::read_image(path, {.channels = io::Channels::rgb}).image;
            if (image.width() != image.height())
                throw Error(Errc::bad_file,
                            fmt::format("{}: expected an aligned picture, which is square, got {} x {} pixels",
                                        path.string(), image.width(), image.height()));
            auto picture = to_tensor(image).unsqueeze(0);
            if (image.width() != side) {
                terminal.note(
                    fmt::format("{}: resized from {} to the model's {} pixels", path.string(), image.width(), side));
                picture = ops::resize(picture, side, side, /*antialias=*/true).clamp(-1, 1);
            }
            pictures.push_back(std::move(picture));
            const auto& given = cameras_.size() == 1 ? cameras_.front() : cameras_[i];
            const auto angles = with_name("--camera", [&] { return angles_in(given); });
            cameras.push_back(angles ? with_name("--camera", [&] { return camera_at(*angles, intrinsics, config); })
                                     : camera_named(given, path));
            check_sees_head(cameras.back(), config, "camera of " + path.filename().string());
        }
        return {at::cat(pictures), cameo::cameras(cameras, at::kFloat)};
    }

    [[nodiscard]] std::vector<LossTerm> perceptual_terms(Terminal& terminal, const ModelFile& model) const {
        std::vector<LossTerm> terms;
        const auto where = model.generator.device();
        if (lpips_) {
            const auto features = io::read_safetensors(*lpips_), heads = io::read_safetensors(*lpips_heads_);
            const auto* const first = features.find("features.0.weight");
            const bool is_alexnet = first && first->shape.size() == 4 && first->shape[2] == 11;
            terms.push_back({losses::lpips_loss(losses::Lpips::load(is_alexnet ? losses::Lpips::Trunk::alexnet
                                                                               : losses::Lpips::Trunk::vgg16,
                                                                    features, heads, where),
                                                256),
                             1.0});
        } else {
            terms.push_back(
                {losses::default_perceptual_loss(io::read_safetensors(model.path, {.verify_digest = false}), where),
                 0.3});
        }
        if (arcface_)
            terms.push_back({losses::identity_loss(losses::FaceIdentity::load(
                                 io::read_safetensors(*arcface_), losses::FaceIdentity::Squeeze::average, where)),
                             0.1});
        terminal.detail("pictures are compared by L2 and " + terms.front().loss.name);
        return terms;
    }

    /// The first picture, how it is drawn, and heads from both sides; depth below them.
    [[nodiscard]] Image sheet_of(const InversionTarget& target, const Eg3d& generator, const Inversion& found,
                                 const at::Tensor& drawn, const Eg3dConfig& config, const Context& context) const {
        const c10::NoGradGuard no_gradient;
        std::vector<Camera> views;
        const auto intrinsics = intrinsics_from_focal(ffhq_cameras.focal);
        for (const double yaw : {-40.0, -20.0, 0.0, 20.0, 40.0})
            views.push_back(camera_at({yaw, 0}, intrinsics, config));
        const auto options = at::TensorOptions(generator.device()).dtype(at::kFloat);
        StreamSource<CounterRandom> random;
        const auto portrait =
            generator.render(generator.scene(found.ws), found.ws, cameras(views, options), {}, random, context);
        std::vector<Image> upper{to_image(target.pictures[0]), to_image(drawn[0].cpu())}, lower;
        const auto error = (drawn[0].cpu() - target.pictures[0]).abs().mul(2).sub(1).clamp(-1, 1);
        lower.push_back(to_image(error));
        lower.push_back(blank_sheet(config.image_resolution, config.image_resolution));
        const auto side = config.image_resolution;
        const auto depth = ops::resize(portrait.depth, side, side, true).cpu();
        std::ranges::move(depth_pictures(depth.expand({-1, 3, -1, -1})), std::back_inserter(lower));
        for (const auto& image : portrait.image.unbind(0)) upper.push_back(to_image(image.cpu()));
        const auto columns = static_cast<std::int64_t>(upper.size());
        std::ranges::move(lower, std::back_inserter(upper));
        return on_grid(upper, columns, 2);
    }

    [[nodiscard]] io::Identity identity_of(const ModelFile& model, const Inversion& found, const StateDict& delta,
                                           const at::Tensor& drawn, const InversionFigures& figures) const {
        io::Identity identity;
        identity.ws = stored(found.ws.tensor().to(at::kCPU, at::kFloat).contiguous());
        identity.cameras = to_cameras(found.cameras);
        identity.tuned = delta;
        for (const auto& [name, tensor] : found.noise) identity.noise.add(name, stored(tensor));
        auto small = drawn.narrow(0, 0, 1).cpu();
        if (small.size(2) > thumbnail_side) small = ops::resize(small, thumbnail_side, thumbnail_side, true);
        identity.thumbnail = to_image(small[0]);
        identity.generator = model.path.filename().string();
        identity.generator_digest = model.digest;
        identity.licence = model.licence;
        identity.method = method_;
        identity.metrics = {{"psnr", figures.psnr},
                            {"untuned_psnr", figures.untuned_psnr},
                            {"distance", figures.distance},
                            {"angle", figures.angle},
                            {"pictures", static_cast<double>(figures.pictures)}};
        return identity;
    }

    [[nodiscard]] Json record_of(const fs::path& output, const ModelFile& model, const Inversion& found,
                                 const InversionFigures& figures, const Trust& trust,
                                 const HeadInversionOptions& options, std::uint64_t bytes) const {
        Json stages = Json::array(), sources = Json::array(), labels_found = Json::array(), terms = Json::array();
        for (const auto& stage : found.stages)
            stages.push_back({{"stage", stage.stage},
                              {"steps", stage.steps},
                              {"end", name(stage.end)},
                              {"first_loss", stage.first_loss},
                              {"last_loss", stage.last_loss},
                              {"seconds", stage.seconds}});
        for (const auto& path : pictures_) sources.push_back(path.string());
        for (const auto& camera : to_cameras(found.cameras)) labels_found.push_back(label(camera));
        for (const auto& term : options.perceptual) terms.push_back(term.loss.name);
        terms.push_back("L2");
        return {{"output", output.string()},
                {"method", method_},
                {"pictures", sources},
                {"psnr", figures.psnr},
                {"untuned_psnr", figures.untuned_psnr},
                {"distance", figures.distance},
                {"angle", figures.angle},
                {"trust", trust.level},
                {"sentence", trust.sentence},
                {"losses", terms},
                {"stages", stages},
                {"cameras", labels_found},
                {"bytes", bytes},
                {"network", model.path.string()},
                {"model", model.digest},
                {"licence", model.licence}};
    }

    std::vector<fs::path> pictures_;
    ModelOptions model_;
    std::vector<std::string> cameras_, parts_;
    std::string method_ = "pti";
    std::optional<std::int64_t> steps_, tuning_steps_;
    std::optional<Duration> budget_;
    std::optional<fs::path> lpips_, lpips_heads_, arcface_, output_;
    std::int64_t seed_ = 0;
    bool local_ = false, free_cameras_ = false, compact_ = false, resume_ = false, force_ = false;
};

}  // namespace

constinit const Verb invert = verb<Invert>("invert", "finds the head that pictures show");

}  // namespace cameo::apps
