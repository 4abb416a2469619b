// SPDX-License-Identifier: Apache-2.0
#include <cameo/generate/eg3d.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/numpy_random.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/render/background.hpp>
#include <cameo/render/quadrature.hpp>
#include <cameo/render/sampler.hpp>
#include <cameo/render/volume_renderer.hpp>
#include <cameo/testing/generator_laws.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using support::difference;
using support::some_cameras;
using support::tiny_eg3d;
using support::tiny_eg3d_config;

namespace {

using Random = StreamSource<CounterRandom>;

ZLatent some_z(const Eg3d& model, std::int64_t count) {
    return ZLatent(support::normal_numbers({count, model.config().z_dim}, 11).to(at::kFloat));
}

Portrait picture(const Eg3d& model, const WLatent& ws, const Cameras& views, const RenderOptions& options = {}) {
    Random random{CounterRandom(3)};
    return model.render(model.scene(ws), ws, views, options, random, {});
}

Eg3d in_double(const Eg3d& model) {
    auto copy = model.clone();
    for (const auto& list : {copy.parameters(), copy.buffers()})
        for (const auto& [name, tensor] : list) tensor.set_data(tensor.to(at::kDouble));
    return copy;
}

}  // namespace

TEST_CASE("a generator of sizes of its own keeps the laws of generators", "[generate][eg3d]") {
    auto config = tiny_eg3d_config();
    config.normalize_z = GENERATE(true, false);
    config.c_dim = GENERATE(25, 0);
    const auto model = tiny_eg3d(config);
    CHECK(testing::broken_laws(model, some_z(model, 2), some_cameras(2)) == std::vector<std::string>{});
}

TEST_CASE("pictures have the documented shapes", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    CHECK(ws.num_ws() == 6);
    const auto seen = picture(model, ws, some_cameras(3));
    CHECK(seen.image.sizes() == at::IntArrayRef({3, 3, 32, 32}));
    CHECK(seen.image_raw.sizes() == at::IntArrayRef({3, 3, 8, 8}));
    CHECK(seen.depth.sizes() == at::IntArrayRef({3, 1, 8, 8}));
    CHECK(seen.weight.sizes() == at::IntArrayRef({3, 1, 8, 8}));
    RenderOptions larger;
    larger.raw_resolution = 11;
    CHECK(picture(model, ws, some_cameras(1), larger).image_raw.sizes() == at::IntArrayRef({1, 3, 11, 11}));
    CHECK(picture(model, ws, some_cameras(1), larger).image.sizes() == at::IntArrayRef({1, 3, 32, 32}));
}

TEST_CASE("one scene for all cameras is that scene for each", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    const WLatent twice(ws.tensor().expand({2, -1, -1}));
    const auto one = picture(model, ws, some_cameras(2)), two = picture(model, twice, some_cameras(2));
    CHECK(difference(one.image, two.image) < 1e-4);
    CHECK(difference(one.depth, two.depth) < 1e-4);
}

TEST_CASE("the two forms of modulation give the same pictures", "[generate][eg3d]") {
    auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 2), some_cameras(2));
    const auto loaded = picture(model, ws, some_cameras(2)).image;
    model.set_training(true);
    CHECK(model.training());
    CHECK(difference(picture(model, ws, some_cameras(2)).image, loaded) < 1e-4);
}

TEST_CASE("trap 19: two layers at a hundredth of the rate, the camera's embedding at the full one",
          "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    at::Tensor embedding, first, last;
    const auto views = some_cameras(1);
    const auto z = some_z(model, 1);
    const auto ws = model.map(z, views, {}, [&](const std::string& layer, const at::Tensor& result) {
        (layer.ends_with("embed") ? embedding : layer.ends_with("fc0") ? first : last) = result;
    });
    at::Tensor weight[3], bias[3];
    const char* const names[] = {"embed", "fc0", "fc1"};
    for (const auto& [name, tensor] : model.parameters())
        for (int i = 0; i < 3; ++i) {
            if (name == std::string("backbone.mapping.") + names[i] + ".weight") weight[i] = tensor;
            if (name == std::string("backbone.mapping.") + names[i] + ".bias") bias[i] = tensor;
        }
    const auto normalised = [](const at::Tensor& x) { return x / (x.square().mean(1, true) + 1e-8).sqrt(); };
    const auto e = at::matmul(labels(views), weight[0].t()) / 5 + bias[0];
    const auto x = at::cat({normalised(z.tensor()), normalised(e)}, 1);
    const auto layer = [&](const at::Tensor& in, int i) {
        const auto fan_in = static_cast<double>(in.size(1));
        return at::leaky_relu(at::matmul(in, weight[i].t()) * (0.01 / std::sqrt(fan_in)) + 0.01 * bias[i], 0.2) *
               std::sqrt(2.0);
    };
    CHECK(difference(embedding, e) < 1e-5);
    CHECK(difference(first, layer(x, 1)) < 1e-5);
    CHECK(difference(last, layer(layer(x, 1), 2)) < 1e-5);
    CHECK(difference(ws.tensor(), last.unsqueeze(1).expand({-1, 6, -1})) == 0);
}

