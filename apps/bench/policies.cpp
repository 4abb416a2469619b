// SPDX-License-Identifier: Apache-2.0
#include "bench/policies.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <cameo/concepts/field.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/core/random.hpp>
#include <cameo/fields/triplane.hpp>
#include <cameo/io/file.hpp>
#include <cameo/ops/rays.hpp>
#include <cameo/ops/resize.hpp>
#include <cameo/render/background.hpp>
#include <cameo/render/fused_triplane_renderer.hpp>
#include <cameo/render/quadrature.hpp>
#include <cameo/render/sampler.hpp>
#include <cameo/render/volume_renderer.hpp>
#include <nlohmann/json.hpp>

#include "bench/cases.hpp"
#include "bench/difference.hpp"
#include "bench/instruments.hpp"
#include "bench/plot.hpp"
#include "bench/replay.hpp"
#include "bench/rounds.hpp"
#include "machine.hpp"
#include "model_file.hpp"
#include "outputs.hpp"

namespace cameo::apps::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 16> names{
    "reference",  "fused", "half",     "quarter", "proposal", "twenty",  "coarse",   "all_coarse",
    "stratified", "left",  "deferred", "early",   "empty",    "thrifty", "occupied", "thrifty_half"};
constexpr std::array<std::string_view, 3> scenes{"spheres", "ellipsoid", "model"};

/// What the fused renderer leaves out, by policy; nothing by most.
TriplaneSavings savings_of(std::string_view policy) {
    if (policy == "deferred") return {.colour = 1e-4};
    if (policy == "early") return {.light = 1e-3};
    if (policy == "empty") return {.empty = true};
    if (policy == "thrifty" || policy == "thrifty_half") return {.colour = 1e-4, .light = 1e-3};
    if (policy == "occupied") return {.colour = 1e-4, .light = 1e-3, .occupancy = 0.5};
    return {};
}

/// What other renderers have none of.
bool is_fused_only(std::string_view policy) { return policy == "fused" || savings_of(policy) != TriplaneSavings{}; }

/// A closed form: three soft spheres, one of them thin-walled, with colours that change from place to place.
class Spheres {
  public:
    static constexpr std::string_view name() noexcept { return "spheres"; }
    [[nodiscard]] FieldValues query(const at::Tensor& points) const {
        const auto distance = [&](double x, double y, double z) {
            return (points - at::tensor({x, y, z}, points.options())).norm(2, -1, true);
        };
        const auto head = 0.28 - distance(0, 0, 0), shell = 0.02 - (distance(0, 0.05, 0.1) - 0.33).abs(),
                   ear = 0.08 - distance(0.3, 0.05, 0.05);
        const auto inside = at::maximum(at::maximum(head, ear), shell - 0.015);
        return {inside * 300.0, (points * at::tensor({23.0, 31.0, 17.0}, points.options())).sin() * 0.4 + 0.5};
    }
    [[nodiscard]] std::int64_t feature_count() const noexcept { return 3; }
    [[nodiscard]] std::uint64_t point_bytes() const noexcept { return 40 * sizeof(float); }
};
static_assert(Field<Spheres>);

/// An ellipsoid in planes of the published size: 3 x^2 + y^2 + 2 z^2 of the cube is in the first channel of the official
/// planes, and waves that colour it in the others. Empty around it, as a trained model's head is.
TriplaneField ellipsoid() {
    constexpr std::int64_t side = 256, channels = 32, hidden = 64, features = 32;
    const auto place = (at::arange(side, at::kFloat) * 2 + 1) / static_cast<double>(side) - 1;
    const auto u = place.view({1, 1, side}), v = place.view({1, side, 1});
    StreamSource<CounterRandom> random{CounterRandom(3)};
    const auto wave = [&](const at::Tensor& axis) { return random.normal({channels, 1, 1}) * 12 * axis; };
    auto planes = at::stack({(wave(u) + wave(v)).sin(), (wave(u) + wave(v)).sin(), (wave(u) + wave(v)).sin()});
    planes.select(1, 0).copy_((u.square() + v.square())[0] * 3);
    auto inner = random.normal({hidden, channels}) * 0.4, outer = random.normal({1 + features, hidden}) * 0.25;
    inner[0].zero_();
    inner[0][0] = 800.0;
    outer.select(1, 0).zero_();
    outer[0].mul_(0.1);
    outer[0][0] = -1.0;
    auto inner_bias = random.normal({hidden}), outer_bias = at::zeros({1 + features});
    inner_bias[0] = -800.0 * 0.4;
    outer_bias[0] = 120.0;
    return TriplaneField({.planes = planes.unsqueeze(0), .decoder = {inner, inner_bias, outer, outer_bias}});
}

