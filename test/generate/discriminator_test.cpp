// SPDX-License-Identifier: Apache-2.0
#include <cameo/generate/discriminator.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/numpy_random.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden_arrays.hpp"
#include "support/procedural_weights.hpp"
#include "support/sampled.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::check_sampled;
using support::GoldenArrays;
using support::gradients_of;
using support::normal_numbers;
using support::scalar;

namespace {

DualDiscriminatorConfig tiny_config() {
    DualDiscriminatorConfig config;
    config.image_resolution = 16;
    config.channel_base = 64;
    config.channel_max = 6;
    config.mapping_layers = 2;
    config.group_size = 2;
    return config;
}

DualDiscriminator tiny(const DualDiscriminatorConfig& config = tiny_config()) {
    StreamSource<CounterRandom> random{CounterRandom(1)};
    auto model = DualDiscriminator::initial(config, random);
    for (const auto& [name, tensor] : model.parameters())
        if (name.ends_with("bias")) tensor.add_(random.normal(tensor.sizes(), tensor.options()), 0.3);
    return model;
}

struct Inputs {
    at::Tensor image, image_raw, labels;
};

// golden/eg3d/README.md, "disc512.npz, disc128.npz"
Inputs golden_inputs(const GoldenArrays& golden) {
    const auto c = golden["c"];
    const auto n = c.size(0), h = golden["image.shape"][2].item<std::int64_t>(),
               r = golden["raw_resolution"].item<std::int64_t>();
    StreamSource random{NumpyRandom(static_cast<std::uint32_t>(golden["input_seed"].item<std::int64_t>()))};
    const auto a = random.normal({n, 3, 8, 8}, at::kDouble), b = random.normal({n, 3, h, h}, at::kDouble),
               e = random.normal({n, 3, r, r}, at::kDouble);
    const auto up = [&](std::int64_t side) { return a.repeat_interleave(side / 8, 2).repeat_interleave(side / 8, 3); };
    return {(0.5 * up(h) + 0.25 * b).to(at::kFloat), (0.5 * up(r) + 0.25 * e).to(at::kFloat), c};
}

struct GoldenSet {
    const char* name;
    double norm_bound;
    support::Tolerance samples, input_samples;
};

const GoldenSet small_set{"eg3d/disc128", 1e-3, {1e-3, 1e-2}, {1e-3, 1e-2}};
const GoldenSet large_set{"eg3d/disc512", 3e-3, {3e-3, 1e-2}, {2e-2, 1e-2}};

std::vector<at::Tensor> tensors_of(const NamedTensors& named) {
    std::vector<at::Tensor> result;
    for (const auto& each : named) result.push_back(each.tensor);
    return result;
}

}  // namespace

