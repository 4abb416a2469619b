// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_scores.hpp>

#include <algorithm>
#include <cmath>
#include <stop_token>

#include <cameo/core/counter_random.hpp>
#include <cameo/pipeline/paired_heads.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;

namespace {

Eg3d tiny_head_generator() {
    auto config = support::tiny_eg3d_config();
    config.z_dim = synth::number_count;
    config.white_background = true;
    return support::tiny_eg3d(config);
}

}  // namespace

TEST_CASE("heads are scored one by one, seen from anywhere alike", "[pipeline]") {
    const auto generator = tiny_head_generator();
    const auto scores = score_heads(generator, {.heads = 3, .antialiasing = 1});
    REQUIRE(scores.size() == 3);
    PairedHeadsOptions data{.picture_interval = 1};
    data.heads = {.first_identity = synth::first_test_seed,
                  .identities = 3,
                  .poses = even_poses,
                  .view = {.size = 32, .samples = 1},
                  .for_tests = true};
    data.points = {.near = 1, .free = 0};
    StreamSource<CounterRandom> none;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        CHECK((scores[i].numbers == synth::numbers_of_seed(synth::first_test_seed + static_cast<std::uint32_t>(i))));
        const auto alone = paired_scores(generator, PairedHeads(data).batch(static_cast<std::int64_t>(i), 1), none);
        CHECK(scores[i].scores.psnr == alone.psnr);
        CHECK(scores[i].scores.mask_iou == alone.mask_iou);
        const auto camera = synth::HeadSet(data.heads).camera(static_cast<std::int64_t>(i));
        // Of the two ways round the sphere, the one that the angle says.
        const auto turned = orbit_degrees(scores[i].yaw, 0, even_poses.radius, ffhq_cameras.pivot);
        CHECK(turned[3] * camera.world_from_camera[11] == Approx(turned[11] * camera.world_from_camera[3]));
        CHECK(turned[11] * camera.world_from_camera[11] > 0);
    }
    const auto mean = mean_of(scores);
    CHECK(mean.psnr == Approx((scores[0].scores.psnr + scores[1].scores.psnr + scores[2].scores.psnr) / 3));
    CHECK(mean.depth_error > 0.0);

    CounterRandom random(7);
    double sum = 0.0, most = 0.0;
    constexpr int draws = 4000;
    for (int i = 0; i < draws; ++i) {
        const auto at = synth::random_camera(even_poses, random).world_from_camera;
        const auto yaw = std::abs(std::atan2(at[3], at[11])) * 57.29578;
        sum += yaw;
        most = std::max(most, yaw);
    }
    CHECK(sum / draws == Approx(20).margin(0.6));  // half of the limit; 3 deviations
    CHECK(most < 40.0001);
    CHECK(most > 39.5);
}

TEST_CASE("only generators of procedural heads have scores", "[pipeline]") {
    CHECK_THROWS_MATCHES(score_heads(support::tiny_eg3d(), {.heads = 1}), Error,
                         support::is_error(Errc::model_mismatch, "64 numbers; got a z of 16"));
    CHECK_THROWS_MATCHES(score_heads(tiny_head_generator(), {.heads = 0}), Error,
                         support::is_error(Errc::invalid_argument, "identities"));
    CHECK_THROWS_MATCHES(mean_of({}), Error, support::is_error(Errc::invalid_argument, "scores"));
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_MATCHES(score_heads(tiny_head_generator(), {.heads = 1}, Context{.stop = stop.get_token()}), Error,
                         support::is_error(Errc::cancelled));
}
