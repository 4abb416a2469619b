// SPDX-License-Identifier: Apache-2.0
#include "bench/replay.hpp"

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;
using apps::bench::Replay;

TEST_CASE("replayed numbers are the same ones in the same order", "[apps][bench]") {
    Replay random(5);
    const auto first = random.uniform({3, 2}, at::kFloat), second = random.normal({4}, at::kFloat);
    CHECK((first - random.drawn()[0]).abs().max().item<float>() == 0.0f);
    random.rewind();
    CHECK(random.uniform({3, 2}, at::kFloat).is_same(first));
    CHECK(random.normal({4}, at::kFloat).is_same(second));
    CHECK_FALSE(at::equal(random.normal({4}, at::kFloat), second));  // after the last, new ones
    CHECK(random.drawn().size() == 3);
    random.rewind();
    CHECK_THROWS_MATCHES(random.uniform({2, 3}, at::kFloat), Error, support::is_error(Errc::internal, "[3, 2]"));
}
