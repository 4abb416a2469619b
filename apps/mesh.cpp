// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <cameo/core/error.hpp>
#include <cameo/io/mesh_file.hpp>
#include <cameo/io/mrc.hpp>
#include <cameo/io/splat_file.hpp>
#include <cameo/pipeline/head_mesh.hpp>
#include <cameo/pipeline/head_splats.hpp>
#include <cameo/pipeline/head_texture.hpp>
#include <cameo/shape/simplify.hpp>
#include <nlohmann/json.hpp>

#include "model_file.hpp"
#include "outputs.hpp"
#include "subjects.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class MeshCommand final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo mesh --seeds 7 -o head.glb", "a coloured head for Blender and the web");
        table.example("cameo mesh --seeds 7 -o head.stl --triangles 50000 --scale 0.1", "a smaller one for a printer");
        table.example("cameo mesh --seeds 7 -o head.glb --texture", "the colours as a texture of 1024 pixels");
        table.example("cameo mesh --seeds 7 -o head.splat.ply",
                      "Gaussians for splat viewers, fitted to the model's images");
        table.example("cameo mesh --seeds 0-3 -o heads/seed.mrc --lattice published --res 512",
                      "volumes for ChimeraX, as the published program writes them");
        model_.declare(table);
        subjects_.declare(table);
        table.option(
            "output", output_,
            {.value = "FILE",
             .help = "what to write: .glb, .ply, .obj, .stl, .mrc or .splat.ply; with several heads each one's name is "
                     "put before the ending",
             .letter = 'o',
             .completes = Completes::file,
             .endings = {"glb", "ply", "obj", "stl", "mrc"}});
        table.option("res", res_, {.value = "N", .help = "points along an edge of the box", .aliases = {"shape-res"}});
        table.option("level", level_,
                     {.value = "LEVEL",
                      .help = "raw density of the surface; auto takes it from where rendered rays end, 10 is usual for "
                              "published models"});
        table.option("lattice", lattice_,
                     {.value = "KIND",
                      .help = "where densities are taken: evenly, or sheared and bordered as in the published program",
                      .choices = {"regular", "published"}});
        table.option("border", border_, {.value = "N", .help = "layers of the box's faces that count as empty"});
        table.option("triangles", triangles_,
                     {.value = "N", .help = "simplify to about so many; 0 keeps all, left out 60000 with --texture"});
        table.flag("texture", texture_, {.help = "GLB: colours as a texture, baked from rendered views"});
        table.option("texture-size", texture_size_, {.value = "N", .help = "its side in pixels"});
        table.option("splats", splats_, {.value = "N", .help = "how many Gaussians a .splat.ply has"});
        table.option("steps", steps_, {.value = "N", .help = "of their fit to the model's images"});
        table.option("scale", scale_, {.value = "METRES", .help = "length of a world unit"});
        table.flag("colours", colours_, {.help = "colours of the vertices (the default)", .aliases = {"colors"}});
        table.flag("lit", lit_,
                   {.help = "GLB: shade it by the viewer's lights (the default); --no-lit shows colours as they are"});
        table.flag("all-parts", all_parts_, {.help = "keep what floats beside the head"});
        table.option("memory", memory_, {.value = "SIZE", .help = "what queries may use beyond model and results: 6G"});
        table.flag("metadata", metadata_, {.help = "write model, licence and origin into the file (the default)"});
        table.flag("force", force_, {.help = "replace files that are there", .letter = 'f'});
    }

    void run(Terminal& terminal) override {
        subjects_.check();
        const auto level = parse_level();
        const auto kind = output_.extension() == ".mrc" ? Kind::volume : is_splats(output_) ? Kind::splats : Kind::mesh;
        if (kind == Kind::mesh) (void)with_name("--output", [&] { return io::mesh_format_for(output_); });
        if (res_ < 8 || res_ > max_grid_side)
            throw UsageError(fmt::format("--res: expected 8 to {}, got {}", max_grid_side, res_));
        if (triangles_ && *triangles_ < 0)
            throw UsageError(fmt::format("--triangles: expected at least 0, got {}", *triangles_));
        if (texture_ && output_.extension() != ".glb")
            throw UsageError(fmt::format("--texture: expected a .glb, which can hold one, got {}", output_.string()));
        if (texture_size_ < 64 || texture_size_ > 8192)
            throw UsageError(fmt::format("--texture-size: expected 64 to 8192, got {}", texture_size_));
        if (splats_ < 1 || splats_ > 2'000'000)
            throw UsageError(fmt::format("--splats: expected 1 to 2000000, got {}", splats_));
        if (steps_ < 0 || steps_ > 1'000'000)
            throw UsageError(fmt::format("--steps: expected 0 to 1000000, got {}", steps_));
        if (!(scale_ > 0.0)) throw UsageError(fmt::format("--scale: expected a positive length, got {}", scale_));
        const auto published = lattice_ == "published";
        const HeadMeshOptions options{.side = res_,
                                      .lattice = published ? Lattice::published : Lattice::regular,
                                      .level = level,
                                      .border = border_.value_or(published ? published_border(res_) : 2),
                                      .all_parts = all_parts_,
                                      .colours = colours_};
        if (options.border < 1 || 2 * options.border + 2 > res_)
            throw UsageError(fmt::format("--border: expected 1 to {}, got {}", res_ / 2 - 1, options.border));

        const auto model = subjects_.open(model_);
        const auto& config = model.generator.config();
        const auto subjects = subjects_.load(config);
        const auto name_of = [&](const Subject& subject) {
            if (subjects.size() == 1) return output_;
            const auto ending = kind == Kind::splats ? std::string(splat_ending) : output_.extension().string();
            const auto name = output_.filename().string();
            auto path = output_;
            return path.replace_filename(name.substr(0, name.size() - ending.size()) + "-" + subject.name + ending);
        };
        if (!force_)
            for (const auto& subject : subjects) check_free(name_of(subject));
        make_folder(output_.parent_path());
        RunRecord record(output_.parent_path());
        const auto conditioned_on = subjects_.conditioned_on(
            frontal_view(intrinsics_from_focal(focal_from_published_fov(default_fov_degrees)), config));
        auto context = terminal.context();
        if (memory_) context.memory_budget = memory_->bytes;
        const c10::NoGradGuard no_gradient;
        for (const auto& subject : subjects) {
            const auto generator = subjects_.generator(model.generator, subject);
            const auto scene = generator->scene(subjects_.latent(*generator, subject, conditioned_on));
            const auto path = name_of(subject);
            switch (kind) {
                case Kind::volume:
                    write_volume(terminal, *generator, scene, subject, options, path, context);
                    break;
                case Kind::splats:
                    write_splats(terminal, model, *generator, scene, subject, options, path, context);
                    break;
                case Kind::mesh:
                    write_mesh(terminal, model, *generator, scene, subject, options, path, context);
                    break;
            }
        }
        Json facts{{"command", "mesh"},
                   {"network", model.path.string()},
                   {"model", model.digest},
                   {"licence", model.licence},
                   {"output", output_.string()},
                   {"res", res_},
                   {"level", level_},
                   {"lattice", lattice_},
                   {"triangles", triangles_ ? Json(*triangles_) : Json()},
                   {"texture", texture_ ? Json(texture_size_) : Json()},
                   {"scale", scale_}};
        if (kind == Kind::splats) facts.update({{"splats", splats_}, {"steps", steps_}});
        facts.update(subjects_.record(subjects));
        record.add(facts);
    }

  private:
    enum class Kind { mesh, volume, splats };
    static constexpr std::string_view splat_ending = ".splat.ply";

    static bool is_splats(const fs::path& path) { return path.filename().string().ends_with(splat_ending); }

    [[nodiscard]] std::map<std::string, std::string> facts_of(const ModelFile& model, const Subject& subject) const {
        std::map<std::string, std::string> facts;
        if (!metadata_) return facts;
        for (const auto& [key, value] : model.provenance()) facts[key] = value;
        facts["Origin"] = subject.origin.dump();
        return facts;
    }

    [[nodiscard]] std::optional<float> parse_level() const {
        if (level_ == "auto") return std::nullopt;
        return static_cast<float>(with_name("--level", [&] { return parse_number(level_); }));
    }

    [[nodiscard]] io::Overwrite overwrite() const { return force_ ? io::Overwrite::yes : io::Overwrite::no; }

    void write_volume(Terminal& terminal, const Eg3d& generator, const Eg3d::Scene& scene, const Subject& subject,
                      const HeadMeshOptions& options, const fs::path& path, const Context& context) const {
        const auto grid = head_volume(generator, scene, options.side, options.lattice, options.border, context);
        io::write_mrc(path, grid.sides, grid.values, {.overwrite = overwrite()});
        terminal.end_progress();
        const auto range = value_range(grid, -1000.0F);
        Json row{{"output", path.string()}, {"lowest", range[0]}, {"highest", range[1]}};
        row.update(subject.origin);
        terminal.result(row, fmt::format("{}: densities from {:.1f} to {:.1f}\n", path.string(), range[0], range[1]));
    }

    void write_mesh(Terminal& terminal, const ModelFile& model, const Eg3d& generator, const Eg3d::Scene& scene,
                    const Subject& subject, const HeadMeshOptions& options, const fs::path& path,
                    const Context& context) const {
        auto head = head_mesh(generator, scene, options, context);
        if (const auto triangles = triangles_.value_or(texture_ ? 60'000 : 0); triangles > 0)
            head.mesh = simplified(head.mesh, static_cast<std::size_t>(triangles));
        io::MeshWriteOptions writing{.lit = lit_, .facts = facts_of(model, subject), .overwrite = overwrite()};
        if (texture_) {
            auto textured = textured_head(generator, scene, head.mesh, {.size = texture_size_}, context);
            head.mesh = std::move(textured.mesh);
            writing.base_colour = std::move(textured.base_colour);
        }
        head.mesh.metres_per_unit = scale_;
        io::write_mesh(path, head.mesh, writing);
        terminal.end_progress();
        Json row{{"output", path.string()},
                 {"vertices", head.mesh.positions.size()},
                 {"triangles", head.mesh.triangles.size()},
                 {"level", head.level}};
        row.update(subject.origin);
        terminal.result(row, fmt::format("{}: {} triangles at density {:.2f}\n", path.string(),
                                         count_text(head.mesh.triangles.size()), head.level));
    }

    void write_splats(Terminal& terminal, const ModelFile& model, const Eg3d& generator, const Eg3d::Scene& scene,
                      const Subject& subject, const HeadMeshOptions& surface, const fs::path& path,
                      const Context& context) const {
        HeadSplatsOptions how{.count = splats_, .steps = steps_, .surface = surface};
        how.surface.side = std::min<std::int64_t>(how.surface.side, 160);  // Gaussians only begin there
        how.surface.border = std::max<std::int64_t>(how.surface.border * how.surface.side / surface.side, 1);
        how.surface.colours = true;
        auto head = head_splats(generator, scene, how, context);
        head.splats.metres_per_unit = scale_;
        io::write_splats(path, head.splats, {.facts = facts_of(model, subject), .overwrite = overwrite()});
        terminal.end_progress();
        Json row{{"output", path.string()}, {"splats", head.splats.positions.size()}, {"psnr", head.psnr}};
        row.update(subject.origin);
        terminal.result(row, fmt::format("{}: {} Gaussians, {:.1f} dB against views that they were not fitted to\n",
                                         path.string(), count_text(head.splats.positions.size()), head.psnr));
    }

    ModelOptions model_;
    SubjectOptions subjects_;
    fs::path output_ = "head.glb";
    std::int64_t res_ = 256, texture_size_ = 1024, splats_ = HeadSplatsOptions{}.count,
                 steps_ = HeadSplatsOptions{}.steps;
    std::optional<std::int64_t> triangles_;
    std::string level_ = "auto", lattice_ = "regular";
    std::optional<std::int64_t> border_;
    double scale_ = default_metres_per_unit;
    std::optional<Memory> memory_;
    bool colours_ = true, lit_ = true, all_parts_ = false, texture_ = false, metadata_ = true, force_ = false;
};

}  // namespace

constinit const Verb mesh = verb<MeshCommand>("mesh", "makes meshes and volumes of heads");

}  // namespace cameo::apps
