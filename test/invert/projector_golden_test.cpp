// SPDX-License-Identifier: Apache-2.0
// The published projector and pivotal tuning on a small generator of procedural weights, step by step.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <optional>
#include <stop_token>
#include <string>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/core/numpy_random.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/invert/pti.hpp>

#include "support/catch.hpp"
#include "support/golden_arrays.hpp"
#include "support/pictures.hpp"
#include "support/procedural_weights.hpp"
#include "support/sampled.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::scalar;

namespace {

const Context context;

StreamSource<NumpyRandom> numpy(const at::Tensor& seed) {
    return StreamSource(NumpyRandom(static_cast<std::uint32_t>(seed.item<std::int64_t>())));
}

std::optional<Eg3d> tiny_generator() {
    const auto network = support::procedural_network("invert/generator-tiny");
    const auto path = support::golden("invert/generator-tiny.json");
    if (!network || !path) return std::nullopt;
    const auto made_of = nlohmann::json::parse(std::ifstream(*path));
    const nlohmann::json config{{"class_name", made_of.at("class_name")},
                                {"args", made_of.at("kwargs")},
                                {"neural_rendering_resolution", made_of.at("neural_rendering_resolution")}};
    return Eg3d::load(network->tensors, eg3d_config(support::network_description(config)), "");
}

std::optional<losses::Lpips> lpips(losses::Lpips::Trunk trunk, const std::string& name) {
    const auto network = support::procedural_network(name);
    if (!network) return std::nullopt;
    return losses::Lpips::load(trunk, network->tensors, network->tensors);
}

struct Case {
    support::GoldenArrays golden;
    Eg3d generator;
    InversionTarget target;
};

std::optional<Case> golden_case() {
    auto golden = support::golden_arrays("invert/projector.npz");
    auto generator = tiny_generator();
    if (!golden || !generator) return std::nullopt;
    const InversionTarget target{support::symmetric((*golden)["target_u8"]), cameras_from_labels((*golden)["camera"])};
    return Case{std::move(*golden), std::move(*generator), target};
}

/// Larger after the first steps: Adam amplifies rounding where gradients are tiny.
double bound(std::int64_t step, double first = 1e-3, double later = 1e-2) { return step < 5 ? first : later; }

void check_search(const Case& given, const losses::Lpips& vgg, bool plus, std::int64_t most) {
    const auto& golden = given.golden;
    const std::string prefix = plus ? "w_plus." : "w.";
    const auto loss = golden[prefix + "loss"], distance = golden[prefix + "dist"], noise = golden[prefix + "reg"],
               rate = golden[prefix + "lr"];
    const auto steps = loss.numel();
    LatentSearch search;
    search.terms = {{losses::lpips_loss(vgg, 256), 1.0}};
    search.steps = steps;
    search.learning_rate = 0.01;
    search.statistics = LatentStatistics{golden["stat.w_avg"].reshape(-1), scalar(golden["stat.w_std"].sum())};
    search.optimise_noise = true;
    auto random = numpy(golden["seeds"][2]);
    std::stop_source stop;
    Context stopping;
    stopping.stop = stop.get_token();
    InversionRun limited{random, stopping};
    std::int64_t seen = 0;
    const auto told = [&](const InversionStep& step) {
        const auto i = step.step - 1;
        INFO(prefix << " step " << i);
        CHECK(step.loss == Approx(scalar(loss[i])).epsilon(bound(i)));
        CHECK(step.terms[0].second == Approx(scalar(distance[i])).epsilon(bound(i)));
        CHECK(step.terms[1].second == Approx(scalar(noise[i])).epsilon(bound(i)));
        CHECK(0.01 * step.rate == Approx(scalar(rate[i])).margin(1e-12));
        if (++seen == most) stop.request_stop();
    };
    limited.on_step = told;
    at::Tensor last;
    limited.save = [&](const StateDict& state) { last = owned_tensor(state.at("stage0.w"), "w"); };
    limited.save_every = 0;
    if (most < steps) {
        const auto invert = [&] {
            if (plus)
                (void)WPlusInverter{search}.invert(given.generator, given.target, limited);
            else
                (void)WInverter{search}.invert(given.generator, given.target, limited);
        };
        CHECK_THROWS_AS(invert(), Error);
        CHECK(seen == most);
        if (!plus) support::check_close("w", last.view({1, -1}), golden["w.w"][most - 1].view({1, -1}), {bound(most)});
        return;
    }
    const auto found = plus ? WPlusInverter{search}.invert(given.generator, given.target, limited)
                            : WInverter{search}.invert(given.generator, given.target, limited);
    CHECK(seen == steps);
    support::check_close("w", found.ws.tensor().slice(1, 0, plus ? 14 : 1).reshape(-1),
                         golden[prefix + "w_last"].reshape(-1), {1e-2});
}

}  // namespace

