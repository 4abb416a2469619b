// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/paired.hpp>

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/io/snapshot_folder.hpp>
#include <cameo/pipeline/paired_heads.hpp>
#include <cameo/train/trainer.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"
#include "train/dataset_laws.hpp"

using namespace cameo;
using support::same;
using support::scalar;

namespace {

Eg3dConfig tiny_config() {
    auto config = support::tiny_eg3d_config();
    config.z_dim = synth::number_count;
    config.c_dim = 0;
    config.normalize_z = false;
    config.white_background = true;
    config.image_resolution = 16;
    config.upsampler = {.name = "tiny", .input_resolution = 8, .blocks = {{6, true}}};
    config.mapping_lr_multiplier = 1.0;
    config.decoder_lr_multiplier = 5.0;
    return config;
}

PairedHeads tiny_heads(std::int64_t picture_interval = 1) {
    PairedHeadsOptions options;
    options.picture_interval = picture_interval;
    options.heads.identities = 50;
    options.heads.view = {.size = 16, .samples = 1};
    options.points = {.near = 60, .free = 30, .cube_side = 0.8};
    return PairedHeads(options);
}

PairedObjective<Eg3d> tiny_objective(const PairedOptions& options = {}) {
    StreamSource<CounterRandom> random{CounterRandom(1)};
    auto model = Eg3d::initial(tiny_config(), random);
    scale_density(model, options.surface.scale);
    return {std::move(model), options};
}

}  // namespace

TEST_CASE("heads are a data set whose latents are their numbers", "[train][paired]") {
    const auto heads = tiny_heads(2);
    support::check_dataset_laws(heads, [](const PairedBatch& batch) {
        return std::vector{batch.z,      batch.labels,   batch.truth.image, batch.truth.opacity, batch.truth.depth,
                           batch.points, batch.distance, batch.colour,      batch.known};
    });
    const auto batch = heads.batch(7, 2);
    const auto numbers = synth::numbers_of_seed(8).values;
    CHECK(same(batch.z[1], at::tensor(std::vector<float>(numbers.begin(), numbers.end()))));
    CHECK(scalar(batch.truth.image.max()) == 1.0);  // the white background
    CHECK(scalar(batch.truth.opacity.max()) == 1.0);
    CHECK(same(batch.pictured, at::tensor({std::int64_t{1}})));  // item 8
    CHECK(batch.truth.image.size(0) == 1);
    CHECK(heads.batch(7, 1).pictured.numel() == 0);
    const auto again = heads.batch(58, 1), first = heads.batch(8, 1);
    CHECK(same(again.truth.image, first.truth.image));  // the set begins anew
    CHECK_FALSE(same(again.points, first.points));      // with other points
    CHECK_THROWS_MATCHES(heads.batch(-1, 1), Error, support::is_error(Errc::invalid_argument, "batch"));
}

TEST_CASE("densities are scaled, colours are not", "[train][paired]") {
    StreamSource<CounterRandom> random{CounterRandom(4)};
    auto model = Eg3d::initial(tiny_config(), random);
    for (const auto& [name, tensor] : model.parameters())
        if (name == "decoder.net.2.bias") tensor.normal_();
    const auto batch = tiny_heads().batch(0, 1);
    const auto values = [&] {
        return model.sample(batch.points, ZLatent(batch.z), cameras_from_labels(batch.labels), {}, {NoiseMode::none});
    };
    const auto before = values();
    scale_density(model, 4);
    const auto after = values();
    CHECK(support::difference(after.density, before.density * 4) < 1e-5);
    CHECK(same(after.feature, before.feature));
}