TEST_CASE("trap 18: zeroed conditioning still leaves the embedding's bias", "[generate][eg3d]") {
    auto config = tiny_eg3d_config();
    const auto z = [](const Eg3d& model) { return some_z(model, 1); };
    config.conditions_on_camera = false;
    const auto blind = tiny_eg3d(config);
    const auto ws = blind.map(z(blind), some_cameras(1)).tensor();
    CHECK(support::same(ws, blind.map(z(blind), some_cameras(2).slice(1, 1)).tensor()));
    for (const auto& [name, tensor] : blind.parameters())
        if (name == "backbone.mapping.embed.bias") tensor.add_(1.0);
    CHECK(difference(ws, blind.map(z(blind), some_cameras(1)).tensor()) > 1e-4);
    config.conditions_on_camera = true;
    const auto seeing = tiny_eg3d(config);
    CHECK(difference(seeing.map(z(seeing), some_cameras(1)).tensor(),
                     seeing.map(z(seeing), some_cameras(2).slice(1, 1)).tensor()) > 1e-5);
}

TEST_CASE("trap 20: a cutoff counts rows of ws; 0 changes none, none given changes all", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto z = some_z(model, 1);
    const auto full = model.map(z, some_cameras(1)).tensor(), mean = model.mean_latent();
    const auto cut = model.map(z, some_cameras(1), {0.25, 2}).tensor();
    CHECK(difference(cut.narrow(1, 0, 2), mean + 0.25 * (full.narrow(1, 0, 2) - mean)) < 1e-6);
    CHECK(support::same(cut.narrow(1, 2, 4), full.narrow(1, 2, 4)));
    CHECK(support::same(model.map(z, some_cameras(1), {0.25, 0}).tensor(), full));
    CHECK(difference(model.map(z, some_cameras(1), {0.25, {}}).tensor(), mean + 0.25 * (full - mean)) < 1e-6);
    CHECK(support::same(model.map(z, some_cameras(1), {0.25, 99}).tensor(),
                        model.map(z, some_cameras(1), {0.25, {}}).tensor()));
}

TEST_CASE("trap 23: the colour layer scales styles and does not normalise them, other layers do", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    // What a layer gives, without noise and bias, when its styles are as trained and when they are doubled.
    const auto doubled = [&](const std::string& layer) {
        auto changed = model.clone();
        std::vector<at::Tensor> results;
        for (const double factor : {1.0, 2.0}) {
            for (const auto& [name, tensor] : changed.parameters()) {
                if (name == "backbone.synthesis." + layer + ".bias") tensor.zero_();
                if (name.starts_with("backbone.synthesis." + layer + ".affine.")) tensor.mul_(factor);
            }
            (void)changed.scene(ws, {NoiseMode::none}, [&](const std::string& name, const at::Tensor& result) {
                if (name == "backbone.synthesis." + layer) results.push_back(result.clone());
            });
        }
        REQUIRE(results.size() == 2);
        return support::scalar(results[1].norm() / results[0].norm());
    };
    CHECK(doubled("b8.torgb") == Approx(2.0).epsilon(1e-5));
    CHECK(doubled("b8.conv1") == Approx(1.0).epsilon(1e-5));
}

TEST_CASE("trap 26: the upsampler hears the last row of ws alone", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    Random random{CounterRandom(3)};
    const auto seen = model.features(model.scene(ws), some_cameras(1), {}, random, {});
    auto other = ws.tensor().clone();
    other.narrow(1, 0, 5).add_(1.0);
    CHECK(support::same(model.form(seen, ws, {}, random).image, model.form(seen, WLatent(other), {}, random).image));
    other.narrow(1, 5, 1).add_(1.0);
    CHECK(difference(model.form(seen, ws, {}, random).image, model.form(seen, WLatent(other), {}, random).image) >
          1e-3);
}