TEST_CASE("statistics of latents and the target picture are the published ones", "[golden][invert]") {
    const auto given = golden_case();
    if (!given) return;
    const c10::NoGradGuard no_gradient;
    StreamSource random{NumpyRandom(123)};
    const auto camera = cameras_from_labels(given->golden["stat.camera"].reshape({1, 25}));
    const auto statistics = given->generator.latent_statistics(camera, 600, random);
    support::check_close("mean", statistics.mean, given->golden["stat.w_avg"].reshape(-1), {1e-5});
    CHECK(statistics.deviation == Approx(scalar(given->golden["stat.w_std"].sum())).epsilon(1e-5));
}

TEST_CASE("the first steps of the projectors are the published ones", "[golden][invert]") {
    const auto given = golden_case();
    const auto vgg = lpips(losses::Lpips::Trunk::vgg16, "invert/lpips-vgg");
    if (!given || !vgg) return;
    check_search(*given, *vgg, false, 4);
    check_search(*given, *vgg, true, 3);
}

TEST_CASE("the projectors' whole trajectories are the published ones", "[.][slow][golden][invert]") {
    const auto given = golden_case();
    const auto vgg = lpips(losses::Lpips::Trunk::vgg16, "invert/lpips-vgg");
    if (!given || !vgg) return;
    check_search(*given, *vgg, false, 1000);
    check_search(*given, *vgg, true, 1000);
}

TEST_CASE("pivotal tuning follows the published trajectory", "[golden][invert]") {
    const auto given = golden_case();
    const auto alex = lpips(losses::Lpips::Trunk::alexnet, "invert/lpips-alex");
    const auto names_path = support::golden("invert/projector-names.json");
    if (!given || !alex || !names_path) return;
    const auto& golden = given->golden;
    const auto names = nlohmann::json::parse(std::ifstream(*names_path));
    const auto l2 = golden["pti.l2"], distance = golden["pti.lpips"];

    PtiInverter inverter;
    inverter.pivot = WLatent(golden["w_plus.w_last"].reshape({1, 14, 512}));
    inverter.tuning.terms = {{losses::l2_loss(), 1.0}, {losses::lpips_loss(*alex), 1.0}};
    inverter.tuning.steps = l2.numel();
    auto random = numpy(golden["seeds"][3]);
    InversionRun run{random, context};
    run.on_step = [&](const InversionStep& step) {
        const auto i = step.step - 1;
        INFO("step " << i);
        const auto tolerance = i < 3 ? 1e-3 : 2e-2;
        CHECK(step.terms[0].second == Approx(scalar(l2[i])).epsilon(tolerance));
        CHECK(step.terms[1].second == Approx(scalar(distance[i])).epsilon(tolerance));
    };
    const auto found = inverter.invert(given->generator, given->target, run);
    const auto norms = golden["pti.param_norm"];  // [steps, selected]
    const auto last = norms[l2.numel() - 1];
    for (std::size_t k = 0; k < names.at("selected").size(); ++k) {
        const auto name = names.at("selected")[k].get<std::string>();
        INFO(name);
        const auto place = std::ranges::find(found.tuned, name, &NamedTensor::name);
        REQUIRE(place != found.tuned.end());
        CHECK(scalar(place->tensor.norm()) == Approx(scalar(last[static_cast<std::int64_t>(k)])).epsilon(1e-5));
    }
    // Drawn once more, the stream going on.
    const c10::NoGradGuard no_gradient;
    const auto tuned = applied(given->generator, found);
    const auto image = tuned
                           .render(tuned.scene(found.ws), found.ws, given->target.cameras,
                                   {.jitter = RenderOptions::Jitter::random}, random, context)
                           .image;
    support::check_sampled(golden, "pti.image_last", image, {2e-2});
}
