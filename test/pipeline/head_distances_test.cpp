// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_distances.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;

TEST_CASE("heads are nearer to heads than what an untrained generator draws", "[pipeline]") {
    auto config = support::tiny_eg3d_config();
    config.z_dim = synth::number_count;
    config.white_background = true;
    const auto generator = support::tiny_eg3d(config);
    const HeadDistanceOptions options{.pictures = 8, .antialiasing = 1};
    const auto levels = head_distances(generator, options);
    REQUIRE(levels.size() == 2);
    for (const auto& level : levels) {
        INFO(level.side);
        CHECK(level.truth > 0.0);
        CHECK(level.generated > 1.5 * level.truth);
    }
    CHECK(levels[0].side == 32);
    const auto again = head_distances(generator, options);
    CHECK(again[1].generated == levels[1].generated);
    CHECK_THROWS_MATCHES(head_distances(support::tiny_eg3d(), options), Error,
                         support::is_error(Errc::model_mismatch, "64 numbers"));
}
