// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <filesystem>
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
#include <cameo/core/error.hpp>
#include <cameo/core/image_tensor.hpp>
#include <cameo/core/numpy_random.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/seeds.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/io/camera_file.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/npz.hpp>
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

/// "7": a seed of NumPy's, from which the jitter of every identity begins anew; empty for "none".
std::optional<std::uint32_t> parse_jitter(std::string_view text) {
    if (text == "none") return std::nullopt;
    const auto seeds = parse_seeds(text);
    if (seeds.size() != 1) throw UsageError(fmt::format("--jitter: expected none or one seed, got {}", text));
    return seeds.front();
}

Image side_by_side(const std::vector<Image>& pictures) {
    return on_grid(pictures, static_cast<std::int64_t>(pictures.size()), 1);
}

class Generate final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo generate --seeds 0-3", "draws four heads, each from three sides, into the folder out");
        table.example("cameo generate --seeds 0-11 --trunc 0.7 --grid 4x3 -o sheet",
                      "twelve heads nearer to the average, from the front, on one sheet");
        table.example("cameo generate --seeds 7 --views yaw=-30:30:7 --depth", "one head from seven sides, with depth");
        table.example("cameo generate id.cameo --views yaw=-30:30:7", "somebody whom cameo invert has found");
        model_.declare(table);
        subjects_.declare(table);
        table.option("views", views_,
                     {.value = "ANGLES",
                      .help = "yaw=FIRST:LAST:COUNT, pitch=FIRST:LAST:COUNT in degrees, one or both with a comma; left "
                              "out, three views as in the published program, or the frontal one with --grid"});
        table.option("cameras", cameras_,
                     {.value = "FILE",
                      .help = "instead of views: the cameras of a dataset.json, a transforms.json or a COLMAP folder",
                      .completes = Completes::file,
                      .endings = {"json"}});
        table.option("fov-deg", fov_, {.value = "DEG", .help = "field of view, in the published program's sense"});
        table.option("nrr", nrr_,
                     {.value = "N", .help = "side of the raw image that is upsampled; left out, the model's"});
        table.flag("depth", depth_, {.help = "draw depth too: near is bright"});
        table.option("grid", grid_, {.value = "WxH", .help = "all pictures on one sheet of so many columns and rows"});
        table.option("jitter", jitter_,
                     {.value = "SEED",
                      .help = "none takes samples in the middle of their places; a seed scatters them as published"});
        table.option("raw", raw_,
                     {.value = "KIND",
                      .help = "the raw image of --save-arrays: as rendered, or as the published program returns it",
                      .choices = {"clean", "compatible"}});
        table.option("save-arrays", arrays_,
                     {.value = "FILE",
                      .help = "also write image, image_raw, image_depth (float32), cameras and batch: which pictures "
                              "were rendered together",
                      .completes = Completes::file,
                      .endings = {"npz"}});
        table.option("memory", memory_,
                     {.value = "SIZE", .help = "what rendering may use beyond model and results: 6G"});
        table.option("outdir", outdir_,
                     {.value = "FOLDER", .help = "where files go", .letter = 'o', .completes = Completes::folder});
        table.flag("metadata", metadata_,
                   {.help = "write model, licence, seed and cameras into the pictures (the default)"});
        table.flag("force", force_, {.help = "replace files that are there", .letter = 'f'});
    }

    void run(Terminal& terminal) override {
        check_combinations();
        const auto jitter = parse_jitter(jitter_);
        const auto model = subjects_.open(model_);
        const auto& config = model.generator.config();
        const auto intrinsics = intrinsics_from_focal(focal_from_published_fov(fov_.value_or(default_fov_degrees)));
        const auto views = chosen_views(intrinsics, config);
        const auto conditioned_on =
            subjects_.conditioned_on(frontal_view(cameras_ ? views.front().intrinsics : intrinsics, config));
        const auto subjects = subjects_.load(config);
        if (grid_ && static_cast<std::size_t>(grid_->width * grid_->height) < subjects.size() * views.size())
            throw UsageError(fmt::format("--grid: expected room for {} pictures, got {} x {}",
                                         subjects.size() * views.size(), grid_->width, grid_->height));
        check_names(subjects);
        make_folder(outdir_);
        RunRecord record(outdir_);

        const c10::NoGradGuard no_gradient;
        const auto options = at::TensorOptions(model.generator.device()).dtype(at::kFloat);
        const auto cameras = cameo::cameras(views, options);
        auto context = terminal.context();
        if (memory_) context.memory_budget = memory_->bytes;
        const auto total = static_cast<std::int64_t>(subjects.size() * views.size());
        std::vector<at::Tensor> images, raws, depths;
        std::vector<Image> grid, depth_grid;
        std::int64_t done = 0;
        for (const auto& subject : subjects) {
            context.report("views", done, total);
            const auto how = render_options(jitter.has_value());
            StreamSource random{NumpyRandom(jitter.value_or(0))};
            const auto generator = subjects_.generator(model.generator, subject);
            const auto ws = subjects_.latent(*generator, subject, conditioned_on);
            const auto scene = generator->scene(ws);
            // All views of a head are rendered together, since depth is limited to the range of the whole batch; they
            // are upsampled one by one, which takes less memory and changes nothing.
            const auto seen = generator->features(scene, cameras, how, random, context_of(context));
            std::vector<Image> pictures;
            std::vector<at::Tensor> depth_views;
            for (std::int64_t v = 0; v < cameras.size(); ++v) {
                context.report("views", done, total);
                const RayFeatures one{
                    seen.feature.narrow(0, v, 1), seen.depth.narrow(0, v, 1), seen.weight.narrow(0, v, 1), {}};
                const auto portrait = generator->form(one, ws, how, random);
                pictures.push_back(to_image(portrait.image[0].cpu()));
                depth_views.push_back(portrait.depth.cpu());
                if (arrays_) {
                    images.push_back(portrait.image.cpu());
                    raws.push_back(portrait.image_raw.cpu());
                }
                ++done;
            }
            const auto depth = at::cat(depth_views);
            if (arrays_) depths.push_back(depth);
            auto shades = depth_ ? depth_pictures(depth) : std::vector<Image>();
            if (grid_) {
                std::ranges::move(pictures, std::back_inserter(grid));
                std::ranges::move(shades, std::back_inserter(depth_grid));
                continue;
            }
            const auto facts = metadata_of(model, subject.origin, views);
            write(terminal, subject.name + ".png", side_by_side(pictures), facts, subject.origin);
            if (depth_) write(terminal, subject.name + "_depth.png", side_by_side(shades), facts, subject.origin);
        }
        context.report("views", done, total);
        if (grid_) {
            Json origins = Json::array();
            for (const auto& subject : subjects) origins.push_back(subject.origin);
            const auto facts = metadata_of(model, {{"pictures", origins}}, views);
            write(terminal, "grid.png", on_grid(grid, grid_->width, grid_->height), facts, {{"pictures", origins}});
            if (depth_)
                write(terminal, "grid_depth.png", on_grid(depth_grid, grid_->width, grid_->height), facts,
                      {{"pictures", origins}});
        }
        if (arrays_) save_arrays(terminal, images, raws, depths, views, subjects.size());
        record.add(facts_of_run(model, subjects, views));
    }

  private:
    void check_combinations() const {
        const auto both = [](bool first, bool second, std::string_view names) {
            if (first && second) throw UsageError(fmt::format("{}: expected one of them, got both", names));
        };
        subjects_.check();
        both(views_.has_value(), cameras_.has_value(), "--views and --cameras");
        both(fov_.has_value(), cameras_.has_value(), "--fov-deg and --cameras (which have their own)");
        if (nrr_ && (*nrr_ < 4 || *nrr_ > 1024))
            throw UsageError(fmt::format("--nrr: expected 4 to 1024, got {}", *nrr_));
        if (grid_ && grid_->width * grid_->height > max_views)
            throw UsageError(
                fmt::format("--grid: expected at most {} cells, got {} x {}", max_views, grid_->width, grid_->height));
    }

    [[nodiscard]] std::vector<Camera> chosen_views(const Matrix3& intrinsics, const Eg3dConfig& config) const {
        std::vector<Camera> views;
        if (cameras_) {
            for (auto& named : io::read_cameras(*cameras_)) views.push_back(named.camera);
            if (views.empty() || views.size() > static_cast<std::size_t>(max_views))
                throw Error(Errc::bad_file, fmt::format("{}: expected 1 to {} cameras, got {}", cameras_->string(),
                                                        max_views, views.size()));
        } else if (views_) {
            for (const auto& angles : with_name("--views", [&] { return parse_views(*views_); }))
                views.push_back(camera_at(angles, intrinsics, config));
        } else if (grid_) {
            views.push_back(frontal_view(intrinsics, config));
        } else {
            views = published_views(intrinsics, config);
        }
        return views;
    }

    void check_names(const std::vector<Subject>& subjects) const {
        if (force_) return;
        for (const auto& subject : subjects) {
            if (grid_) break;
            check_free(outdir_ / (subject.name + ".png"));
            if (depth_) check_free(outdir_ / (subject.name + "_depth.png"));
        }
        if (grid_) check_free(outdir_ / "grid.png");
        if (grid_ && depth_) check_free(outdir_ / "grid_depth.png");
        if (arrays_) check_free(*arrays_);
    }

    [[nodiscard]] RenderOptions render_options(bool jittered) const {
        RenderOptions options;
        options.raw_resolution = nrr_.value_or(0);
        if (jittered) options.jitter = RenderOptions::Jitter::random;
        if (raw_ == "compatible") options.raw = RenderOptions::Raw::compatible;
        return options;
    }

    /// The same without the progress: it is told in views.
    [[nodiscard]] static Context context_of(Context context) {
        context.progress = {};
        return context;
    }

    [[nodiscard]] io::ImageMetadata metadata_of(const ModelFile& model, const Json& origin,
                                                const std::vector<Camera>& views) const {
        if (!metadata_) return {};
        auto facts = model.provenance();
        facts["Origin"] = origin.dump();
        if (subjects_.psi) facts["Truncation"] = fmt::format("{}", *subjects_.psi);
        if (subjects_.cutoff) facts["Truncation cutoff"] = std::to_string(*subjects_.cutoff);
        facts["Jitter"] = jitter_;
        if (views.size() <= 16) facts["Cameras"] = labels_of(views).dump();
        return facts;
    }

    [[nodiscard]] static Json labels_of(const std::vector<Camera>& views) {
        Json labels = Json::array();
        for (const auto& view : views) labels.push_back(label(view));
        return labels;
    }

    void write(Terminal& terminal, const std::string& name, const Image& picture, const io::ImageMetadata& facts,
               const Json& origin) const {
        const auto path = outdir_ / name;
        io::write_image(path, picture,
                        {.metadata = facts, .overwrite = force_ ? io::Overwrite::yes : io::Overwrite::no});
        Json row{{"output", path.string()}};
        row.update(origin);
        terminal.result(row, path.string() + "\n");
    }

    void save_arrays(Terminal& terminal, const std::vector<at::Tensor>& images, const std::vector<at::Tensor>& raws,
                     const std::vector<at::Tensor>& depths, const std::vector<Camera>& views,
                     std::size_t subjects) const {
        const auto count = static_cast<std::int64_t>(views.size()), heads = static_cast<std::int64_t>(subjects);
        StateDict arrays;
        arrays.add("image", stored(at::cat(images).to(at::kFloat).contiguous()));
        arrays.add("image_raw", stored(at::cat(raws).to(at::kFloat).contiguous()));
        arrays.add("image_depth", stored(at::cat(depths).to(at::kFloat).contiguous()));
        arrays.add("cameras", stored(labels(cameo::cameras(views, at::kDouble)).repeat({heads, 1}).contiguous()));
        arrays.add("batch", stored(at::arange(heads).repeat_interleave(count).contiguous()));
        io::write_npz(*arrays_, arrays, io::Compression::deflate, force_ ? io::Overwrite::yes : io::Overwrite::no);
        terminal.result({{"output", arrays_->string()}}, arrays_->string() + "\n");
    }

    [[nodiscard]] Json facts_of_run(const ModelFile& model, const std::vector<Subject>& subjects,
                                    const std::vector<Camera>& views) const {
        Json facts{{"command", "generate"},
                   {"network", model.path.string()},
                   {"model", model.digest},
                   {"licence", model.licence},
                   {"nrr", nrr_.value_or(model.generator.config().raw_resolution)},
                   {"jitter", jitter_},
                   {"raw", raw_},
                   {"device", model_.device},
                   {"cameras", labels_of(views)}};
        facts.update(subjects_.record(subjects));
        return facts;
    }

    ModelOptions model_;
    SubjectOptions subjects_;
    std::optional<std::string> views_;
    std::optional<fs::path> cameras_, arrays_;
    std::optional<double> fov_;
    std::optional<std::int64_t> nrr_;
    std::optional<Size> grid_;
    std::optional<Memory> memory_;
    std::string jitter_ = "none", raw_ = "clean";
    fs::path outdir_ = "out";
    bool depth_ = false, metadata_ = true, force_ = false;
};

}  // namespace

constinit const Verb generate = verb<Generate>("generate", "draws heads from seeds or latents");

}  // namespace cameo::apps
