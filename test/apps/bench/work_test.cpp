// SPDX-License-Identifier: Apache-2.0
#include "bench/work.hpp"

#include "support/catch.hpp"

using namespace cameo;
using namespace cameo::apps::bench;

TEST_CASE("the full size's arithmetic is what counting its operations gave", "[apps][bench]") {
    // GFLOP of EG3D FFHQ 512-128, counted by hooks on the operations of the published code.
    const Eg3dConfig config;
    const auto backbone = backbone_flop(config) / 1e9, upsampler = upsampler_flop(config) / 1e9,
               renderer = picture_samples(config) * sample_flop(config) / 1e9;
    CHECK(mapping_flop(config) / 1e9 == Approx(0.002).margin(5e-4));
    CHECK(backbone == Approx(93.9).margin(0.05));
    CHECK(renderer == Approx(14.3).margin(0.05));
    CHECK(upsampler == Approx(197.6).margin(0.05));
    CHECK(backbone + renderer + upsampler == Approx(305.8).margin(0.05));
    CHECK(renderer + upsampler == Approx(211.9).margin(0.05));
    CHECK(picture_samples(config) == 1572864);
}

TEST_CASE("a convolution's arithmetic is two for each weight and pixel", "[apps][bench]") {
    CHECK(convolution_flop(256, 256, 3, 256) / 1e9 == Approx(77.3).margin(0.05));
    CHECK(convolution_flop(512, 512, 3, 64) / 1e9 == Approx(19.3).margin(0.05));
    CHECK(convolution_flop(7, 5, 1, 3) == 2 * 7 * 5 * 9);
    CHECK(doubling_flop(256, 128, 256) / 1e9 == Approx(38.7 + 2 * 16 * 128 * 512.0 * 512.0 / 1e9).margin(0.05));
}