TEST_CASE("trap 8: noise is constant, random or none, as asked for", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    Random one{CounterRandom(1)}, same{CounterRandom(1)}, other{CounterRandom(2)};
    const auto constant = model.scene(ws).planes;
    const auto none = model.scene(ws, {NoiseMode::none, nullptr}).planes;
    const auto random = model.scene(ws, {NoiseMode::random, &one}).planes;
    CHECK(support::same(constant, model.scene(ws, {NoiseMode::constant, nullptr}).planes));
    CHECK(difference(constant, none) > 1e-3);
    CHECK(difference(random, none) > 1e-3);
    CHECK(support::same(random, model.scene(ws, {NoiseMode::random, &same}).planes));
    CHECK(difference(random, model.scene(ws, {NoiseMode::random, &other}).planes) > 1e-3);
    // 4x4, then two layers at 8x8 and at 16x16: one picture of numbers each, in the order of the layers.
    CHECK(one.stream().position() == 16 + 2 * 64 + 2 * 256);
    CHECK_THROWS_MATCHES(model.scene(ws, {NoiseMode::random, nullptr}), Error,
                         support::is_error(Errc::invalid_argument, "source of random numbers"));
    for (const auto& [name, tensor] : model.noise_buffers()) tensor.zero_();
    CHECK(model.noise_buffers().size() == 5);
    CHECK(difference(model.scene(ws).planes, none) == 0);
}

TEST_CASE("the upsampler's own noise mode overrides the caller's", "[generate][eg3d]") {
    auto config = tiny_eg3d_config();
    config.upsampler.noise = NoiseMode::random;
    const auto model = tiny_eg3d(config);
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    Random random{CounterRandom(3)};
    const auto seen = model.features(model.scene(ws), some_cameras(1), {}, random, {});
    const auto first = model.form(seen, ws, {}, random).image;
    CHECK(difference(first, model.form(seen, ws, {}, random).image) > 1e-3);
}

TEST_CASE("trap 9: jitter moves samples from picture to picture, unless none is asked for", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    const auto scene = model.scene(ws);
    Random random{CounterRandom(1)};
    RenderOptions options;
    const auto still = model.render(scene, ws, some_cameras(1), options, random, {}).image;
    CHECK(random.stream().position() == 0);
    CHECK(support::same(still, model.render(scene, ws, some_cameras(1), options, random, {}).image));
    options.jitter = RenderOptions::Jitter::random;
    const auto moving = model.render(scene, ws, some_cameras(1), options, random, {}).image;
    CHECK(random.stream().position() == 64 * (6 + 5));
    CHECK(difference(moving, model.render(scene, ws, some_cameras(1), options, random, {}).image) > 1e-5);
}

TEST_CASE("trap 27: the compatible raw image has the first block's colours where nothing was resized, the image not",
          "[generate][eg3d]") {
    auto config = tiny_eg3d_config();
    config.upsampler.blocks = {{6, false}, {4, true}};
    config.image_resolution = 16;
    const auto model = tiny_eg3d(config);
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    RenderOptions options;
    at::Tensor colours;
    options.observer = [&](const std::string& layer, const at::Tensor& result) {
        if (layer == "superresolution.block0.torgb") colours = result;
    };
    const auto clean = picture(model, ws, some_cameras(1), options);
    options.raw = RenderOptions::Raw::compatible;
    const auto published = picture(model, ws, some_cameras(1), options);
    CHECK(support::same(clean.image, published.image));
    CHECK(difference(published.image_raw, clean.image_raw + colours) < 1e-6);
    options.raw_resolution = 6;
    const auto resized = picture(model, ws, some_cameras(1), options);
    options.raw = RenderOptions::Raw::clean;
    CHECK(support::same(resized.image_raw, picture(model, ws, some_cameras(1), options).image_raw));
}

