// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/adversarial.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include <cameo/core/numpy_random.hpp>
#include <cameo/train/trainer.hpp>

#include "support/catch.hpp"
#include "support/golden_arrays.hpp"
#include "support/golden_eg3d.hpp"
#include "support/procedural_weights.hpp"
#include "support/sampled.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using nlohmann::json;
using support::GoldenArrays;
using support::scalar;

namespace {

using Adversarial = AdversarialObjective<Eg3d>;
using Part = Adversarial::Part;

struct GoldenData {
    at::Tensor images, z;
};

// golden/eg3d/README.md, "train-losses.npz + .json": the rule for pictures and latents.
GoldenData golden_data(std::int64_t seed, std::int64_t count) {
    StreamSource random{NumpyRandom(static_cast<std::uint32_t>(seed))};
    const auto a = random.normal({count, 3, 8, 8}, at::kDouble), b = random.normal({count, 3, 128, 128}, at::kDouble);
    (void)random.uniform({count, 2}, at::kDouble);
    const auto z = random.normal({count, 512}, at::kFloat);
    const auto up = a.repeat_interleave(16, 2).repeat_interleave(16, 3);
    const auto bytes = ((0.4 * up + 0.15 * b) * 127.5 + 128).floor().clamp(0, 255);
    return {(bytes.to(at::kFloat) / 127.5 - 1), z};
}

AdversarialOptions golden_options(const json& loss, const std::string& density_kind) {
    const auto kimg = [&](const char* key) { return 1000 * loss.at(key).get<double>(); };
    AdversarialOptions options;
    options.penalty = loss.at("r1_gamma").get<double>();
    options.dual = loss.at("dual_discrimination").get<bool>();
    options.blur = {loss.at("blur_init_sigma").get<double>(), 0, kimg("blur_fade_kimg")};
    const auto side = loss.at("neural_rendering_resolution_initial").get<double>();
    const auto& last = loss.at("neural_rendering_resolution_final");
    options.raw_resolution = {side, last.is_null() ? side : last.get<double>(),
                              kimg("neural_rendering_resolution_fade_kimg")};
    if (!loss.at("gpc_reg_prob").is_null())
        options.pose_swap = Fade{1, loss.at("gpc_reg_prob").get<double>(), kimg("gpc_reg_fade_kimg")};
    options.style_mixing = loss.at("style_mixing_prob").get<double>();
    using Kind = DensitySmoothness::Kind;
    options.density.kind = density_kind == "l1"                 ? Kind::l1
                           : density_kind == "monotonic-detach" ? Kind::monotonic_detach
                                                                : Kind::monotonic_fixed;
    return options;
}

std::unique_ptr<DualDiscriminator> golden_discriminator() {
    const auto network = support::procedural_network("eg3d/disc128");
    if (!network) return nullptr;
    return std::make_unique<DualDiscriminator>(DualDiscriminator::load(
        network->tensors, dual_discriminator_config(support::network_description(network->config)), ""));
}

const std::map<std::string, std::vector<Part>> parts_of_phase{
    {"Gmain", {Part::generator}},     {"Greg", {Part::density}}, {"Gboth", {Part::generator, Part::density}},
    {"Dmain", {Part::discriminator}}, {"Dreg", {Part::penalty}}, {"Dboth", {Part::discriminator, Part::penalty}}};

/// "Loss/scores/fake" as the golden data spell it: "scores_fake".
std::string golden_name(std::string_view name) {
    auto result = std::string(name.substr(name.find('/') + 1));
    std::ranges::replace(result, '/', '_');
    return result;
}

std::vector<std::string> texts(const json& list) { return list.get<std::vector<std::string>>(); }

/// All of one network's parameters at the golden data's indices, in their order: the mean error and the one that 99 %
/// keep below, against 20 times the recorded noise. Beyond that Adam without momentum decides: an element whose gradient
/// is next to nothing moves a whole learning rate one way or the other, so `farthest` is what the steps so far allow.
void check_parameters(const GoldenArrays& golden, const std::string& key, const std::string& index_key,
                      const NamedTensors& parameters, const std::vector<std::string>& order, double farthest) {
    std::map<std::string, at::Tensor> by_name;
    for (const auto& [name, tensor] : parameters) by_name[name] = tensor;
    const auto index = golden[index_key], value = golden[key + ".value"], noise = golden["noise." + key + ".value"];
    std::vector<at::Tensor> errors;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const auto row = static_cast<std::int64_t>(i);
        const auto places = index[row].to(at::kLong);
        const auto used = places.ge(0).nonzero().squeeze(1);
        const auto flat = by_name.at(order[i]).detach().contiguous().view(-1);
        errors.push_back((flat.index_select(0, places.index_select(0, used)) - value[row].index_select(0, used)).abs());
    }
    const auto error = std::get<0>(at::cat(errors).to(at::kDouble).sort());
    const auto most = error[error.size(0) * 99 / 100];
    INFO(key << ": mean error " << scalar(error.mean()) << ", 99 % below " << scalar(most) << ", largest "
             << scalar(error.max()));
    CHECK(scalar(error.mean()) <= 20 * scalar(noise[0]) + 1e-5);
    CHECK(scalar(most) <= 20 * scalar(noise[1]) + 1e-5);
    CHECK(scalar(error.max()) <= std::max(20 * scalar(noise[2]) + 1e-5, farthest));
}

}  // namespace

