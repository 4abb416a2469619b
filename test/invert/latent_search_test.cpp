// SPDX-License-Identifier: Apache-2.0
#include <cameo/invert/latent_search.hpp>

#include <cmath>
#include <thread>
#include <vector>

#include <ATen/ATen.h>

#include "invert/heads.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::BlobGenerator;
using support::scalar;

namespace {

const Context context;

template <class I, class G>
Inversion inverted(const I& inverter, const G& generator, const InversionTarget& target) {
    StreamSource<CounterRandom> random{CounterRandom(1)};
    return inverter.invert(generator, target, {random, context});
}

}  // namespace

TEST_CASE("a search finds a generator's own head again, whichever generator it is", "[invert]") {
    const BlobGenerator blobs;
    const auto cameras = support::some_cameras(2);
    const auto target = support::own_head(blobs, cameras, 3);
    const auto found = inverted(WInverter{support::quick_search(200, 0.05)}, blobs, target);
    CHECK(support::psnr(support::drawn(blobs, found.ws, cameras), target.pictures) > 45.0);
    // One w in all rows; and the very head, not another one that looks alike.
    CHECK(support::same(found.ws.tensor().select(1, 0), found.ws.tensor().select(1, 1)));
    const auto other_side = support::some_cameras(6).slice(5, 1);
    CHECK(support::psnr(support::drawn(blobs, found.ws, other_side),
                        support::drawn(blobs, support::some_latent(blobs, cameras, 3), other_side)) > 35.0);
    REQUIRE(found.stages.size() == 1);
    CHECK(found.stages[0].steps == 200);
    CHECK(found.stages[0].last_loss < 1e-3 * found.stages[0].first_loss);

    const auto eg3d = support::tiny_eg3d();
    const auto front = support::some_cameras(1);
    const auto head = support::own_head(eg3d, front, 4);
    const auto before = support::psnr(
        support::drawn(eg3d, WLatent::repeated(eg3d.mean_latent().unsqueeze(0), eg3d.num_ws()), front), head.pictures);
    const auto w = inverted(WInverter{support::quick_search(60, 0.05)}, eg3d, head);
    const auto plus = inverted(WPlusInverter{support::quick_search(60, 0.05)}, eg3d, head);
    const auto with_w = support::psnr(support::drawn(eg3d, w.ws, front), head.pictures),
               with_plus = support::psnr(support::drawn(eg3d, plus.ws, front), head.pictures);
    INFO(before << " dB before, " << with_w << " dB with W, " << with_plus << " dB with W+");
    CHECK(with_w > before + 6);
    CHECK(with_plus > before + 6);
    CHECK(!support::same(plus.ws.tensor().select(1, 0), plus.ws.tensor().select(1, 1)));
}

TEST_CASE("a W+ latent reaches what no W latent can", "[invert]") {
    const BlobGenerator blobs;
    const auto cameras = support::some_cameras(1);
    // Places of one latent, colours of another.
    const auto mixed = WLatent(at::stack({support::some_latent(blobs, cameras, 3).tensor().select(1, 0),
                                          support::some_latent(blobs, cameras, 5).tensor().select(1, 1)},
                                         1));
    const InversionTarget target{support::drawn(blobs, mixed, cameras), cameras};
    const auto quality = [&](const Inversion& found) {
        return support::psnr(support::drawn(blobs, found.ws, cameras), target.pictures);
    };
    const auto w = quality(inverted(WInverter{support::quick_search(400, 0.05)}, blobs, target)),
               plus = quality(inverted(WPlusInverter{support::quick_search(400, 0.05)}, blobs, target));
    INFO(plus << " dB with W+, " << w << " dB with W");
    CHECK(plus > w + 3.0);
}

TEST_CASE("cameras that are a little wrong are put right with the latent", "[invert]") {
    const BlobGenerator blobs;
    // Four views of one head: the head is nearly settled, so the cameras are.
    const auto right = support::some_cameras(4);
    const auto target = support::own_head(blobs, right, 3);
    auto off = target;
    // The second camera is turned by 3 degrees about the vertical axis.
    const auto angle = 3.0 * 3.14159265 / 180;
    const auto turn =
        at::tensor({std::cos(angle), 0.0, std::sin(angle), 0.0, 1.0, 0.0, -std::sin(angle), 0.0, std::cos(angle)},
                   at::kFloat)
            .view({3, 3});
    off.cameras.world_from_camera = right.world_from_camera.clone();
    const auto pose = off.cameras.world_from_camera[1].narrow(0, 0, 3);
    pose.copy_(at::matmul(turn, pose));
    auto search = support::quick_search(300, 0.05);
    const auto fixed = inverted(WInverter{search}, blobs, off);
    search.cameras = CameraSearch{};
    const auto free = inverted(WInverter{search}, blobs, off);
    CHECK(support::same(fixed.cameras.world_from_camera, off.cameras.world_from_camera));
    CHECK(free.stages[0].last_loss < 0.7 * fixed.stages[0].last_loss);
    const auto apart = [&](const Cameras& cameras) {  // angle between the second and the first, against the truth's
        const auto between = [](const Cameras& c) {
            return at::matmul(c.world_from_camera[0].narrow(0, 0, 3).narrow(1, 0, 3).t(),
                              c.world_from_camera[1].narrow(0, 0, 3).narrow(1, 0, 3));
        };
        return scalar((between(cameras) - between(right)).norm());
    };
    CHECK(apart(free.cameras) < 0.4 * apart(off.cameras));
    // Still rigid.
    const auto turned = free.cameras.world_from_camera.narrow(1, 0, 3).narrow(2, 0, 3);
    CHECK(support::difference(at::matmul(turned, turned.transpose(1, 2)), at::eye(3).expand({4, 3, 3})) < 1e-5);
}