TEST_CASE("trap 28: some upsamplers resize whatever differs, others only what is smaller", "[generate][eg3d]") {
    auto config = tiny_eg3d_config();
    RenderOptions options;
    options.raw_resolution = 12;
    const auto any = tiny_eg3d(config);
    const auto ws = any.map(some_z(any, 1), some_cameras(1));
    CHECK_NOTHROW(picture(any, ws, some_cameras(1), options));
    config.upsampler.resize = UpsamplerConfig::Resize::when_smaller;
    const auto smaller = tiny_eg3d(config);
    CHECK_THROWS_MATCHES(picture(smaller, ws, some_cameras(1), options), Error,
                         support::is_error(Errc::invalid_argument, "raw resolution: expected at most 8"));
    options.raw_resolution = 5;
    CHECK_NOTHROW(picture(smaller, ws, some_cameras(1), options));
}

TEST_CASE("trap 33: sampled densities are raw, and the field's", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto z = some_z(model, 1);
    const auto points = support::normal_numbers({1, 50, 3}, 5).to(at::kFloat) * 0.2;
    const auto values = model.sample(points, z, some_cameras(1), {0.5, {}});
    const auto ws = model.map(z, some_cameras(1), {0.5, {}});
    const auto mixed = model.sample_mixed(points, ws);
    CHECK(support::same(values.density, mixed.density));
    CHECK(support::same(values.feature, mixed.feature));
    CHECK(support::same(mixed.density, model.field(model.scene(ws)).query(points).density));
    CHECK(mixed.density.min().item<float>() < 0.0f);
}

TEST_CASE("a renderer of the caller's gives the same pictures with the same policies", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    const VolumeRenderer renderer{ImportanceSampler{MidpointSampler{6, FixedRange{}}, 5}, MidpointQuadrature{},
                                  BlackBackground{}};
    Random random;
    const auto own = model.render_with(renderer, model.scene(ws), ws, some_cameras(1), {}, random, {});
    CHECK(difference(own.image, picture(model, ws, some_cameras(1)).image) <
          1e-5);  // the fused renderer rounds differently
}

TEST_CASE("gradients of pictures are those of finite differences, for latents, cameras and weights",
          "[generate][eg3d]") {
    auto config = tiny_eg3d_config();
    config.fine_samples = 0;  // further depths are constants of the backward pass, which differences do not know
    config.raw_resolution = 4;
    config.upsampler.input_resolution = 4;
    config.image_resolution = 16;
    const auto model = in_double(tiny_eg3d(config));
    const auto ws = support::normal_numbers({1, 6, 24}, 6) * 0.5;
    const auto label = labels(some_cameras(1, at::kDouble)).contiguous();
    const auto image_weights = support::normal_numbers({1, 3, 16, 16}, 7);
    const auto depth_weights = support::normal_numbers({1, 1, 4, 4}, 8);
    const auto loss = [&] {
        const auto seen = picture(model, WLatent(ws), cameras_from_labels(label));
        return (seen.image * image_weights).sum() + (seen.image_raw * seen.image_raw).sum() +
               (seen.depth * depth_weights).sum();
    };
    CHECK(support::gradient_error(loss, {ws}, 1e-6) < 1e-4);
    CHECK(support::gradient_error(loss, {label}, 1e-7) < 1e-3);
    std::vector<at::Tensor> some;
    for (const auto& [name, tensor] : model.parameters())
        if (tensor.numel() <= 40 && (name.find(".b16.") != std::string::npos || name.starts_with("decoder") ||
                                     name.find("block1") != std::string::npos))
            some.push_back(tensor);
    CHECK(some.size() > 10);
    CHECK(support::gradient_error(loss, some, 1e-6) < 1e-4);
}

TEST_CASE("a second derivative through the renderer is refused, not silently constant", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = support::normal_numbers({1, 6, 24}, 9).to(at::kFloat).requires_grad_(true);
    const auto loss = picture(model, WLatent(ws), some_cameras(1)).image_raw.pow(2).sum();
    CHECK_THROWS(support::gradients_of(loss, {ws}).front().pow(2).sum().backward());
}

TEST_CASE("latent statistics are the mean and the one deviation of many latents", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    StreamSource<NumpyRandom> random{NumpyRandom(123)}, by_hand{NumpyRandom(123)};
    const auto statistics = model.latent_statistics(some_cameras(1), 50, random);
    const auto w = model.map(ZLatent(by_hand.normal({50, 16})), some_cameras(1)).tensor().select(1, 0);
    CHECK(difference(statistics.mean, w.mean(0)) < 1e-6);
    CHECK(statistics.deviation == Approx(std::sqrt((w - w.mean(0)).square().sum().item<double>() / 50)).epsilon(1e-5));
    CHECK_THROWS_MATCHES(model.latent_statistics(some_cameras(1), 0, random), Error,
                         support::is_error(Errc::invalid_argument, "got 0"));
    CHECK_THROWS_MATCHES(model.latent_statistics(some_cameras(2), 5, random), Error,
                         support::is_error(Errc::shape_mismatch));
}