struct Counts {
    std::int64_t first = 0, second = 0;
};

Counts counts_of(std::string_view policy, const Counts& full) {
    const std::int64_t least = 4;  // that importance sampling takes
    const auto part = [&](std::int64_t count, std::int64_t of) { return std::max(count / of, least); };
    if (policy == "twenty") return {20, 0};
    if (policy == "half" || policy == "thrifty_half") return {part(full.first, 2), part(full.second, 2)};
    if (policy == "quarter") return {part(full.first, 4), part(full.second, 4)};
    if (policy == "proposal") return {part(full.first, 2), full.second};
    if (policy == "coarse") return {full.first, 0};
    // The left rule's weights are of samples, not of what lies between them: there is no second pass.
    if (policy == "all_coarse" || policy == "left") return {full.first + full.second, 0};
    return full;
}

/// What is rendered, however the field looks.
struct Scene {
    std::string name;
    Counts full;
    std::int64_t side = 0;
    bool has_fused = false;
    std::function<RayFeatures(std::string_view policy, std::int64_t side)> render{};
    std::function<at::Tensor(const RayFeatures& seen, std::int64_t side)> picture{};  ///< what is compared
};

template <class F, class B>
RayFeatures rendered(std::string_view policy, const Counts& full, const DepthRange& range, const B& background,
                     const F& field, const RayBundle& rays, Replay& random) {
    random.rewind();
    const auto counts = counts_of(policy, full);
    const auto with = [&](const auto& first) {
        const ImportanceSampler sampler{first, counts.second};
        if (policy == "left") {
            const LeftQuadrature quadrature{ops::DensityActivation::softplus, MidpointQuadrature{}.density_bias};
            return VolumeRenderer{sampler, quadrature, background}.render(field, rays, random, {});
        }
        if constexpr (std::same_as<F, TriplaneField>)
            if (policy != "reference")
                return FusedTriplaneRenderer{sampler, MidpointQuadrature{}, background, 0.0, savings_of(policy)}.render(
                    field, rays, random, {});
        return VolumeRenderer{sampler, MidpointQuadrature{}, background}.render(field, rays, random, {});
    };
    return policy == "stratified" ? with(StratifiedSampler{counts.first, range})
                                  : with(MidpointSampler{counts.first, range});
}

template <Field F>
Scene synthetic_scene(std::string name, const F& field, std::int64_t side) {
    const Camera camera{orbit_degrees(20, 10, 2.7, {0, 0, 0}), intrinsics_from_focal(ffhq_cameras.focal)};
    const auto seen_from = cameras({&camera, 1}, at::kFloat);
    Scene scene{.name = std::move(name), .full = {48, 48}, .side = side, .has_fused = std::same_as<F, TriplaneField>};
    scene.render = [=, full = scene.full](std::string_view policy, std::int64_t size) {
        Replay random(1);
        return rendered(policy, full, FixedRange{}, WhiteBackground{}, field, ops::rays(seen_from, size), random);
    };
    scene.picture = [side](const RayFeatures& seen, std::int64_t size) {
        const auto picture = seen.feature.transpose(1, 2).reshape({1, -1, size, size});
        return size == side ? picture : ops::resize(picture, side, side, true);
    };
    return scene;
}

