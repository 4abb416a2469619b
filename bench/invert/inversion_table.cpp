// SPDX-License-Identifier: Apache-2.0
// inversion_table MODEL FOLDER [HEADS [accessories]]: inverts procedural heads that no training has seen, each from one
// view, and compares other views, depth and masks with the truth. FOLDER gets inversion.json and
// inversion.svg, stdout the table.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/image_tensor.hpp>
#include <cameo/core/parallel.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/pipeline/invert_head.hpp>
#include <cameo/synth/view.hpp>

namespace {

using namespace cameo;
using Json = nlohmann::ordered_json;
using Method = HeadInversionOptions::Method;

constexpr std::array offsets{0.0, -20.0, 20.0, -40.0, 40.0};  // degrees from the input view

struct Policy {
    std::string name;
    Method method;
    std::int64_t steps, tuning_steps;
    bool local = false;
};

const std::vector<Policy> policies{
    {"W, 50 steps", Method::w, 50, 0},         {"W, 200 steps", Method::w, 200, 0},
    {"W+, 200 steps", Method::w_plus, 200, 0}, {"PTI, 30 + 90", Method::pti, 30, 90},
    {"PTI, 200 + 200", Method::pti, 200, 200},
};

/// What a policy gives for one head; means over heads in the table.
struct Row {
    double input = 0, near = 0, far = 0, depth = 0, iou = 0, seconds = 0, untuned = 0, distance = 0;
};

struct Bench {
    Eg3d generator;
    HeadInversionOptions base;
    Rgb8 background;

    [[nodiscard]] Camera camera(double yaw) const {
        const auto& config = generator.config();
        return {orbit_degrees(yaw, 0, config.camera_radius, config.camera_pivot),
                intrinsics_from_focal(ffhq_cameras.focal)};
    }

