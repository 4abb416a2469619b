// SPDX-License-Identifier: Apache-2.0
#include <cameo/concepts/inverter.hpp>
#include <cameo/testing/inverter_laws.hpp>

#include <ATen/ATen.h>

#include <cameo/invert/pti.hpp>

#include "invert/heads.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;
using support::BlobGenerator;

static_assert(InverterFor<WInverter, Eg3d> && InverterFor<WPlusInverter, Eg3d> && InverterFor<PtiInverter, Eg3d>);
static_assert(InverterFor<PtiInverter, BlobGenerator>);
static_assert(!InverterFor<LatentSearch, Eg3d>);          // options alone do not invert
static_assert(!InverterFor<PtiInverter, TriplaneField>);  // a field is no generator

namespace {

template <class G>
struct Case;
template <>
struct Case<BlobGenerator> {
    BlobGenerator generator{};
    double rate = 0.05;
};
template <>
struct Case<Eg3d> {
    Eg3d generator = support::tiny_eg3d();
    double rate = 0.05;
};

template <class I>
I made(const LatentSearch& search) {
    I inverter;
    inverter.search = search;
    if constexpr (std::is_same_v<I, PtiInverter>) {
        inverter.tuning.terms = support::l2_alone();
        inverter.tuning.steps = 3;
        inverter.tuning.render = {.jitter = RenderOptions::Jitter::random};
    }
    return inverter;
}

}  // namespace

TEMPLATE_TEST_CASE("inverters keep their laws on a generator of blobs and on EG3D", "[invert]",
                   (std::pair<WInverter, BlobGenerator>), (std::pair<WPlusInverter, BlobGenerator>),
                   (std::pair<PtiInverter, BlobGenerator>), (std::pair<WInverter, Eg3d>),
                   (std::pair<WPlusInverter, Eg3d>), (std::pair<PtiInverter, Eg3d>)) {
    using I = typename TestType::first_type;
    using G = typename TestType::second_type;
    const Case<G> made_case;
    auto search = support::quick_search(3, made_case.rate);
    search.perturbation = 0.05;
    search.render.jitter = RenderOptions::Jitter::random;
    search.cameras = CameraSearch{};
    if constexpr (NoiseGenerator<G>) search.optimise_noise = true;
    auto target = support::own_head(made_case.generator, support::some_cameras(2), 3);
    target.mask = at::ones({2, 1, target.pictures.size(2), target.pictures.size(3)});
    target.mask.slice(2, 0, 4).zero_();
    // In the search; and, where there is one, in the tuning.
    for (const std::int64_t interrupted : {2, 5}) {
        if (interrupted > 3 && !std::is_same_v<I, PtiInverter>) continue;
        auto inverter = made<I>(search);
        if constexpr (std::is_same_v<TestType, std::pair<PtiInverter, BlobGenerator>>)
            inverter.tuning.locality = Locality{.distance = 1.0};
        const auto broken = testing::broken_laws(inverter, made_case.generator, target, interrupted);
        INFO((broken.empty() ? "" : broken.front()));
        CHECK(broken.empty());
    }
}

TEST_CASE("a state belongs to its run", "[invert]") {
    const BlobGenerator generator;
    const auto target = support::own_head(generator, support::some_cameras(1), 3);
    WInverter inverter{support::quick_search(4, 0.05)};
    const Context context;
    StreamSource<CounterRandom> random{CounterRandom(1)};
    InversionRun run{random, context};
    StateDict kept;
    std::int64_t saved = 0;
    run.save_every = 2;
    run.save = [&](const StateDict& state) {
        ++saved;
        kept = {};
        kept.metadata = state.metadata;
        for (const auto& entry : state.entries())
            kept.add(entry.name, {entry.tensor.dtype, entry.tensor.shape, memory_source(read_bytes(entry.tensor))});
    };
    (void)inverter.invert(generator, target, run);
    CHECK(saved == 2);

    run.resume = &kept;
    auto other = inverter;
    other.search.learning_rate = 0.04;
    using support::is_error;
    CHECK_THROWS_MATCHES(other.invert(generator, target, run), Error, is_error(Errc::resume_mismatch, "options"));
    auto another = target;
    another.pictures = another.pictures + 0.01;
    CHECK_THROWS_MATCHES(inverter.invert(generator, another, run), Error, is_error(Errc::resume_mismatch, "pictures"));
    another = target;
    another.mask = at::ones({1, 1, 24, 24});
    CHECK_THROWS_MATCHES(inverter.invert(generator, another, run), Error, is_error(Errc::resume_mismatch, "pictures"));
    const StateDict nothing;
    run.resume = &nothing;
    CHECK_THROWS_MATCHES(inverter.invert(generator, target, run), Error, is_error(Errc::bad_file, "state"));
}