TEST_CASE("each part of the adversarial objective has the published losses and gradients",
          "[golden][train][adversarial]") {
    const auto golden = support::golden_arrays("eg3d/train-losses.npz");
    const auto path = support::golden("eg3d/train-losses.json");
    const auto generator = support::golden_eg3d("eg3d/tiny");
    const auto discriminator = golden_discriminator();
    if (!golden || !path || !generator || !discriminator) return;
    const auto description = json::parse(std::ifstream(*path));
    const auto data = golden_data((*golden)["data_seed"].item<std::int64_t>(), 4);
    const AdversarialBatch batch{data.images, (*golden)["real_c"], (*golden)["gen_c"]};

    int cases = 0;
    for (const auto& [name, options] : description.at("cases").items()) {
        INFO(name);
        ++cases;
        auto chosen = golden_options(options.at("loss_kwargs"), options.at("reg_type"));
        if (!options.at("augment_p").is_null())
            chosen.augmentation = AugmentationOptions{.strength = options.at("augment_p").get<double>(), .target = {}};
        Adversarial objective(generator->clone(), discriminator->clone(), chosen);
        const auto phase = options.at("phase").get<std::string>();
        const auto of_generator = phase.front() == 'G';
        const auto parameters =
            of_generator ? objective.network().parameters() : objective.discriminator().parameters();
        for (const auto& [parameter, tensor] : parameters) tensor.requires_grad_(true);

        objective.set_batch(batch);
        StreamSource random{NumpyRandom(options.at("random_seed").get<std::uint32_t>())};
        const TrainState state{0, options.at("cur_nimg").get<std::int64_t>()};
        const auto gain = options.at("gain").get<double>();
        std::map<std::string, at::Tensor> reports;
        double backward = 0;
        const ReportSink sink = [&](std::string_view report, const at::Tensor& values) {
            reports.try_emplace(golden_name(report), values.detach().reshape({-1}));
            const bool is_loss = report == "Loss/G/loss" || report == "Loss/D/loss" || report == "Loss/D/reg" ||
                                 report == "Loss/G/density" || report == "Loss/G/monotonic";
            if (is_loss) backward += gain * scalar(values.mean());
        };
        for (const auto part : parts_of_phase.at(phase))
            objective.backward(part, gain, data.z, batch.generated_labels, state, random, sink);

        const auto expected = scalar((*golden)[name + ".backward_values"].sum());
        CHECK(std::abs(backward - expected) <= 1e-4 * std::max(1.0, std::abs(expected)));
        for (const auto& [report, values] : reports) {
            const auto key = name + ".report." + report;
            if (golden->contains(key)) support::check_close(key, values, (*golden)[key][0], {1e-4});
        }
        if (phase.substr(1) == "main" || phase.substr(1) == "both")  // who renders tells
            CHECK(objective.raw_resolution(state.images) ==
                  (*golden)[name + ".neural_rendering_resolution"].item<std::int64_t>());
        const auto mean = objective.network().mean_latent().to(at::kDouble);
        CHECK(scalar(mean.norm()) == Approx(scalar((*golden)[name + ".w_avg_sum_norm"][1])).epsilon(1e-5).margin(1e-9));

        std::map<std::string, at::Tensor> gradients;
        for (const auto& [parameter, tensor] : parameters) gradients[parameter] = tensor.grad();
        const auto order = texts(description.at(of_generator ? "params_G" : "params_D"));
        REQUIRE(order.size() == parameters.size());
        const auto has = (*golden)[name + ".has_grad"], norms = (*golden)[name + ".grad_sum_norm"],
                   index = (*golden)[name + ".grad_index"], value = (*golden)[name + ".grad_value"];
        // A strength of noise has one gradient, the sum over a picture of terms that cancel: it is as good as the
        // largest of its kind. With mixed styles all outputs agree as elsewhere, but gradients to 4e-3 alone: presumably
        // a kink, or samples at the edge of a bin, which the rounding of the outputs turns over.
        const auto bound = name == "Gmain_stylemix" ? 5e-3 : 1e-3;
        double largest_strength = 0;
        for (std::size_t i = 0; i < order.size(); ++i)
            if (order[i].ends_with("noise_strength"))
                largest_strength = std::max(largest_strength, scalar(norms[static_cast<std::int64_t>(i)][1]));
        std::int64_t outside = 0, all = 0;
        for (std::size_t i = 0; i < order.size(); ++i) {
            const auto row = static_cast<std::int64_t>(i);
            INFO(order[i]);
            const auto is_strength = order[i].ends_with("noise_strength");
            const auto& gradient = gradients.at(order[i]);
            const auto norm = scalar(norms[row][1]);
            const auto size = gradient.defined() ? scalar(gradient.to(at::kDouble).norm()) : 0.0;
            // Behind the last kinks a bias has no influence on the penalty: no gradient, or one of 0.
            if (norm == 0.0 || has[row].item<int>() == 0) {
                CHECK(size == 0.0);
                continue;
            }
            REQUIRE(gradient.defined());
            CHECK(std::abs(size - norm) <= bound * (is_strength ? largest_strength : norm));
            if (is_strength) continue;
            const auto places = index[row].to(at::kLong);
            const auto used = places.ge(0).nonzero().squeeze(1);
            const auto found = gradient.contiguous().view(-1).index_select(0, places.index_select(0, used));
            const auto wanted = value[row].index_select(0, used);
            const auto error = (found - wanted).abs() / std::max(scalar(wanted.abs().max()), 1e-30);
            outside += error.gt(bound).sum().item<std::int64_t>();
            all += error.numel();
        }
        INFO(outside << " of " << all << " sampled gradients beyond " << bound << " of their tensor's largest");
        CHECK(outside <= all * (name == "Gmain_stylemix" ? 5 : 1) / 100);
    }
    CHECK(cases == 21);
}