    /// Depth, masks and pictures of five views against the truth.
    [[nodiscard]] Row compared(const Eg3d& drawer, const WLatent& ws, const synth::Head& head, double yaw) const {
        const c10::NoGradGuard no_gradient;
        const auto& config = generator.config();
        Row row;
        StreamSource<CounterRandom> random;
        const auto scene = drawer.scene(ws);
        for (std::size_t v = 0; v < offsets.size(); ++v) {
            const auto seen_from = camera(yaw + offsets[v]);
            const auto portrait = drawer.render(scene, ws, cameras({&seen_from, 1}, at::kFloat), {}, random, {});
            const auto truth =
                synth::view(head, seen_from, {.size = config.image_resolution, .background = background});
            const auto quality = psnr(portrait.image, to_tensor(truth.rgb).unsqueeze(0));
            (v == 0 ? row.input : v < 3 ? row.near : row.far) += v == 0 ? quality : quality / 2;
            // At the raw picture's own pixels, where the depth is the ray's.
            const auto raw = synth::view(head, seen_from, {.size = portrait.depth.size(2)});
            const auto depth = to_tensor(raw.depth, data_float)[0];
            const auto inside = to_tensor(raw.opacity, data_float)[0] >= 0.5, drawn = portrait.weight[0][0] >= 0.5;
            const auto both = inside.logical_and(drawn).logical_and(depth > 0);
            const auto count = std::max(1.0, both.sum().item<double>());
            row.depth += ((portrait.depth[0][0] - depth).abs() * both).sum().item<double>() / count /
                         static_cast<double>(offsets.size());
            row.iou += inside.logical_and(drawn).sum().item<double>() /
                       std::max(1.0, inside.logical_or(drawn).sum().item<double>()) /
                       static_cast<double>(offsets.size());
        }
        return row;
    }
};

Row mean(const std::vector<Row>& rows) {
    Row sum;
    const auto n = static_cast<double>(std::max<std::size_t>(rows.size(), 1));
    for (const auto& r : rows)
        for (const auto member :
             {&Row::input, &Row::near, &Row::far, &Row::depth, &Row::iou, &Row::seconds, &Row::untuned, &Row::distance})
            sum.*member += r.*member / n;
    return sum;
}

Json json_of(const Row& r) {
    return {{"psnr_input", r.input}, {"psnr_20", r.near},    {"psnr_40", r.far},          {"depth_error", r.depth},
            {"mask_iou", r.iou},     {"seconds", r.seconds}, {"untuned_psnr", r.untuned}, {"distance", r.distance}};
}

/// Seconds against PSNR, a point a policy: full at the input view, hollow 40 degrees away.
std::string plot(const std::vector<std::pair<std::string, Row>>& table) {
    double most = 1;
    for (const auto& [name, row] : table) most = std::max(most, row.seconds);
    const auto x = [&](double seconds) { return 60 + 500 * std::log1p(seconds) / std::log1p(most); };
    const auto y = [](double quality) { return 380 - 10 * std::clamp(quality - 5, 0.0, 36.0); };
    std::string svg =
        "<svg xmlns='http://www.w3.org/2000/svg' width='760' height='420' font-family='sans-serif' "
        "font-size='11'>\n<rect width='760' height='420' fill='white'/>\n";
    for (int quality = 10; quality <= 40; quality += 10)
        svg += "<line x1='60' x2='560' y1='" + std::to_string(y(quality)) + "' y2='" + std::to_string(y(quality)) +
               "' stroke='#ddd'/><text x='20' y='" + std::to_string(y(quality) + 4) + "'>" + std::to_string(quality) +
               " dB</text>\n";
    for (const auto& [name, row] : table) {
        const auto point = [&](double quality, const char* fill) {
            return "<circle cx='" + std::to_string(x(row.seconds)) + "' cy='" + std::to_string(y(quality)) +
                   "' r='4' stroke='#246' fill='" + fill + "'/>";
        };
        char seconds[32];
        std::snprintf(seconds, sizeof seconds, "%.1f s", row.seconds);
        svg += point(row.input, "#246") + point(row.far, "white") + "<text x='" + std::to_string(x(row.seconds) + 8) +
               "' y='" + std::to_string(y(row.input) + 4) + "'>" + name + ", " + seconds + "</text>\n";
    }
    return svg +
           "<text x='60' y='410'>time, logarithmic; full: the view that was inverted, hollow: 40 degrees from it"
           "</text>\n</svg>\n";
}

int run(const std::filesystem::path& file, const std::filesystem::path& folder, std::int64_t heads, bool accessories) {
    const auto model = io::read_safetensors(file);
    Bench bench{Eg3d::load(model), {}, {}};
    const auto& config = bench.generator.config();
    bench.base.front = bench.camera(0);
    bench.base.perceptual = {{losses::default_perceptual_loss(model), 0.3}};
    bench.background = config.white_background ? Rgb8{255, 255, 255} : Rgb8{0, 0, 0};
    std::filesystem::create_directories(folder);

    std::vector<std::vector<Row>> rows(policies.size() + 1);
    const bool knows_numbers = config.z_dim == static_cast<std::int64_t>(synth::number_count) && !config.normalize_z;
    for (std::int64_t i = 0; i < heads; ++i) {
        const auto seed = synth::first_test_seed + static_cast<std::uint32_t>(i);
        const auto numbers = synth::numbers_of_seed(seed);
        const synth::Accessories worn{.glasses = accessories && i % 4 == 0,
                                      .hat = accessories && i % 4 == 1,
                                      .face_mask = accessories && i % 4 == 2,
                                      .hand = accessories && i % 4 == 3};
        const synth::Head head(numbers, worn);
        const auto yaw = -12.0 + 8.0 * static_cast<double>(i % 4);
        const auto from = bench.camera(yaw);
        const auto picture = synth::view(head, from, {.size = config.image_resolution, .background = bench.background});
        const InversionTarget target{to_tensor(picture.rgb).unsqueeze(0), cameras({&from, 1}, at::kFloat)};
        for (std::size_t p = 0; p < policies.size(); ++p) {
            auto options = bench.base;
            options.method = policies[p].method;
            options.steps = policies[p].steps;
            options.tuning_steps = policies[p].tuning_steps;
            options.local = policies[p].local;
            StreamSource<CounterRandom> random;
            const Context context;
            const auto start = std::chrono::steady_clock::now();
            const auto found = invert_head(bench.generator, target, options, {random, context});
            const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            const auto tuned = applied(bench.generator, found);
            auto row = bench.compared(tuned, found.ws, head, yaw);
            const auto figures = figures_of(bench.generator, target, found,
                                            redrawn(tuned, found.ws, found.cameras, context), options, context);
            row.seconds = seconds;
            row.untuned = figures.untuned_psnr;
            row.distance = figures.distance;
            rows[p].push_back(row);
            std::fprintf(stderr, "head %u, %s: %.2f dB, %.2f at 20, %.2f at 40, %.1f s, untuned %.2f, distance %.2f\n",
                         seed, policies[p].name.c_str(), row.input, row.near, row.far, seconds, row.untuned,
                         row.distance);
        }
        if (knows_numbers) {
            const c10::NoGradGuard no_gradient;
            const auto z = at::tensor(at::ArrayRef<float>(numbers.values.data(), numbers.values.size()));
            const auto ws = bench.generator.map(ZLatent(z.unsqueeze(0)), cameras({&bench.base.front, 1}, at::kFloat));
            rows.back().push_back(bench.compared(bench.generator, ws, head, yaw));
        }
    }

    std::vector<std::pair<std::string, Row>> table;
    for (std::size_t p = 0; p < policies.size(); ++p) table.emplace_back(policies[p].name, mean(rows[p]));
    if (knows_numbers) table.emplace_back("the head's own numbers", mean(rows.back()));
    Json all{{"model", io::digest_of(model).value_or("")},
             {"heads", heads},
             {"accessories", accessories},
             {"threads", thread_count()},
             {"perceptual", bench.base.perceptual.front().loss.name},
             {"policies", Json::array()}};
    std::printf("%-24s %8s %8s %8s %8s %8s %8s\n", "policy", "input dB", "20 deg", "40 deg", "depth", "IoU", "seconds");
    for (std::size_t p = 0; p < table.size(); ++p) {
        const auto& [name, row] = table[p];
        std::printf("%-24s %8.2f %8.2f %8.2f %8.4f %8.3f %8.1f\n", name.c_str(), row.input, row.near, row.far,
                    row.depth, row.iou, row.seconds);
        Json each{{"policy", name}, {"mean", json_of(row)}, {"heads", Json::array()}};
        for (const auto& head : rows[p]) each["heads"].push_back(json_of(head));
        all["policies"].push_back(std::move(each));
    }
    std::ofstream(folder / "inversion.json") << all.dump(1) << '\n';
    std::ofstream(folder / "inversion.svg") << plot(table);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3 || count > 5) {
        std::fputs("usage: inversion_table MODEL FOLDER [HEADS [accessories]]\n", stderr);
        return 2;
    }
    try {
        return run(arguments[1], arguments[2], count > 3 ? std::max(1L, std::atol(arguments[3])) : 16, count > 4);
    } catch (const cameo::Error& error) {
        std::fprintf(stderr, "inversion_table: %s\n", error.what());
        return cameo::info(error.code()).exit_code;
    }
}