Scene model_scene(const std::filesystem::path& path) {
    const Subject subject(ModelOptions{.network = path}.load().generator);
    const auto model = subject.shared();
    const auto ws = subject.latents(1);
    const auto planes = model->scene(ws);
    const auto& config = model->config();
    Scene scene{.name = "model",
                .full = {config.samples, config.fine_samples},
                .side = config.raw_resolution,
                .has_fused = true};
    scene.render = [=, seen_from = subject.cameras(1), full = scene.full](std::string_view policy, std::int64_t size) {
        Replay random(1);
        const auto field = model->field(planes);
        const auto rays = ops::rays(seen_from, size);
        const auto& range = model->config().range;
        return model->config().white_background ? rendered(policy, full, range, WhiteBackground{}, field, rays, random)
                                                : rendered(policy, full, range, BlackBackground{}, field, rays, random);
    };
    scene.picture = [=](const RayFeatures& seen, std::int64_t size) {
        Replay random(2);
        return model->form(seen, ws, {.raw_resolution = size}, random).image;
    };
    return scene;
}

double nearness(const PolicyLine& line) { return line.psnr_db.value_or(INFINITY); }

constexpr const char* columns = "{:<9} {:<12} {:>9} {:>6} {:>3} {:>9} {:>17} {:>8} {:>7}  {}";

void measure(const Scene& scene, int threads, const PoliciesOptions& options, Terminal& terminal,
             std::vector<PolicyLine>& all) {
    const auto instruments = machine_instruments(threads);
    const auto context = terminal.context();
    const auto head = instruments.witness();
    terminal.note(
        fmt::format("{}, threads: {}: {:.0f} GFLOP/s of float32 multiply-adds", look_at_machine().cpu, threads, head));
    const auto truth = scene.picture(scene.render("reference", scene.side), scene.side);
    auto sides = options.sides;
    if (sides.empty()) sides = {scene.side, std::max<std::int64_t>(scene.side / 2, 1)};

    std::vector<PolicyLine> lines;
    std::vector<Candidate> candidates;
    for (const auto side : sides)
        for (const auto& policy : options.policies) {
            if (is_fused_only(policy) && !scene.has_fused) continue;
            const auto counts = counts_of(policy, scene.full);
            PolicyLine line{.scene = scene.name,
                            .policy = policy,
                            .samples = counts.first,
                            .fine_samples = counts.second,
                            .side = side,
                            .threads = threads};
            line.psnr_db = difference(truth, scene.picture(scene.render(policy, side), side)).psnr_db;
            lines.push_back(std::move(line));
            context.check_cancelled();
            candidates.push_back({fmt::format("{} at {} px", policy, side), [&, policy, side] {
                                      return timed(instruments, options.least_seconds,
                                                   [&] { (void)scene.render(policy, side); });
                                  }});
        }
    auto rounds = take_rounds(candidates, options.rounds, instruments, [&](std::size_t done) {
        context.report(scene.name, static_cast<std::int64_t>(done), static_cast<std::int64_t>(options.rounds));
    });
    terminal.end_progress();
    judge(rounds, candidates, peak_of(rounds, head), {.threads = threads, .least_busy = options.least_busy});
    for (std::size_t i = 0; i < rounds.size(); ++i)
        if (!rounds[i].fault.empty())
            terminal.note(fmt::format("{}: round {} {}: {}", scene.name, i + 1,
                                      options.keep_noisy ? "is noisy" : "is left out", rounds[i].fault));
    for (std::size_t k = 0; k < lines.size(); ++k) {
        std::vector<double> seconds;
        for (const auto& round : rounds)
            if (round.fault.empty() || options.keep_noisy) seconds.push_back(round.turns[k].seconds);
        lines[k].rounds = seconds.size();
        if (seconds.size() >= least_rounds || (options.keep_noisy && !seconds.empty()))
            lines[k].seconds = spread_of(seconds);
    }
    if (std::ranges::none_of(lines, [](const PolicyLine& line) { return line.seconds.has_value(); }))
        terminal.warning(fmt::format("{}: no times: fewer than {} of {} rounds were quiet; --keep-noisy counts all",
                                     scene.name, least_rounds, rounds.size()));
    mark_dominated(lines);
    std::ranges::stable_sort(lines, {},
                             [](const PolicyLine& line) { return line.seconds ? line.seconds->median : INFINITY; });
    for (auto& line : lines) {
        terminal.answer(record_of(line), all.empty() ? policy_head() + "\n" + table_line(line) : table_line(line));
        all.push_back(std::move(line));
    }
}

}  // namespace

