// SPDX-License-Identifier: Apache-2.0
// A run of many processes is a run of one: its gradients, its reports and where its random numbers stand.
#include <cameo/train/trainer.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/pipeline/paired_heads.hpp>
#include <cameo/train/adversarial.hpp>
#include <cameo/train/gloo_group.hpp>
#include <cameo/train/paired.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"
#include "train/fit.hpp"
#include "train/in_processes.hpp"

using namespace cameo;
using support::in_processes;
using support::rethrow_first;
using support::same;

namespace {

/// What process 0 had to tell.
struct Told {
    std::map<std::string, at::Tensor> snapshot;  // the last one
    std::vector<TrainReport> reports;
};

/// Copies what it is given, as a file would.
struct Memory {
    std::map<std::string, at::Tensor>* last;
    void save(std::int64_t, const StateDict& state) {
        last->clear();
        for (const auto& [name, stored] : state.entries()) last->emplace(name, owned_tensor(stored, name));
    }
    [[nodiscard]] StateDict load(std::int64_t) const { return {}; }
    [[nodiscard]] std::vector<std::int64_t> steps() const { return {}; }
};

/// A whole run in so many processes. `make` gives an objective and a data set.
template <class Make>
Told told_by(std::int64_t processes, const Make& make, const TrainerOptions& options) {
    Told told;
    const auto run = [&](auto&& group) {
        std::map<std::string, at::Tensor> others;
        const auto first = group.rank() == 0;
        auto [objective, data] = make();
        // Only the first one's source counts.
        Trainer trainer(
            std::move(objective), std::move(data), Memory{first ? &told.snapshot : &others},
            std::make_unique<StreamSource<CounterRandom>>(CounterRandom(4, static_cast<std::uint64_t>(group.rank()))),
            options, std::move(group));
        trainer.run({}, [&](const TrainReport& report) { told.reports.push_back(report); });
        if (!first && !others.empty()) throw Error(Errc::internal, "another process saved");
    };
    if (processes == 1)
        run(SingleProcess{});
    else
        rethrow_first(in_processes(processes, [&](GlooGroup& group) { run(std::move(group)); }));
    return told;
}

/// With beta1 = 0 the first moments are the last gradients.
void check_same_run(const Told& one, const Told& many, double bound) {
    REQUIRE(one.snapshot.size() == many.snapshot.size());
    CHECK(same(one.snapshot.at("random"), many.snapshot.at("random")));
    std::map<std::string, double> gradients;
    double largest = 0.0;
    for (const auto& [name, expected] : one.snapshot)
        if (name.find(".first.") != std::string::npos && expected.count_nonzero().item<std::int64_t>() > 0) {
            gradients[name] = support::scalar(expected.abs().max());
            largest = std::max(largest, gradients[name]);
        }
    CHECK_FALSE(gradients.empty());
    for (const auto& [name, size] : gradients) {
        INFO(name << ", of " << size);
        // Where all cancels, as in the bias of a difference of densities, there is rounding and nothing else.
        const auto scale = std::max(size, 1e-3 * largest);
        CHECK(support::difference(many.snapshot.at(name), one.snapshot.at(name)) < bound * scale);
    }
    REQUIRE(one.reports.size() == many.reports.size());
    for (std::size_t i = 0; i < one.reports.size(); ++i) {
        CHECK((one.reports[i].state == many.reports[i].state));
        REQUIRE(one.reports[i].values.size() == many.reports[i].values.size());
        for (const auto& [name, value] : one.reports[i].values) {
            INFO(name);
            CHECK(many.reports[i].values.at(name) == Approx(value).epsilon(bound));
        }
    }
}

template <class Model>
void make_double(const Model& model) {
    for (const auto& list : {model.parameters(), model.buffers()})
        for (const auto& [name, tensor] : list) tensor.set_data(tensor.to(at::kDouble));
}

/// Heads of another type of number.
struct TypedHeads {
    using Batch = PairedBatch;
    PairedHeads heads;
    at::ScalarType type;
    [[nodiscard]] PairedBatch batch(std::int64_t first, std::int64_t count, std::int64_t stride) const {
        auto batch = heads.batch(first, count, stride);
        for (auto* tensor : {&batch.z, &batch.labels, &batch.points, &batch.distance, &batch.colour, &batch.known,
                             &batch.truth.image, &batch.truth.opacity, &batch.truth.depth})
            *tensor = tensor->to(type);
        return batch;
    }
    [[nodiscard]] RunOptions options() const { return heads.options(); }
};

Eg3dConfig small_config() {
    auto config = support::tiny_eg3d_config();
    config.image_resolution = 16;
    config.upsampler = {.name = "tiny", .input_resolution = 8, .blocks = {{6, true}}};
    return config;
}

std::pair<PairedObjective<Eg3d>, TypedHeads> paired(at::ScalarType type) {
    auto config = small_config();
    config.z_dim = synth::number_count;
    config.c_dim = 0;
    config.normalize_z = false;
    config.white_background = true;
    StreamSource<CounterRandom> random{CounterRandom(1)};
    auto model = Eg3d::initial(config, random);
    scale_density(model, losses::SurfaceDensity{}.scale);
    if (type == at::kDouble) make_double(model);
    PairedHeadsOptions options;
    options.picture_interval = 3;
    options.heads.identities = 50;
    options.heads.view = {.size = 16, .samples = 1};
    options.points = {.near = 60, .free = 30, .cube_side = 0.8};
    return {PairedObjective<Eg3d>(std::move(model), {.adam = {.learning_rate = 0.0, .beta1 = 0.0}}),
            TypedHeads{PairedHeads(options), type}};
}

/// Pictures and cameras of no meaning, each a function of its number.
struct Pictures {
    using Batch = AdversarialBatch;
    at::ScalarType type;
    [[nodiscard]] AdversarialBatch batch(std::int64_t first, std::int64_t count, std::int64_t stride) const {
        std::vector<at::Tensor> images, labels;
        std::vector<std::vector<at::Tensor>> generated(4);
        const auto label = [&](std::int64_t number) {
            return cameo::labels(support::some_cameras(6)).narrow(0, number % 6, 1).to(type);
        };
        for (std::int64_t i = 0; i < count; ++i) {
            const auto item = first + i * stride;
            StreamSource<CounterRandom> random{CounterRandom(3, static_cast<std::uint64_t>(item))};
            images.push_back(random.uniform({1, 3, 16, 16}, type) * 2 - 1);
            labels.push_back(label(item));
            for (std::size_t phase = 0; phase < 4; ++phase)
                generated[phase].push_back(label(5 * item + static_cast<std::int64_t>(phase)));
        }
        std::vector<at::Tensor> phases;
        for (const auto& each : generated) phases.push_back(at::cat(each));
        return {at::cat(images), at::cat(labels), at::cat(phases)};
    }
    [[nodiscard]] RunOptions options() const { return {{"set", "pictures"}}; }
};

std::pair<AdversarialObjective<Eg3d>, Pictures> adversarial(at::ScalarType type, bool regularised, std::int64_t group) {
    StreamSource<CounterRandom> random{CounterRandom(1)};
    auto model = Eg3d::initial(small_config(), random);
    DualDiscriminatorConfig config;
    config.image_resolution = 16;
    config.channel_base = 128;
    config.channel_max = 8;
    config.mapping_layers = 2;
    config.group_size = group;
    auto discriminator = DualDiscriminator::initial(config, random);
    if (type == at::kDouble) {
        make_double(model);
        make_double(discriminator);
    }
    AdversarialOptions options;
    // Weights stay, so that one phase's rounding is not another one's gradient.
    options.generator.learning_rate = options.discriminator.learning_rate = 0.0;
    options.style_mixing = 0.5;
    // But for what resamples: it pads pictures by what the batch needs, which moves their edges by some 1e-8.
    options.augmentation = AugmentationOptions{
        .kinds = {.scale = false, .rotation = false, .aspect = false, .shift = false}, .strength = 0.5};
    options.density.weight = regularised ? 0.25 : 0.0;
    options.penalty = regularised ? 1.0 : 0.0;
    return {AdversarialObjective<Eg3d>(std::move(model), std::move(discriminator), options), Pictures{type}};
}

}  // namespace

