// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
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
#include <cameo/io/camera_file.hpp>
#include <cameo/io/mesh_file.hpp>
#include <cameo/io/mrc.hpp>
#include <cameo/pipeline/head_mesh.hpp>
#include <cameo/pipeline/latent_path.hpp>
#include <nlohmann/json.hpp>

#include "frame_sink.hpp"
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

constexpr std::int64_t max_frames = 1'000'000;

/// What one cell of the picture shows over time. A scene that does not change is made once.
struct Tile {
    LatentPath path;
    std::optional<WLatent> still;
    std::optional<Eg3d::Scene> scene;
};

class Video final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo video --seeds 7 -o turn.mp4", "one head, seen from around its front");
        table.example("cameo video --seeds 0-3 -o faces.mp4", "four heads that become one another");
        table.example("cameo video --seeds 0-7 --grid 2x2 --w-frames 60 -o grid.mp4",
                      "a grid of four, each going between two heads");
        table.example("cameo video --seeds 0-3 --no-interpolate --path turn -o seed.mp4", "a video for each head");
        table.example("cameo video id.cameo --path turn -o turn.mp4", "somebody whom cameo invert has found");
        model_.declare(table);
        subjects_.declare(table);
        table.option("output", output_,
                     {.value = "FILE",
                      .help = "what to write: a name in .mp4, or in .png for a picture a frame",
                      .letter = 'o',
                      .completes = Completes::file,
                      .endings = {"mp4", "png"}});
        table.flag("interpolate", interpolate_,
                   {.help = "go from each head to the next and back to the first (the default); --no-interpolate makes "
                            "a video for each head, its name before the ending"});
        table.option("grid", grid_,
                     {.value = "WxH", .help = "so many heads beside and below each other; heads repeat if need be"});
        table.option("num-keyframes", keyframes_,
                     {.value = "K", .help = "heads that each cell goes through; left out, all heads are shared out"});
        table.option("w-frames", w_frames_, {.value = "N", .help = "frames from one head to the next"});
        table.option("path", path_,
                     {.value = "KIND",
                      .help = "how the camera moves: the published circle before the face, 40 degrees to both sides, "
                              "or not at all",
                      .choices = {"circle", "turn", "still"}});
        table.option("cameras", cameras_,
                     {.value = "FILE",
                      .help = "instead of a path: the cameras of a dataset.json, a transforms.json or a COLMAP folder, "
                              "one a frame, over again when they end",
                      .completes = Completes::file,
                      .endings = {"json"}});
        table.option("fov-deg", fov_,
                     {.value = "DEG",
                      .help = "field of view, in the published program's sense; left out, what it has for faces"});
        table.option("image-mode", mode_,
                     {.value = "KIND",
                      .help = "what to show: the image, the raw image before upsampling, or depth, near is bright",
                      .aliases = {"image_mode"},
                      .choices = {"image", "image_raw", "image_depth"}});
        table.option("nrr", nrr_, {.value = "N", .help = "side of the raw image; left out, the model's"});
        table.option(
            "sample-mult", sample_mult_,
            {.value = "X", .help = "samples along a ray, as a multiple of the model's", .aliases = {"sample_mult"}});
        table.option("fps", fps_, {.value = "N", .help = "frames a second"});
        table.option(
            "bit-rate", bit_rate_,
            {.value = "BITS", .help = "a second; left out, 10 Mbit/s for 512 x 512 at 60 Hz, and in proportion"});
        table.option(
            "encoder", encoders_,
            {.value = "NAME", .help = "libav's name of an encoder to use; left out, libx264 or what there is"});
        table.flag("shapes", shapes_,
                   {.help = "also write the shape of every frame in which it changes, on the published lattice"});
        table.option("shape-res", shape_res_, {.value = "N", .help = "points along an edge of the box"});
        table.option("shape-format", shape_format_, {.value = "KIND", .help = "of shapes", .choices = {"ply", "mrc"}});
        table.option("memory", memory_,
                     {.value = "SIZE", .help = "what rendering may use beyond model and results: 6G"});
        table.flag("metadata", metadata_, {.help = "write model and licence into the file (the default)"});
        table.flag("force", force_, {.help = "replace files that are there", .letter = 'f'});
    }

    void run(Terminal& terminal) override {
        check_options();
        auto model = subjects_.open(model_);
        const auto config = model.generator.config();
        // What the published video program has for faces; its --cfg is our --fov-deg.
        const auto focal = fov_ ? focal_from_published_fov(*fov_) : ffhq_cameras.focal;
        const auto intrinsics = intrinsics_from_focal(focal);
        const auto conditioned_on = subjects_.conditioned_on(video_frontal_view(intrinsics, config));
        const auto given = given_cameras();
        const auto subjects = subjects_.load(config);
        if (const auto tuned = std::ranges::find_if(subjects, &Subject::has_own_generator); tuned != subjects.end()) {
            if (subjects.size() > 1)
                throw UsageError("identities: expected one, or such without weights of their own, got " + tuned->name +
                                 " beside others");
            model.generator = subjects_.generator(model.generator, *tuned)->clone();
        }
        const auto cells = grid_ ? grid_->width * grid_->height : 1;
        const auto keys = keyframes_of(subjects.size(), cells);
        const auto frames = keys * w_frames_.value_or(given.empty() ? 120 : static_cast<std::int64_t>(given.size()));
        if (frames > max_frames)
            throw UsageError(fmt::format("--w-frames: expected at most {} frames in all, got {}", max_frames, frames));
        std::vector<fs::path> outputs{output_};
        if (!interpolate_ && subjects.size() > 1) {
            outputs.clear();
            for (const auto& subject : subjects) {
                auto path = output_;
                outputs.push_back(
                    path.replace_filename(output_.stem().string() + "-" + subject.name + output_.extension().string()));
            }
        }
        if (!force_)
            for (const auto& path : outputs) check_free(path.extension() == ".png" ? frame_path(path, 0) : path);
        make_folder(output_.parent_path());
        RunRecord record(output_.parent_path());

        const c10::NoGradGuard no_gradient;
        std::vector<at::Tensor> latents;
        for (const auto& subject : subjects)
            latents.push_back(subjects_.latent(model.generator, subject, conditioned_on).tensor());
        auto context = terminal.context();
        if (memory_) context.memory_budget = memory_->bytes;
        const auto camera_of = [&](std::int64_t frame) {
            if (!given.empty()) return given[static_cast<std::size_t>(frame) % given.size()];
            if (path_ == "circle") return circling_view(frame, frames, intrinsics, config);
            if (path_ == "turn") return turning_view(frame, frames, intrinsics, config);
            return video_frontal_view(intrinsics, config);
        };
        const auto total = frames * static_cast<std::int64_t>(outputs.size());
        std::int64_t done = 0;
        std::string missing;
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            std::vector<Tile> tiles;
            for (std::int64_t cell = 0; cell < cells; ++cell) {
                std::vector<at::Tensor> own;
                for (std::int64_t k = 0; k < keys; ++k)
                    own.push_back(latents[(i + static_cast<std::size_t>(cell * keys + k)) % latents.size()]);
                tiles.push_back({LatentPath(WLatent(at::cat(own))), std::nullopt, std::nullopt});
            }
            const auto lacks = film(terminal, model, tiles, outputs[i], frames, camera_of, context, done, total);
            if (!lacks.empty()) missing += (missing.empty() ? "" : "\n") + lacks;
        }
        Json facts{{"command", "video"},
                   {"network", model.path.string()},
                   {"model", model.digest},
                   {"licence", model.licence},
                   {"output", output_.string()},
                   {"frames", frames},
                   {"fps", fps_},
                   {"path", cameras_ ? cameras_->string() : path_},
                   {"focal", focal},
                   {"image_mode", mode_},
                   {"sample_mult", sample_mult_},
                   {"keyframes", keys},
                   {"grid", {grid_ ? grid_->width : 1, grid_ ? grid_->height : 1}}};
        facts.update(subjects_.record(subjects));
        record.add(facts);
        if (!missing.empty()) throw Error(Errc::device_unsupported, missing);
    }

  private:
    void check_options() const {
        subjects_.check();
        const auto within = [](std::string_view name, auto value, auto low, auto high) {
            if (!(value >= low && value <= high))
                throw UsageError(fmt::format("{}: expected {} to {}, got {}", name, low, high, value));
        };
        if (output_.extension() != ".mp4" && output_.extension() != ".png")
            throw UsageError(fmt::format(
                "--output: expected a name that ends in .mp4, or .png for a file a frame, got {}", output_.string()));
        if (w_frames_) within("--w-frames", *w_frames_, std::int64_t{1}, max_frames);
        if (keyframes_) within("--num-keyframes", *keyframes_, std::int64_t{1}, std::int64_t{4096});
        if (nrr_) within("--nrr", *nrr_, std::int64_t{4}, std::int64_t{1024});
        if (grid_) within("--grid", grid_->width * grid_->height, std::int64_t{1}, std::int64_t{1024});
        within("--sample-mult", sample_mult_, 0.1, 16.0);
        within("--fps", fps_, std::int64_t{1}, std::int64_t{1000});
        within("--shape-res", shape_res_, std::int64_t{8}, max_grid_side);
        if (bit_rate_) within("--bit-rate", *bit_rate_, std::int64_t{1}, std::int64_t{2'000'000'000});
        if (!interpolate_ && (grid_ || keyframes_))
            throw UsageError("--no-interpolate: expected neither --grid nor --num-keyframes, which share heads out");
        if (fov_ && cameras_)
            throw UsageError("--fov-deg and --cameras (which have their own): expected one of them, got both");
    }

    [[nodiscard]] std::vector<Camera> given_cameras() const {
        std::vector<Camera> given;
        if (!cameras_) return given;
        for (auto& named : io::read_cameras(*cameras_)) given.push_back(named.camera);
        if (given.empty()) throw Error(Errc::bad_file, cameras_->string() + ": expected cameras, got none");
        return given;
    }

    [[nodiscard]] std::int64_t keyframes_of(std::size_t subjects, std::int64_t cells) const {
        if (!interpolate_) return 1;
        if (keyframes_) return *keyframes_;
        const auto count = static_cast<std::int64_t>(subjects);
        if (count % cells != 0)
            throw UsageError(
                fmt::format("--grid: expected a number of heads that {} cells can share, or --num-keyframes, "
                            "got {} heads",
                            cells, count));
        return count / cells;
    }

    /// Returns FrameSink::missing().
    template <class CameraOf>
    [[nodiscard]] std::string film(Terminal& terminal, const ModelFile& model, std::vector<Tile>& tiles,
                                   const fs::path& path, std::int64_t frames, const CameraOf& camera_of,
                                   const Context& context, std::int64_t& done, std::int64_t total) const {
        const auto columns = grid_ ? grid_->width : 1, rows = grid_ ? grid_->height : 1;
        const auto side = mode_ == "image" ? model.generator.config().image_resolution
                                           : nrr_.value_or(model.generator.config().raw_resolution);
        if (columns * side > Image::max_side || rows * side > Image::max_side)
            throw UsageError(fmt::format("--grid: expected at most {} pixels along a side, got {} x {}",
                                         Image::max_side, columns * side, rows * side));
        FrameSinkOptions how{.rate = fps_,
                             .bit_rate = bit_rate_.value_or(0),
                             .encoders = encoders_,
                             .overwrite = force_ ? io::Overwrite::yes : io::Overwrite::no};
        if (metadata_) {
            how.facts = model.provenance();
            how.model_hash = model.digest;
            how.licence = model.licence;
        }
        FrameSink sink(path, columns * side, rows * side, how);
        auto quiet = context;
        quiet.progress = {};
        for (std::int64_t frame = 0; frame < frames; ++frame) {
            context.report("frames", done, total);
            const auto camera = camera_of(frame);
            const auto looking = cameras({&camera, 1}, at::TensorOptions(model.generator.device()).dtype(at::kFloat));
            std::vector<Image> pictures;
            for (std::size_t cell = 0; cell < tiles.size(); ++cell) {
                auto& tile = tiles[cell];
                const bool changes = tile.path.keyframes() > 1 || !tile.scene;
                if (changes) {
                    tile.still = tile.path.at(static_cast<double>(frame) * static_cast<double>(tile.path.keyframes()) /
                                              static_cast<double>(frames));
                    tile.scene = model.generator.scene(*tile.still);
                }
                pictures.push_back(picture(model.generator, tile, looking, quiet));
                if (shapes_ && changes) write_shape(model, *tile.scene, path, frame, cell, tiles.size(), quiet);
            }
            sink.write(on_grid(pictures, columns, rows));
            ++done;
        }
        context.report("frames", done, total);
        terminal.end_progress();
        sink.finish();
        if (sink.width() != columns * side || sink.height() != rows * side)
            terminal.note(fmt::format("{}: {} x {} filled up to {} x {}, since videos have even sides", path.string(),
                                      columns * side, rows * side, sink.width(), sink.height()));
        terminal.result({{"output", sink.output()},
                         {"frames", sink.frames()},
                         {"width", sink.width()},
                         {"height", sink.height()},
                         {"encoder", sink.encoder()}},
                        fmt::format("{}: {} frames of {} x {}, {}\n", sink.output(), sink.frames(), sink.width(),
                                    sink.height(), sink.encoder()));
        return sink.missing();
    }

    [[nodiscard]] Image picture(const Eg3d& generator, const Tile& tile, const Cameras& camera,
                                const Context& context) const {
        const auto& config = generator.config();
        RenderOptions how;
        how.raw_resolution = nrr_.value_or(0);
        const auto times = [&](std::int64_t samples) {
            return static_cast<std::int64_t>(static_cast<double>(samples) * sample_mult_);
        };
        how.samples = times(config.samples);
        how.fine_samples = times(config.fine_samples);
        StreamSource random{NumpyRandom(0)};
        if (mode_ == "image")
            return to_image(generator.render(*tile.scene, *tile.still, camera, how, random, context).image[0].cpu());
        // Nothing needs to be upsampled.
        const auto side = generator.raw_resolution(how);
        const auto seen = generator.features(*tile.scene, camera, how, random, context);
        if (mode_ == "image_raw")
            return to_image((seen.feature[0].narrow(1, 0, 3).t() * 2 - 1).reshape({3, side, side}).cpu());
        return depth_pictures(seen.depth.reshape({1, 1, side, side}).cpu()).front();
    }

    void write_shape(const ModelFile& model, const Eg3d::Scene& scene, const fs::path& video, std::int64_t frame,
                     std::size_t cell, std::size_t cells, const Context& context) const {
        auto path = video;
        path.replace_filename(fmt::format("{}-shape-{:04}{}.{}", video.stem().string(), frame,
                                          cells > 1 ? fmt::format("-{}", cell) : "", shape_format_));
        const auto overwrite = force_ ? io::Overwrite::yes : io::Overwrite::no;
        const auto border = std::max<std::int64_t>(published_border(shape_res_), 1);
        if (shape_format_ == "mrc") {
            const auto grid = head_volume(model.generator, scene, shape_res_, Lattice::published, border, context);
            io::write_mrc(path, grid.sides, grid.values, {.overwrite = overwrite});
            return;
        }
        const HeadMeshOptions options{.side = shape_res_, .lattice = Lattice::published, .border = border};
        io::MeshWriteOptions writing{.overwrite = overwrite};
        if (metadata_)
            for (const auto& [key, value] : model.provenance()) writing.facts[key] = value;
        io::write_mesh(path, head_mesh(model.generator, scene, options, context).mesh, writing);
    }

    ModelOptions model_;
    SubjectOptions subjects_;
    fs::path output_ = "video.mp4";
    std::optional<Size> grid_;
    std::optional<std::int64_t> keyframes_, w_frames_, nrr_, bit_rate_;
    std::optional<fs::path> cameras_;
    std::optional<double> fov_;
    std::optional<Memory> memory_;
    std::vector<std::string> encoders_;
    std::string path_ = "circle", mode_ = "image", shape_format_ = "ply";
    std::int64_t fps_ = 60, shape_res_ = 256;
    double sample_mult_ = 2.0;
    bool interpolate_ = true, shapes_ = false, metadata_ = true, force_ = false;
};

}  // namespace

constinit const Verb video = verb<Video>("video", "films heads that turn, and become one another");

}  // namespace cameo::apps