std::span<const std::string_view> policy_names() { return names; }
std::span<const std::string_view> scene_names() { return scenes; }

void mark_dominated(std::span<PolicyLine> lines) {
    for (auto& line : lines)
        line.dominated = line.seconds && std::ranges::any_of(lines, [&](const PolicyLine& other) {
                             if (!other.seconds) return false;
                             const auto faster =
                                 other.seconds->median<line.seconds->median, nearer = nearness(other)> nearness(line);
                             return (faster || nearer) && other.seconds->median <= line.seconds->median &&
                                    nearness(other) >= nearness(line);
                         });
}

Json record_of(const PolicyLine& line) {
    const auto seconds = [&](double Spread::*part) { return line.seconds ? Json((*line.seconds).*part) : Json(); };
    return {{"scene", line.scene},
            {"policy", line.policy},
            {"samples", line.samples},
            {"fine_samples", line.fine_samples},
            {"side", line.side},
            {"threads", line.threads},
            {"seconds", seconds(&Spread::median)},
            {"seconds_min", seconds(&Spread::least)},
            {"seconds_max", seconds(&Spread::greatest)},
            {"psnr_db", line.psnr_db ? Json(*line.psnr_db) : Json()},
            {"dominated", line.dominated},
            {"rounds", line.rounds}};
}

std::string policy_head() {
    return fmt::format(columns, "scene", "policy", "samples", "side", "thr", "ms", "least-greatest", "PSNR dB",
                       "rounds", "");
}

std::string table_line(const PolicyLine& line) {
    const auto ms = [](double seconds) { return fmt::format("{:.1f}", 1e3 * seconds); };
    return fmt::format(columns, line.scene, line.policy, fmt::format("{}+{}", line.samples, line.fine_samples),
                       line.side, line.threads, line.seconds ? ms(line.seconds->median) : "none",
                       line.seconds ? ms(line.seconds->least) + "-" + ms(line.seconds->greatest) : "",
                       line.psnr_db ? fmt::format("{:.1f}", *line.psnr_db) : "equal", line.rounds,
                       line.dominated ? "dominated" : "");
}

std::string plot_of(std::span<const PolicyLine> lines) {
    constexpr double most = 100.0;  // dB: no eye finds more
    std::vector<Panel> panels;
    for (const auto& line : lines) {
        if (!line.seconds) continue;
        const auto title = fmt::format("{}, {} thread{}", line.scene, line.threads, line.threads == 1 ? "" : "s");
        if (panels.empty() || panels.back().title != title) panels.push_back({title});
        panels.back().points.push_back(
            {fmt::format("{} {}+{} at {} px", line.policy, line.samples, line.fine_samples, line.side),
             1e3 * line.seconds->median, line.psnr_db.value_or(most), line.dominated});
    }
    return scatter_plot("renderer policies; grey: another one is as fast and as near", "ms",
                        "PSNR in dB to the reference; at the top: 100 and more", most, panels);
}

void compare_policies(const PoliciesOptions& options, Terminal& terminal) {
    if (options.plot && !options.force) check_free(*options.plot);
    const c10::NoGradGuard guard;
    std::vector<PolicyLine> lines;
    std::vector<Scene> all;
    for (const auto& name : options.scenes) {
        const auto side = options.sides.empty() ? 64 : std::ranges::max(options.sides);
        all.push_back(name == "model"       ? model_scene(*options.network)
                      : name == "ellipsoid" ? synthetic_scene(name, ellipsoid(), side)
                                            : synthetic_scene(name, Spheres(), side));
    }
    for (const auto threads : options.threads) {
        set_thread_count(threads);
        at::set_num_threads(threads);
        for (const auto& scene : all) measure(scene, threads, options, terminal, lines);
    }
    if (options.plot)
        io::write_file(*options.plot, plot_of(lines), options.force ? io::Overwrite::yes : io::Overwrite::no);
}

}  // namespace cameo::apps::bench
