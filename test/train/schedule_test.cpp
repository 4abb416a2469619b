// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/schedule.hpp>

#include <cmath>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace cameo;

TEST_CASE("the raw resolution fades as published", "[train][schedule]") {
    const Fade side{64, 128, 1e6};
    CHECK(std::nearbyint(side.at(7812)) == 64);
    CHECK(std::nearbyint(side.at(10000)) == 65);
    CHECK(std::nearbyint(side.at(23438)) == 66);
    CHECK(std::nearbyint(side.at(500000)) == 96);
    CHECK(side.at(5000000) == 128);
    CHECK(Fade{10, 0, 0}.at(0) == 0);  // nothing to go over
}

TEST_CASE("a cosine ends where it was told to, after its warm-up", "[train][schedule]") {
    const LearningRate rate{.shape = LearningRate::Shape::cosine, .warm_up = 10, .last = 0.1};
    CHECK(rate.factor(0, 1000) == Approx(0.1));
    CHECK(rate.factor(500, 1000) == Approx(0.55));
    CHECK(rate.factor(1000, 1000) == Approx(0.1));
    CHECK(rate.factor(9, 1000) == Approx(1.0).epsilon(1e-3));
    CHECK(LearningRate{}.factor(77, 100) == 1.0);
}

TEST_CASE("the average forgets nothing at first images and by halves later", "[train][schedule]") {
    const MovingAverage average{.half_life = 1000, .ramp_up = 0.05};
    CHECK(average.remaining(0, 8) == 0.0);
    CHECK(average.remaining(1000, 50) == Approx(0.5));       // at most 5 % of the images seen
    CHECK(average.remaining(1000000, 1000) == Approx(0.5));  // then the half-life
    const auto slow = at::zeros({2}), fast = at::ones({2}) * 3;
    average.update({{"x", slow}}, {{"x", fast}}, 0, 8);
    CHECK(support::same(slow, fast));
    const auto next = at::ones({2});
    average.update({{"x", slow}}, {{"x", next}}, 1000, 50);
    CHECK(support::difference(slow, at::full({2}, 2.0)) < 1e-6);
}
