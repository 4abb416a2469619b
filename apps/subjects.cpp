// SPDX-License-Identifier: Apache-2.0
#include "subjects.hpp"

#include <algorithm>
#include <span>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <cameo/core/cameras.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/numpy_random.hpp>
#include <cameo/core/random.hpp>
#include <cameo/core/seeds.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/invert/latent_search.hpp>
#include <cameo/invert/weight_delta.hpp>
#include <cameo/io/camera_file.hpp>
#include <cameo/io/npy.hpp>

namespace cameo::apps {
namespace {

using Json = nlohmann::ordered_json;

std::vector<Subject> from_file(const std::filesystem::path& path, const Eg3dConfig& config) {
    const auto name = path.string();
    const auto all = owned_tensor(io::read_npy(path), name);
    const auto wrong = [&](std::string_view got) {
        return Error(Errc::bad_file,
                     fmt::format("{}: expected z [N, {}] or ws [N, {}, {}], floating point and finite, got {}", name,
                                 config.z_dim, config.num_ws(), config.w_dim, got));
    };
    if (!all.is_floating_point()) throw wrong("another type");
    const bool is_z = all.dim() == 2 && all.size(1) == config.z_dim;
    const bool is_ws = all.dim() == 3 && all.size(1) == config.num_ws() && all.size(2) == config.w_dim;
    if ((!is_z && !is_ws) || all.size(0) < 1) throw wrong(fmt::format("[{}]", fmt::join(all.sizes().vec(), ", ")));
    if (!all.isfinite().all().item<bool>()) throw wrong("a NaN or an infinity");
    std::vector<Subject> subjects;
    for (std::int64_t i = 0; i < all.size(0); ++i) {
        const auto one = all.narrow(0, i, 1).to(at::kFloat);
        subjects.push_back(Subject{.name = fmt::format("latent{:04d}", i),
                                   .origin = Json{{"latents", name}, {"index", i}},
                                   .z = is_z ? one : at::Tensor(),
                                   .ws = is_ws ? one : at::Tensor(),
                                   .identity = {}});
    }
    return subjects;
}

Camera one_camera(const std::filesystem::path& path) {
    const auto cameras = io::read_cameras(path);
    if (cameras.size() != 1)
        throw Error(Errc::bad_file, fmt::format("{}: expected one camera, got {}", path.string(), cameras.size()));
    return cameras.front().camera;
}

}  // namespace

void SubjectOptions::declare(OptionTable& table) {
    table.argument("ID.cameo", identities,
                   {.help = "identities that cameo invert has made, instead of seeds",
                    .completes = Completes::file,
                    .endings = {"cameo"}});
    table.option("seeds", seeds, {.value = "LIST", .help = "which heads: 0,1,4-6; a seed is NumPy's RandomState"});
    table.option("latents", latents,
                 {.value = "FILE",
                  .help = "instead of seeds: z [N, z_dim] or ws [N, num_ws, w_dim]",
                  .completes = Completes::file,
                  .endings = {"npy"}});
    table.option("trunc", psi,
                 {.value = "PSI", .help = "how far latents are drawn to the average: 1 not at all, 0 all the way"});
    table.option("trunc-cutoff", cutoff, {.value = "N", .help = "only the first N rows of ws are drawn"});
    table.option("conditioning", conditioning,
                 {.value = "FILE",
                  .help = "the one camera that latents are conditioned on; left out, the frontal one",
                  .completes = Completes::file,
                  .endings = {"json"}});
}

void SubjectOptions::check() const {
    if (!seeds && !latents && identities.empty())
        throw UsageError(
            "which heads? Name them with --seeds 0-3, give latents with --latents FILE, or identities: ID.cameo");
    if (!identities.empty() && (seeds || latents || psi || cutoff || conditioning))
        throw UsageError("identities: expected no seeds, latents, truncation or conditioning beside them, got one");
    if (seeds && latents) throw UsageError("--seeds and --latents: expected one of them, got both");
    if (psi && !(*psi >= -4.0 && *psi <= 4.0)) throw UsageError(fmt::format("--trunc: expected -4 to 4, got {}", *psi));
    if (cutoff && *cutoff < 0) throw UsageError(fmt::format("--trunc-cutoff: expected at least 0, got {}", *cutoff));
}

ModelFile SubjectOptions::open(const ModelOptions& options) {
    loaded_.clear();
    for (const auto& path : identities)
        loaded_.push_back(std::make_shared<const io::Identity>(io::read_identity(path)));
    if (loaded_.empty()) return options.load();
    for (const auto& identity : loaded_)
        if (identity->generator_digest != loaded_.front()->generator_digest)
            throw Error(Errc::model_mismatch,
                        fmt::format("identities: expected those of one generator, got {} and {}",
                                    loaded_.front()->generator_words(), identity->generator_words()));
    return options.load_for(*loaded_.front());
}

std::vector<Subject> SubjectOptions::load(const Eg3dConfig& model) const {
    if (!loaded_.empty()) {
        std::vector<Subject> subjects;
        for (std::size_t i = 0; i < loaded_.size(); ++i) {
            const auto name = identities[i].string();
            const auto ws = owned_tensor(loaded_[i]->ws, name);
            if (ws.size(1) != model.num_ws() || ws.size(2) != model.w_dim)
                throw Error(Errc::bad_file, fmt::format("{}: expected ws [1, {}, {}], got [{}]", name, model.num_ws(),
                                                        model.w_dim, fmt::join(ws.sizes().vec(), ", ")));
            const auto stem = identities[i].stem().string();
            if (std::ranges::find(subjects, stem, &Subject::name) != subjects.end())
                throw UsageError(fmt::format("identities: expected different names, got {} twice", stem));
            subjects.push_back(
                Subject{.name = stem, .origin = Json{{"identity", name}}, .z = {}, .ws = ws, .identity = loaded_[i]});
        }
        return subjects;
    }
    if (latents) {
        auto subjects = from_file(*latents, model);
        if (subjects.front().ws.defined() && (psi || cutoff))
            throw UsageError("--trunc: expected latents z to draw to the average, got ws");
        return subjects;
    }
    std::vector<Subject> subjects;
    for (const auto seed : with_name("--seeds", [&] { return parse_seeds(*seeds); })) {
        StreamSource random{NumpyRandom(seed)};
        subjects.push_back(Subject{.name = fmt::format("seed{:04d}", seed),
                                   .origin = Json{{"seed", seed}},
                                   .z = random.normal({1, model.z_dim}),
                                   .ws = {},
                                   .identity = {}});
    }
    return subjects;
}

Camera SubjectOptions::conditioned_on(const Camera& front) const {
    return conditioning ? one_camera(*conditioning) : front;
}

WLatent SubjectOptions::latent(const Eg3d& model, const Subject& subject, const Camera& camera) const {
    const auto options = at::TensorOptions(model.device()).dtype(at::kFloat);
    if (subject.ws.defined()) return WLatent(subject.ws.to(options));
    return model.map(ZLatent(subject.z.to(options)), cameras(std::span(&camera, 1), options),
                     {psi.value_or(1.0), cutoff});
}

std::shared_ptr<const Eg3d> SubjectOptions::generator(const Eg3d& model, const Subject& subject) const {
    if (!subject.has_own_generator()) return {std::shared_ptr<const Eg3d>(), &model};  // shares nothing, owns nothing
    Inversion own{.ws = WLatent(subject.ws), .cameras = {}};
    own.tuned = with_delta(model.parameters(), subject.identity->tuned);
    for (const auto& [name, tensor] : subject.identity->noise.entries())
        own.noise.push_back({name, owned_tensor(tensor, name)});
    return std::make_shared<const Eg3d>(applied(model, own));
}

Json SubjectOptions::record(const std::vector<Subject>& subjects) const {
    Json origins = Json::array();
    for (const auto& subject : subjects) origins.push_back(subject.origin);
    return {{"pictures", origins}, {"trunc", psi.value_or(1.0)}, {"trunc_cutoff", cutoff ? Json(*cutoff) : Json()}};
}

}  // namespace cameo::apps