TEST_CASE("the discriminator judges as the published one does, with its gradients and the penalty R1",
          "[golden][generate][discriminator]") {
    const auto& set = GENERATE_REF(small_set, large_set);
    INFO(set.name);
    const auto golden = support::golden_arrays(std::string(set.name) + ".npz");
    const auto network = support::procedural_network(set.name);
    if (!golden || !network) return;
    const auto config = dual_discriminator_config(support::network_description(network->config));
    const auto model = DualDiscriminator::load(network->tensors, config, "");
    for (const auto& [name, tensor] : model.parameters()) tensor.requires_grad_(true);
    auto inputs = golden_inputs(*golden);
    check_sampled(*golden, "image", inputs.image, {1e-6});
    check_sampled(*golden, "image_raw", inputs.image_raw, {1e-6});
    for (const auto& input : {inputs.image, inputs.image_raw, inputs.labels}) input.requires_grad_(true);

    const auto close = [](const std::string& name, const at::Tensor& actual, const at::Tensor& expected) {
        support::check_close(name, actual, expected, std::max(1.0, scalar(expected.abs().max())), {1e-4});
    };
    const auto logits = model.logits(
        inputs.image, inputs.image_raw, inputs.labels, [&](const std::string& layer, const at::Tensor& result) {
            const auto key = "act." + layer;
            if (layer == "b4.mbstd")
                close(key, result.select(1, result.size(1) - 1).select(1, 0).select(1, 0),
                      (*golden)["act.b4.mbstd_channel"]);
            else if (golden->contains(key + ".index"))
                check_sampled(*golden, key, result, {1e-4}, std::max(1.0, scalar(result.abs().max())));
        });
    close("logits", logits, (*golden)["logits"]);

    const auto v = at::tensor({1.0f, -1.0f, 0.5f, 2.0f}).repeat({logits.size(0) / 4}).view({-1, 1});
    const auto parameters = model.parameters();
    auto all = tensors_of(parameters);
    all.insert(all.end(), {inputs.image, inputs.image_raw, inputs.labels});
    const auto gradients = gradients_of((v * logits).sum(), all);
    const auto n = parameters.size();
    check_sampled(*golden, "grad.image", gradients[n], set.input_samples);
    check_sampled(*golden, "grad.image_raw", gradients[n + 1], set.input_samples);
    check_gradient(*golden, "gradstat.image", gradients[n], set.norm_bound, set.input_samples);
    check_gradient(*golden, "gradstat.image_raw", gradients[n + 1], set.norm_bound, set.input_samples);
    support::check_close("grad.c", gradients[n + 2], (*golden)["grad.c"], set.samples);
    for (std::size_t i = 0; i < n; ++i)
        check_gradient(*golden, "grad_param." + parameters[i].name, gradients[i], set.norm_bound, set.samples);

    const auto penalty_gradients = gradients_of(logits.sum(), {inputs.image, inputs.image_raw});
    const auto image_penalty = penalty_gradients[0].square().sum({1, 2, 3});
    const auto raw_penalty = penalty_gradients[1].square().sum({1, 2, 3});
    const support::Tolerance penalty{set.norm_bound};
    support::check_close("r1_penalty_image", image_penalty, (*golden)["r1_penalty_image"], penalty);
    support::check_close("r1_penalty_image_raw", raw_penalty, (*golden)["r1_penalty_image_raw"], penalty);
    support::check_close("r1_penalty", image_penalty + raw_penalty, (*golden)["r1_penalty"], penalty);
    if (golden->contains("grad_r1." + parameters.front().name + ".sum_norm")) {
        const auto second = gradients_of((image_penalty + raw_penalty).mean(), tensors_of(parameters));
        for (std::size_t i = 0; i < n; ++i) {
            const auto key = "grad_r1." + parameters[i].name;
            INFO(key);
            // Behind the kinks of the last activation a bias has no influence on the penalty: no gradient, or one of 0.
            const bool none = !second[i].defined() || scalar(second[i].abs().max()) == 0.0;
            const bool published = golden->contains(key + ".sum_norm");
            if (published && !none)
                check_gradient(*golden, key, second[i], 1e-3, set.samples);
            else
                CHECK((none && (!published || scalar((*golden)[key + ".sum_norm"][1]) == 0.0)));
        }
    }
    for (const std::int64_t side : {64, 40}) {
        const auto key = "logits_raw" + std::to_string(side);
        if (!golden->contains(key)) continue;
        const auto other = at::_upsample_bilinear2d_aa(inputs.image_raw, {side, side}, false);
        close(key, model.logits(inputs.image, other, inputs.labels), (*golden)[key]);
    }
}