TEST_CASE("a mask hides what is wrong with a picture", "[invert]") {
    const BlobGenerator blobs;
    const auto cameras = support::some_cameras(1);
    const auto clean = support::own_head(blobs, cameras, 3);
    auto spoilt = clean;
    spoilt.pictures = clean.pictures.clone();
    spoilt.pictures.slice(2, 0, 6).fill_(1.0);
    const auto quality = [&](const InversionTarget& target) {
        const auto found = inverted(WInverter{support::quick_search(200, 0.05)}, blobs, target);
        return support::psnr(support::drawn(blobs, found.ws, cameras), clean.pictures);
    };
    auto masked = spoilt;
    masked.mask = at::ones({1, 1, 24, 24});
    masked.mask.slice(2, 0, 6).zero_();
    const auto with = quality(masked), without = quality(spoilt);
    INFO(with << " dB with a mask, " << without << " dB without");
    CHECK(with > without + 6);
}

TEST_CASE("a search ends when nothing improves, or the time is up", "[invert]") {
    const BlobGenerator blobs;
    const auto target = support::own_head(blobs, support::some_cameras(1), 3);
    auto search = support::quick_search(100, 0.0);  // a rate of 0 improves nothing
    search.patience = 7;
    const auto settled = inverted(WInverter{search}, blobs, target).stages[0];
    CHECK((settled.end == StageSummary::End::settled));
    CHECK(settled.steps == 8);

    search = support::quick_search(1000000, 0.02);
    StreamSource<CounterRandom> random{CounterRandom(1)};
    InversionRun run{random, context};
    run.budget = 0.3;
    std::vector<std::int64_t> planned;
    double last_rate = 1.0;
    run.on_step = [&](const InversionStep& step) {
        planned.push_back(step.steps);
        last_rate = step.rate;
    };
    const auto hurried = WInverter{search}.invert(blobs, target, run);
    CHECK((hurried.stages[0].end == StageSummary::End::budget));
    CHECK(hurried.stages[0].seconds < 3.0);  // the machine may be busy
    CHECK(planned.front() == 1000000);
    if (planned.size() > 6) CHECK(planned.back() < 1000000);  // a machine that is too busy for that many has no plan
    CHECK(hurried.stages[0].first_loss > hurried.stages[0].last_loss);
}

TEST_CASE("a distance from the mean holds latents near it", "[invert]") {
    const BlobGenerator blobs;
    const auto target = support::own_head(blobs, support::some_cameras(1), 3);
    auto search = support::quick_search(100, 0.05);
    const auto away = [&](const Inversion& found) { return scalar((found.ws.tensor() - blobs.mean_latent()).norm()); };
    const auto free = away(inverted(WPlusInverter{search}, blobs, target));
    search.distance_weight = 1.0;
    CHECK(away(inverted(WPlusInverter{search}, blobs, target)) < 0.5 * free);
}

TEST_CASE("what does not fit is refused before any step", "[invert]") {
    using support::is_error;
    const BlobGenerator blobs;
    const auto target = support::own_head(blobs, support::some_cameras(2), 3);
    const WInverter inverter{support::quick_search(3, 0.05)};
    const auto with = [&](auto change) {
        auto changed = target;
        change(changed);
        return inverted(inverter, blobs, changed);
    };
    CHECK_THROWS_MATCHES(with([](InversionTarget& t) { t.cameras = t.cameras.slice(0, 1); }), Error,
                         is_error(Errc::shape_mismatch, "2 pictures"));
    CHECK_THROWS_MATCHES(with([](InversionTarget& t) {
                             t.pictures = at::zeros({2, 3, 32, 32});
                         }),
                         Error, is_error(Errc::shape_mismatch, "S = 32"));
    CHECK_THROWS_MATCHES(with([](InversionTarget& t) {
                             t.pictures = at::zeros({2, 3, 24, 20});
                         }),
                         Error, is_error(Errc::shape_mismatch, "pictures"));
    CHECK_THROWS_MATCHES(with([](InversionTarget& t) { t.pictures = t.pictures.clone().fill_(NAN); }), Error,
                         is_error(Errc::invalid_argument, "finite"));
    CHECK_THROWS_MATCHES(with([](InversionTarget& t) {
                             t.mask = at::ones({1, 1, 24, 24});
                         }),
                         Error, is_error(Errc::shape_mismatch, "mask"));
    auto none = inverter;
    none.search.terms.clear();
    CHECK_THROWS_MATCHES(inverted(none, blobs, target), Error, is_error(Errc::invalid_argument, "term"));
    auto noisy = inverter;
    noisy.search.optimise_noise = true;
    CHECK_THROWS_MATCHES(inverted(noisy, blobs, target), Error, is_error(Errc::model_mismatch, "noise"));
}