TEST_CASE("the paired objective learns densities, colours, pictures and masks", "[train][paired]") {
    const support::TemporaryFolder folder;
    const TrainerOptions options{.batch = 4, .steps = 90, .report_interval = 10, .data_threads = 0};
    Trainer trainer(tiny_objective({.adam = {.learning_rate = 0.01, .beta1 = 0.9}}), tiny_heads(),
                    io::SnapshotFolder(folder.path()), std::make_unique<StreamSource<CounterRandom>>(CounterRandom(2)),
                    options);
    std::vector<TrainReport> reports;
    trainer.run({}, [&](const TrainReport& report) { reports.push_back(report); });
    const auto &first = reports.front().values, &last = reports.back().values;
    for (const auto* name : {"Loss/density", "Loss/colour", "Loss/image", "Loss/mask"}) {
        INFO(name << " " << first.at(name) << " " << last.at(name));
        CHECK(last.at(name) < 0.9 * first.at(name));
    }
    StreamSource<CounterRandom> random;
    const auto scores = paired_scores(trainer.average(), tiny_heads().batch(0, 4), random);
    CHECK(scores.psnr > 5);
    CHECK(scores.mask_iou > 0.1);
}

TEST_CASE("steps without pictures leave the upsampler without gradients", "[train][paired]") {
    auto objective = tiny_objective();
    StreamSource<CounterRandom> random{CounterRandom(3)};
    const auto parameters = objective.network().parameters();
    const auto gradients_of = [&](std::int64_t first) {
        for (const auto& [name, tensor] : parameters) {
            tensor.mutable_grad() = at::Tensor();
            tensor.requires_grad_(true);
        }
        objective.begin(tiny_heads(4).batch(first, 2), {}, {}, random);
        objective.backward(0, {}, random, {});
        int upsampler = 0, field = 0;
        for (const auto& [name, tensor] : parameters) {
            if (!tensor.grad().defined()) continue;
            CHECK(scalar(at::isfinite(tensor.grad()).all().to(at::kDouble)) == 1.0);
            upsampler += name.starts_with("superresolution.");
            field += !name.starts_with("superresolution.");
        }
        CHECK(field > 20);
        return upsampler;
    };
    CHECK(gradients_of(3) > 0);
    CHECK(gradients_of(1) == 0);
}

TEST_CASE("the model that ships draws heads that training never saw", "[train][paired]") {
    const auto model = Eg3d::load(io::read_safetensors(std::string(CAMEO_SOURCE_DIR) + "/models/default.safetensors"));
    PairedHeadsOptions options;
    options.heads.for_tests = true;
    options.heads.first_identity = synth::first_test_seed + 100;
    options.heads.identities = 4;
    options.heads.view.size = model.config().image_resolution;
    options.picture_interval = 1;
    StreamSource<CounterRandom> random;
    const auto scores = paired_scores(model, PairedHeads(options).batch(0, 4), random);
    INFO(scores.psnr << " dB, IoU " << scores.mask_iou);
    CHECK(scores.psnr > 18);
    CHECK(scores.mask_iou > 0.94);
}

TEST_CASE("scores need pictures", "[train][paired]") {
    const auto objective = tiny_objective();
    StreamSource<CounterRandom> random;
    CHECK_THROWS_MATCHES(paired_scores(objective.network(), tiny_heads(4).batch(1, 2), random), Error,
                         support::is_error(Errc::invalid_argument, "pictures"));
}

TEST_CASE("a paired run on heads made in the background resumes with the same bits", "[train][paired]") {
    const support::TemporaryFolder whole_folder, folder;
    const auto make = [&](const std::filesystem::path& path, int threads) {
        return Trainer(tiny_objective(), tiny_heads(), io::SnapshotFolder(path),
                       std::make_unique<StreamSource<CounterRandom>>(CounterRandom(2)),
                       {.batch = 2, .steps = 9, .snapshot_interval = 4, .report_interval = 1, .data_threads = threads});
    };
    auto whole = make(whole_folder.path(), 0);
    whole.run({});
    auto broken = make(folder.path(), 2);
    std::stop_source stop;
    CHECK_THROWS_MATCHES(broken.run({.stop = stop.get_token()},
                                    [&](const TrainReport& report) {
                                        if (report.state.step == 5) stop.request_stop();
                                    }),
                         Error, support::is_error(Errc::cancelled));
    auto rest = make(folder.path(), 1);
    CHECK(rest.resume());
    CHECK(rest.state().step == 5);
    rest.run({});
    const auto a = whole.average().parameters(), b = rest.average().parameters();
    for (std::size_t i = 0; i < a.size(); ++i) {
        INFO(a[i].name);
        CHECK(same(a[i].tensor, b[i].tensor));
    }
}
