// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/invert_head.hpp>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/counter_random.hpp>

#include "support/catch.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using Method = HeadInversionOptions::Method;

TEST_CASE("figures of an inversion are those of the pictures that it draws", "[pipeline][invert]") {
    const auto generator = support::tiny_eg3d();
    const auto cameras = support::some_cameras(1);
    StreamSource<CounterRandom> random{CounterRandom(4)};
    const c10::NoGradGuard no_gradient;
    const auto ws = generator.map(ZLatent(random.normal({1, 16}, at::kFloat)), cameras);
    const InversionTarget target{redrawn(generator, ws, cameras, {}).clamp(-1, 1), cameras};
    HeadInversionOptions options;
    options.front = to_cameras(cameras).front();

    const auto figures = [&](const WLatent& found) {
        return figures_of(generator, target, {found, cameras}, redrawn(generator, found, cameras, {}), options, {});
    };
    const auto own = figures(ws);
    CHECK(own.psnr == 99.0);
    CHECK(own.untuned_psnr == own.psnr);
    CHECK(own.pictures == 1);
    CHECK(own.angle == Approx(15.8).margin(0.2));  // yaw -15, pitch -5
    CHECK(own.distance > 0.1);
    CHECK(own.distance < 3.0);
    const auto at_mean = WLatent::repeated(generator.mean_latent().unsqueeze(0), generator.num_ws());
    CHECK(figures(at_mean).psnr < 60.0);

    const auto black = at::full({1, 3, 4, 4}, -1.0);
    CHECK(psnr(black, at::full({1, 3, 4, 4}, 1.0)) == Approx(0.0).margin(1e-9));
    CHECK(psnr(black * 3, black) == 99.0);  // what no screen shows does not count
}

TEST_CASE("each method improves on the mean, and only pti tunes", "[pipeline][invert]") {
    const auto generator = support::tiny_eg3d();
    const auto cameras = support::some_cameras(1);
    StreamSource<CounterRandom> seed{CounterRandom(4)};
    const auto ws = generator.map(ZLatent(seed.normal({1, 16}, at::kFloat)), cameras);
    const InversionTarget target{redrawn(generator, ws, cameras, {}).clamp(-1, 1), cameras};
    HeadInversionOptions options;
    options.front = to_cameras(cameras).front();
    options.perceptual = {{losses::multi_scale_l1_loss(), 0.3}};
    options.steps = options.tuning_steps = 12;
    const Context context;
    for (const auto method : {Method::w, Method::w_plus, Method::pti}) {
        options.method = method;
        StreamSource<CounterRandom> random;
        const auto found = invert_head(generator, target, options, {random, context});
        CHECK(found.stages.size() == (method == Method::pti ? 2 : 1));
        CHECK(found.stages.back().last_loss < found.stages.front().first_loss);
        CHECK(found.tuned.empty() == (method != Method::pti));
    }
}

TEST_CASE("trust speaks of what was matched, by what, and from where", "[pipeline][invert]") {
    CHECK(trust_of({.psnr = 31, .untuned_psnr = 27, .distance = 0.9, .angle = 12}).level == "good");
    CHECK(trust_of({.psnr = 15, .untuned_psnr = 15, .distance = 0.9, .angle = 12}).level == "poor");
    // Bent to draw what it does not know.
    CHECK(trust_of({.psnr = 33, .untuned_psnr = 14, .distance = 0.9, .angle = 12}).level == "poor");
    CHECK(trust_of({.psnr = 33, .untuned_psnr = 19, .distance = 0.9, .angle = 12}).level == "fair");
    CHECK(trust_of({.psnr = 31, .untuned_psnr = 27, .distance = 4.0, .angle = 12}).level == "fair");
    CHECK(trust_of({.psnr = 31, .untuned_psnr = 27, .distance = 0.9, .angle = 60}).level == "poor");
    CHECK(trust_of({.psnr = 31, .untuned_psnr = 27, .distance = 0.9, .angle = 60, .pictures = 2}).level == "good");
}
