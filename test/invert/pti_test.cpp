// SPDX-License-Identifier: Apache-2.0
#include <cameo/invert/pti.hpp>

#include <ATen/ATen.h>

#include "invert/heads.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/pictures.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::BlobGenerator;
using support::scalar;

namespace {

const Context context;

PtiInverter quick(std::int64_t search_steps, std::int64_t tuning_steps, double tuning_rate) {
    PtiInverter inverter;
    inverter.search = support::quick_search(search_steps, 0.05);
    inverter.tuning.terms = support::l2_alone();
    inverter.tuning.steps = tuning_steps;
    inverter.tuning.learning_rate = tuning_rate;
    inverter.tuning.render = {};
    return inverter;
}

template <class I, class G>
Inversion inverted(const I& inverter, const G& generator, const InversionTarget& target) {
    StreamSource<CounterRandom> random{CounterRandom(1)};
    return inverter.invert(generator, target, {random, context});
}

}  // namespace

TEST_CASE("tuning draws a picture that no latent of the generator can", "[invert]") {
    const auto eg3d = support::tiny_eg3d();
    const auto cameras = support::some_cameras(1);
    const InversionTarget target{support::smooth_picture(32, 5), cameras};
    const auto found = inverted(quick(25, 50, 1e-2), eg3d, target);
    REQUIRE(found.stages.size() == 2);
    const auto latent_alone = support::psnr(support::drawn(eg3d, found.ws, cameras), target.pictures),
               tuned = support::psnr(support::drawn(applied(eg3d, found), found.ws, cameras), target.pictures);
    INFO(latent_alone << " dB before tuning, " << tuned << " dB after");
    CHECK(tuned > latent_alone + 6);
    CHECK(found.tuned.size() == eg3d.parameters().size());
}

TEST_CASE("only the parts that were named are tuned", "[invert]") {
    const auto eg3d = support::tiny_eg3d();
    const InversionTarget target{support::smooth_picture(32, 5), support::some_cameras(1)};
    auto inverter = quick(3, 3, 1e-2);
    inverter.tuning.parts = {"superresolution."};
    const auto found = inverted(inverter, eg3d, target);
    const auto original = eg3d.parameters();
    std::size_t changed = 0;
    for (std::size_t i = 0; i < original.size(); ++i)
        if (!support::same(original[i].tensor, found.tuned[i].tensor)) {
            ++changed;
            CHECK(original[i].name.starts_with("superresolution."));
        }
    CHECK(changed > 4);

    inverter.tuning.parts = {"hair."};
    CHECK_THROWS_MATCHES(inverted(inverter, eg3d, target), Error,
                         support::is_error(Errc::model_mismatch, "parameters of hair."));
    // The mapping network has its say before ws: a picture does not depend on it.
    inverter.tuning.parts = {"backbone.mapping."};
    CHECK_THROWS_MATCHES(inverted(inverter, eg3d, target), Error,
                         support::is_error(Errc::model_mismatch, "depends on none of it"));
}

TEST_CASE("locality keeps what lies near the pivot as it was", "[invert]") {
    const BlobGenerator blobs;
    const auto cameras = support::some_cameras(1);
    auto target = support::own_head(blobs, cameras, 3);
    target.pictures = target.pictures.flip(1);  // colours that its matrix does not give
    auto inverter = quick(0, 150, 1e-2);
    inverter.pivot = support::some_latent(blobs, cameras, 3);
    const auto change_nearby = [&](const Inversion& found) {
        const auto tuned = applied(blobs, found);
        double sum = 0;
        for (const std::uint64_t seed : {21, 22, 23, 24}) {
            const auto away = support::some_latent(blobs, cameras, seed).tensor() - inverter.pivot->tensor();
            const WLatent near(inverter.pivot->tensor() + away * (1.5 / away.norm()));
            sum +=
                scalar((support::drawn(tuned, near, cameras) - support::drawn(blobs, near, cameras)).square().mean());
        }
        return sum;
    };
    const auto free = change_nearby(inverted(inverter, blobs, target));
    inverter.tuning.locality = Locality{.distance = 1.5, .psi = 1.0, .weight = 2.0};
    CHECK(change_nearby(inverted(inverter, blobs, target)) < 0.8 * free);
}

TEST_CASE("tuning ends before the step at which the picture is near enough", "[invert]") {
    const BlobGenerator blobs;
    const auto cameras = support::some_cameras(1);
    const auto target = support::own_head(blobs, cameras, 3);
    auto inverter = quick(0, 50, 1e-2);
    inverter.tuning.reached_term = 0;
    inverter.pivot = support::some_latent(blobs, cameras, 3);
    inverter.tuning.reached = 1e-6;
    const auto at_once = inverted(inverter, blobs, target);
    CHECK((at_once.stages[0].end == StageSummary::End::reached));
    CHECK(at_once.stages[0].steps == 0);
    CHECK(support::same(at_once.tuned[0].tensor, blobs.parameters()[0].tensor));

    inverter.pivot = support::some_latent(blobs, cameras, 4);
    inverter.tuning.reached = 0.5 * inverted(quick(0, 1, 0), blobs, target).stages[1].first_loss;
    const auto later = inverted(inverter, blobs, target);
    CHECK((later.stages[0].end == StageSummary::End::reached));
    CHECK(later.stages[0].steps > 0);
    CHECK(later.stages[0].last_loss <= inverter.tuning.reached);

    inverter.tuning.reached_term = 1;
    CHECK_THROWS_MATCHES(inverted(inverter, blobs, target), Error, support::is_error(Errc::invalid_argument, "term"));
}

TEST_CASE("what was tuned belongs to its generator", "[invert]") {
    const BlobGenerator blobs;
    const auto target = support::own_head(blobs, support::some_cameras(1), 3);
    auto found = inverted(quick(2, 2, 1e-2), blobs, target);
    CHECK_THROWS_MATCHES(applied(support::tiny_eg3d(), found), Error,
                         support::is_error(Errc::model_mismatch, "places.weight"));
}