namespace {

/// 16 pictures in a circle, and the cameras of the fakes as the golden run chose them.
struct GoldenSet {
    using Batch = AdversarialBatch;
    at::Tensor images, labels;

    [[nodiscard]] AdversarialBatch batch(std::int64_t first, std::int64_t count, std::int64_t /*stride: 1*/) const {
        const auto step = first / count;
        std::vector<std::int64_t> real, fake;
        for (std::int64_t i = 0; i < count; ++i) real.push_back((first + i) % 16);
        for (std::int64_t k = 0; k < 4 * count; ++k) fake.push_back((7 * k + 3 * step) % 16);
        const auto chosen = at::tensor(real, at::kLong);
        return {images.index_select(0, chosen), labels.index_select(0, chosen),
                labels.index_select(0, at::tensor(fake, at::kLong))};
    }
    [[nodiscard]] RunOptions options() const { return {{"set", "golden"}}; }
};

struct NoStore {
    void save(std::int64_t, const StateDict&) {}
    [[nodiscard]] StateDict load(std::int64_t) const { return {}; }
    [[nodiscard]] std::vector<std::int64_t> steps() const { return {}; }
};

}  // namespace

TEST_CASE("25 steps of adversarial training follow the published trajectory", "[golden][train][adversarial]") {
    const auto golden = support::golden_arrays("eg3d/train-25steps.npz");
    const auto path = support::golden("eg3d/train-25steps.json"), names = support::golden("eg3d/train-losses.json");
    const auto generator = support::golden_eg3d("eg3d/tiny");
    auto discriminator = golden_discriminator();
    if (!golden || !path || !names || !generator || !discriminator) return;
    const auto description = json::parse(std::ifstream(*path)), lists = json::parse(std::ifstream(*names));
    const auto data = golden_data(description.at("data_seed").get<std::int64_t>(), 16);
    auto options = golden_options(description.at("loss_kwargs"), "l1");
    options.generator.learning_rate = description.at("G_opt").at("lr").get<double>();
    options.discriminator.learning_rate = description.at("D_opt").at("lr").get<double>();
    auto random =
        std::make_unique<StreamSource<NumpyRandom>>(NumpyRandom(description.at("random_seed").get<std::uint32_t>()));
    auto* const stream = random.get();
    Trainer trainer(Adversarial(generator->clone(), std::move(*discriminator), options),
                    GoldenSet{data.images, (*golden)["labels"]}, NoStore{}, std::move(random),
                    {.batch = 4,
                     .steps = 25,
                     .report_interval = 1,
                     .data_threads = 0,
                     .average = {.half_life = 1000 * description.at("ema_kimg").get<double>(), .ramp_up = 0.05}});

    const auto bound_of = [&](const std::string& key, std::int64_t which) {
        return 20 * scalar((*golden)["noise." + key][which]) + 1e-5;
    };
    const auto mean_of = [&](const std::string& key, std::int64_t step) {
        const auto rows = (*golden)[key];
        for (std::int64_t i = 0; i < rows.size(0); ++i)
            if (scalar(rows[i][0]) == static_cast<double>(step))
                return std::pair(scalar(rows[i][1]), 20 * scalar((*golden)["noise." + key][i][1]) + 1e-5);
        FAIL("no such step in " << key);
        return std::pair(0.0, 0.0);
    };
    const auto g_names = texts(lists.at("params_G")), d_names = texts(lists.at("params_D"));
    const auto on_report = [&](const TrainReport& report) {
        const auto step = report.state.step;
        INFO("step " << step);
        for (const auto& [name, phase] : {std::pair("G/loss", "Gmain"), {"D/loss", "Dmain"}, {"r1_penalty", "Dreg"}}) {
            const auto found = report.values.find(std::string("Loss/") + name);
            CHECK((found != report.values.end()) == (std::string(phase) != "Dreg" || (step - 1) % 16 == 0));
            if (found == report.values.end()) continue;
            const auto [expected, bound] =
                mean_of("traj." + std::string(phase) + "." + golden_name(found->first), step - 1);
            INFO(name << " " << found->second << ", expected " << expected);
            CHECK(std::abs(found->second - expected) <= bound + 1e-4 * std::abs(expected));
        }
        const auto key = "step" + std::to_string(step);
        if (!golden->contains(key + ".w_avg")) return;
        const auto check = [&](const std::string& network, const NamedTensors& parameters,
                               const std::vector<std::string>& order) {
            const auto place = key + "." + network;
            check_parameters(*golden, place, network + ".index", parameters, order,
                             2 * options.generator.learning_rate * static_cast<double>(step));
        };
        check("G", trainer.objective().network().parameters(), g_names);
        check("D", trainer.objective().discriminator().parameters(), d_names);
        check("G_ema", trainer.average().parameters(), g_names);
        CHECK(support::difference(trainer.average().mean_latent(), (*golden)[key + ".w_avg"]) <=
              bound_of(key + ".w_avg", 2));
    };
    trainer.run({}, on_report);
    CHECK(stream->stream().uniform() == scalar((*golden)["rng_check"]));

    StreamSource latent{NumpyRandom(9)}, jitter{NumpyRandom(10)};
    const auto side = (*golden)["nrr_final"].item<std::int64_t>();
    CHECK(trainer.objective().raw_resolution(96) == side);
    const auto& average = trainer.average();
    const auto z = latent.normal({1, 512}, at::kFloat);
    const auto camera = cameras_from_labels((*golden)["labels"].narrow(0, 0, 1));
    const c10::AutoGradMode no_gradients(false);
    const auto ws = average.map(ZLatent(z), camera);
    const auto portrait = average.render(
        average.scene(ws), ws, camera,
        {.raw_resolution = side, .jitter = RenderOptions::Jitter::random, .raw = RenderOptions::Raw::compatible},
        jitter, {});
    const auto close = [&](const std::string& key, const at::Tensor& found) {
        const auto error = (found - (*golden)[key]).abs();
        INFO(key << ": largest error " << scalar(error.max()) << ", mean " << scalar(error.mean()));
        CHECK(scalar(error.mean()) <= bound_of(key, 0));
        CHECK(scalar(error.max()) <= bound_of(key, 2));
    };
    close("ema_image", portrait.image);
    close("ema_image_raw", portrait.image_raw);
    close("ema_image_depth", portrait.depth);
}