TEST_CASE("what a generator saves loads as the same generator", "[generate][eg3d]") {
    auto config = tiny_eg3d_config();
    config.normalize_z = false;
    config.plane_axes = corrected_plane_axes;
    const auto model = tiny_eg3d(config);
    const auto loaded = Eg3d::load(model.state());
    CHECK(loaded.config() == model.config());
    const auto ws = model.map(some_z(model, 1), some_cameras(1));
    CHECK(support::same(picture(loaded, ws, some_cameras(1)).image, picture(model, ws, some_cameras(1)).image));
}

TEST_CASE("tensors that are missing, left over, misshapen or not finite are named", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto whole = model.state();
    const auto changed = [&](const std::string& name, const at::Tensor& replacement) {
        StateDict result;
        result.metadata = whole.metadata;
        for (const auto& [entry, tensor] : whole.entries())
            if (entry != name)
                result.add(entry, tensor);
            else if (replacement.defined())
                result.add(entry, stored(replacement));
        if (!whole.contains(name)) result.add(name, stored(replacement));
        return result;
    };
    const std::string bias = "G_ema.decoder.net.0.bias";
    const auto fails = [](const StateDict& tensors, const std::string& with) {
        CHECK_THROWS_MATCHES(Eg3d::load(tensors), Error, support::is_error(Errc::bad_file, with));
    };
    fails(changed(bias, {}), "tensor '" + bias + "': expected [10], got none");
    fails(changed(bias, at::zeros({11})), "tensor '" + bias + "': expected [10], got [11]");
    fails(changed(bias, at::full({10}, std::numeric_limits<float>::quiet_NaN())),
          "tensor '" + bias + "': expected finite");
    fails(changed(bias, at::full({10}, INFINITY)), "tensor '" + bias + "': expected finite");
    fails(changed(bias, at::zeros({10}, at::kLong)), "tensor '" + bias + "': expected floating point numbers, got I64");
    fails(changed("G_ema.encoder.weight", at::zeros({1})), "tensor 'G_ema.encoder.weight': expected no such tensor");
    CHECK_NOTHROW(Eg3d::load(changed("D.weight", at::zeros({1}))));
    CHECK_NOTHROW(Eg3d::load(changed(bias, at::zeros({10}, at::kHalf))));
    CHECK_NOTHROW(Eg3d::load(changed("G_ema.dataset_label_std", at::zeros({25}))));
    CHECK_THROWS_MATCHES(Eg3d::load(whole, "G"), Error, support::is_error(Errc::bad_file, "network 'G'"));
    auto bare = whole;
    bare.metadata.clear();
    fails(bare, "'cameo' in its metadata");
}

TEST_CASE("latents, cameras and scenes that do not fit are refused", "[generate][eg3d]") {
    const auto model = tiny_eg3d();
    const auto ws = model.map(some_z(model, 2), some_cameras(1));
    CHECK_THROWS_MATCHES(model.map(ZLatent(at::zeros({1, 15})), some_cameras(1)), Error,
                         support::is_error(Errc::shape_mismatch, "z: expected [N, Z] with Z = 16"));
    CHECK_THROWS_MATCHES(model.map(some_z(model, 2), some_cameras(3)), Error,
                         support::is_error(Errc::shape_mismatch, "conditioning cameras"));
    CHECK_THROWS_MATCHES(model.scene(WLatent(at::zeros({1, 7, 24}))), Error,
                         support::is_error(Errc::shape_mismatch, "ws: expected [N, L, D] with L = 6"));
    CHECK_THROWS_MATCHES(picture(model, ws, some_cameras(3)), Error, support::is_error(Errc::shape_mismatch));
    Context context;
    context.memory_budget = 10;
    Random random;
    CHECK_THROWS_MATCHES(model.render(model.scene(ws), ws, some_cameras(2), {}, random, context), Error,
                         support::is_error(Errc::out_of_memory));
}