TEST_CASE("discriminators have the first and second derivatives of finite differences", "[generate][discriminator]") {
    auto config = tiny_config();
    config.clamp.reset();
    const auto model = tiny(config);
    for (const auto& list : {model.parameters(), model.buffers()})
        for (const auto& [name, tensor] : list) tensor.set_data(tensor.to(at::kDouble));
    const auto image = normal_numbers({2, 3, 16, 16}, 2), raw = normal_numbers({2, 3, 4, 4}, 3);
    const auto labels = normal_numbers({2, 25}, 4);
    const auto loss = [&] { return model.logits(image, raw, labels).pow(2).sum(); };
    CHECK(support::gradient_error(loss, {raw, labels}) < 1e-5);
    // R1: the squared gradient of the pictures, differentiated by weights.
    const auto penalty = [&] {
        const c10::AutoGradMode with_gradients(true);
        image.requires_grad_(true);
        raw.requires_grad_(true);
        const auto gradients = gradients_of(model.logits(image, raw, labels).sum(), {image, raw});
        return gradients[0].square().sum() + gradients[1].square().sum();
    };
    std::vector<at::Tensor> some;
    for (const auto& [name, tensor] : model.parameters())
        if (tensor.numel() <= 40) some.push_back(tensor);
    CHECK(some.size() > 5);
    CHECK(support::gradient_error(penalty, some, 1e-5) < 1e-3);
}

TEST_CASE("without cameras the discriminator has one output of its own", "[generate][discriminator]") {
    auto config = tiny_config();
    config.c_dim = 0;
    const auto logits = tiny(config).logits(at::zeros({2, 3, 16, 16}), at::zeros({2, 3, 8, 8}), {});
    CHECK(logits.sizes() == at::IntArrayRef({2, 1}));
}

TEST_CASE("frozen layers are counted from the pictures on, and no parameters", "[generate][discriminator]") {
    auto config = tiny_config();
    const auto names = [](const NamedTensors& list) {
        std::vector<std::string> result;
        for (const auto& each : list) result.push_back(each.name);
        return result;
    };
    config.frozen_layers = 5;
    const auto model = tiny(config);
    CHECK_THAT(names(model.buffers()), Catch::VectorContains(std::string("b16.fromrgb.weight")) &&
                                           Catch::VectorContains(std::string("b16.skip.weight")) &&
                                           Catch::VectorContains(std::string("b8.conv0.weight")));
    CHECK_THAT(names(model.parameters()), Catch::VectorContains(std::string("b8.conv1.weight")));
}

TEST_CASE("what a discriminator saves loads as the same, and a clone shares nothing", "[generate][discriminator]") {
    const auto model = tiny();
    const auto image = normal_numbers({2, 3, 16, 16}, 5).to(at::kFloat),
               raw = normal_numbers({2, 3, 8, 8}, 6).to(at::kFloat);
    const auto labels = normal_numbers({2, 25}, 7).to(at::kFloat);
    const auto logits = model.logits(image, raw, labels);
    const auto loaded = DualDiscriminator::load(model.state());
    CHECK(loaded.config() == model.config());
    CHECK(support::same(loaded.logits(image, raw, labels), logits));
    const auto copy = model.clone();
    for (const auto& [name, tensor] : copy.parameters()) tensor.zero_();
    CHECK(support::same(model.logits(image, raw, labels), logits));
}

TEST_CASE("pictures and descriptions that do not fit are refused", "[generate][discriminator]") {
    const auto model = tiny();
    CHECK_THROWS_MATCHES(model.logits(at::zeros({2, 3, 8, 8}), at::zeros({2, 3, 8, 8}), at::zeros({2, 25})), Error,
                         support::is_error(Errc::shape_mismatch, "image: expected [N, C, S, S]"));
    CHECK_THROWS_MATCHES(model.logits(at::zeros({2, 3, 16, 16}), at::zeros({2, 3, 8, 8}), at::zeros({2, 24})), Error,
                         support::is_error(Errc::shape_mismatch, "labels"));
    CHECK_THROWS_MATCHES(dual_discriminator_config(R"({"class_name": "SingleDiscriminator"})"), Error,
                         support::is_error(Errc::model_mismatch, "class_name"));
    CHECK_THROWS_MATCHES(dual_discriminator_config(R"({"init": {"kwargs": {"img_resolution": 100}}})"), Error,
                         support::is_error(Errc::model_mismatch, "image resolution"));
    CHECK_THROWS_MATCHES(dual_discriminator_config(R"({"init": {"kwargs": {"trick": 1}}})"), Error,
                         support::is_error(Errc::model_mismatch, "trick"));
}