TEST_CASE("many processes train as one: a line, over many steps", "[train][processes]") {
    if (support::without_gloo()) return;
    const TrainerOptions options{.batch = 6, .steps = 40, .snapshot_interval = 7, .report_interval = 10};
    const auto make = [] { return std::pair(support::Fit(0.1, at::kDouble), support::Answers{}); };
    const auto one = told_by(1, make, options);
    for (const std::int64_t processes : {2, 3}) {
        const auto many = told_by(processes, make, options);
        check_same_run(one, many, 1e-9);
        CHECK(support::relative_difference(many.snapshot.at("L.weight"), one.snapshot.at("L.weight")) < 1e-9);
        CHECK(same(many.snapshot.at("L.count"), one.snapshot.at("L.count")));
    }
}

TEST_CASE("many processes have the gradients of one: the paired objective", "[train][processes][paired]") {
    if (support::without_gloo()) return;
    const auto [type, bound] = GENERATE(std::pair(at::kDouble, 1e-9), std::pair(at::kFloat, 1e-4));
    const auto make = [type = type] { return paired(type); };
    // Of items 0 to 5 those 0 and 3 have pictures: in three processes one has both, the others none.
    for (const std::int64_t processes : {2, 3}) {
        const TrainerOptions options{.batch = 6, .steps = 2, .report_interval = 1, .data_threads = 0};
        check_same_run(told_by(1, make, options), told_by(processes, make, options), bound);
    }
}

