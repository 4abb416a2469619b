// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <filesystem>
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
#include <cameo/pipeline/head_mesh.hpp>
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
        table.example("cameo mesh --seeds 0-3 -o heads/seed.mrc --lattice published --res 512",
                      "volumes for ChimeraX, as the published program writes them");
        model_.declare(table);
        subjects_.declare(table);
        table.option(
            "output", output_,
            {.value = "FILE",
             .help = "what to write: .glb, .ply, .obj, .stl or .mrc; with several heads each one's name is put "
                     "before the ending",
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
        table.option("triangles", triangles_, {.value = "N", .help = "simplify to about so many; 0 keeps all"});
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
        const bool volume = output_.extension() == ".mrc";
        if (!volume) (void)with_name("--output", [&] { return io::mesh_format_for(output_); });
        if (res_ < 8 || res_ > max_grid_side)
            throw UsageError(fmt::format("--res: expected 8 to {}, got {}", max_grid_side, res_));
        if (triangles_ < 0) throw UsageError(fmt::format("--triangles: expected at least 0, got {}", triangles_));
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

        const auto model = model_.load();
        const auto& config = model.generator.config();
        const auto subjects = subjects_.load(config);
        const auto name_of = [&](const Subject& subject) {
            if (subjects.size() == 1) return output_;
            auto path = output_;
            return path.replace_filename(output_.stem().string() + "-" + subject.name + output_.extension().string());
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
            const auto scene = model.generator.scene(subjects_.latent(model.generator, subject, conditioned_on));
            const auto path = name_of(subject);
            volume ? write_volume(terminal, model, scene, subject, options, path, context)
                   : write_mesh(terminal, model, scene, subject, options, path, context);
        }
        Json facts{{"command", "mesh"},
                   {"network", model.path.string()},
                   {"model", model.digest},
                   {"licence", model.licence},
                   {"output", output_.string()},
                   {"res", res_},
                   {"level", level_},
                   {"lattice", lattice_},
                   {"triangles", triangles_},
                   {"scale", scale_}};
        facts.update(subjects_.record(subjects));
        record.add(facts);
    }

  private:
    [[nodiscard]] std::optional<float> parse_level() const {
        if (level_ == "auto") return std::nullopt;
        return static_cast<float>(with_name("--level", [&] { return parse_number(level_); }));
    }

    [[nodiscard]] io::Overwrite overwrite() const { return force_ ? io::Overwrite::yes : io::Overwrite::no; }

    void write_volume(Terminal& terminal, const ModelFile& model, const Eg3d::Scene& scene, const Subject& subject,
                      const HeadMeshOptions& options, const fs::path& path, const Context& context) const {
        const auto grid =
            head_volume(model.generator, scene, options.side, options.lattice, options.border, context);
        io::write_mrc(path, grid.sides, grid.values, {.overwrite = overwrite()});
        terminal.end_progress();
        const auto range = value_range(grid, -1000.0F);
        Json row{{"output", path.string()}, {"lowest", range[0]}, {"highest", range[1]}};
        row.update(subject.origin);
        terminal.result(row, fmt::format("{}: densities from {:.1f} to {:.1f}\n", path.string(), range[0], range[1]));
    }

    void write_mesh(Terminal& terminal, const ModelFile& model, const Eg3d::Scene& scene, const Subject& subject,
                    const HeadMeshOptions& options, const fs::path& path, const Context& context) const {
        auto head = head_mesh(model.generator, scene, options, context);
        if (triangles_ > 0) head.mesh = simplified(head.mesh, static_cast<std::size_t>(triangles_));
        head.mesh.metres_per_unit = scale_;
        io::MeshWriteOptions writing{.lit = lit_, .overwrite = overwrite()};
        if (metadata_) {
            for (const auto& [key, value] : model.provenance()) writing.facts[key] = value;
            writing.facts["Origin"] = subject.origin.dump();
        }
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

    ModelOptions model_;
    SubjectOptions subjects_;
    fs::path output_ = "head.glb";
    std::int64_t res_ = 256, triangles_ = 0;
    std::string level_ = "auto", lattice_ = "regular";
    std::optional<std::int64_t> border_;
    double scale_ = default_metres_per_unit;
    std::optional<Memory> memory_;
    bool colours_ = true, lit_ = true, all_parts_ = false, metadata_ = true, force_ = false;
};

}  // namespace

constinit const Verb mesh = verb<MeshCommand>("mesh", "makes meshes and volumes of heads");

}  // namespace cameo::apps