TEST_CASE("many processes have the gradients of one: the adversarial objective", "[train][processes][adversarial]") {
    if (support::without_gloo()) return;
    const auto [type, bound] = GENERATE(std::pair(at::kDouble, 1e-9), std::pair(at::kFloat, 1e-4));
    const bool regularised = GENERATE(false, true);
    INFO((regularised ? "with" : "without") << " the regularising phases");
    // Double is slow, so it gets groups of two; in float those make too much of rounding.
    const std::int64_t items = type == at::kDouble ? 4 : 8;
    const auto make = [type = type, regularised, items] { return adversarial(type, regularised, items / 2); };
    const TrainerOptions options{.batch = items, .steps = 1, .report_interval = 1, .data_threads = 0};
    const auto one = told_by(1, make, options), two = told_by(2, make, options);
    check_same_run(one, two, bound);
    for (const auto* name : {"G.w_avg", "G.backbone.mapping.w_avg", "augmentation.strength"})
        if (one.snapshot.contains(name))
            CHECK(support::relative_difference(two.snapshot.at(name), one.snapshot.at(name)) < bound);
}

TEST_CASE("processes that disagree, or cannot share a batch, do not begin", "[train][processes]") {
    const TrainerOptions options{.batch = 6, .steps = 4, .data_threads = 0};
    std::map<std::string, at::Tensor> kept;
    const auto run = [&](auto&& group, double rate) {
        Trainer trainer(support::Fit(rate), support::Answers{}, Memory{&kept},
                        std::make_unique<StreamSource<CounterRandom>>(CounterRandom(4)), options, std::move(group));
        trainer.run({});
    };
    struct Four {
        [[nodiscard]] std::int64_t rank() const { return 0; }
        [[nodiscard]] std::int64_t size() const { return 4; }
        void sum(const at::Tensor&) {}
        void broadcast(const at::Tensor&) {}
    };
    CHECK_THROWS_MATCHES(
        run(Four{}, 0.1), Error,
        support::is_error(Errc::invalid_argument, "batch: expected a multiple of the run's 4 processes, got 6"));
    if (support::without_gloo()) return;
    const auto problems =
        in_processes(2, [&](GlooGroup& group) { run(std::move(group), group.rank() == 0 ? 0.1 : 0.2); });
    for (const auto& problem : problems)
        CHECK_THROWS_MATCHES(
            std::rethrow_exception(problem), Error,
            support::is_error(Errc::invalid_argument, "process 1: objective.rate: expected process 0's 0.1, got 0.2"));
}

TEST_CASE("a request to stop one process stops all of them after the same step", "[train][processes]") {
    if (support::without_gloo()) return;
    std::map<std::string, at::Tensor> kept, others;
    std::vector<std::int64_t> steps(2);
    const auto problems = in_processes(2, [&](GlooGroup& group) {
        const auto rank = static_cast<std::size_t>(group.rank());
        Trainer trainer(support::Fit(), support::Answers{}, Memory{rank == 0 ? &kept : &others},
                        std::make_unique<StreamSource<CounterRandom>>(CounterRandom(4)),
                        {.batch = 4, .steps = 1000000, .snapshot_interval = 1000000, .data_threads = 0},
                        std::move(group));
        std::stop_source stop;
        if (rank == 1) stop.request_stop();
        try {
            trainer.run({.stop = stop.get_token()});
        } catch (...) {
            steps[rank] = trainer.state().step;
            throw;
        }
    });
    for (const auto& problem : problems)
        CHECK_THROWS_MATCHES(std::rethrow_exception(problem), Error, support::is_error(Errc::cancelled));
    CHECK((steps == std::vector<std::int64_t>{1, 1}));
    CHECK_FALSE(kept.empty());
    CHECK(others.empty());
}
