// SPDX-License-Identifier: Apache-2.0
#include "synth/math.hpp"

#include "support/catch.hpp"

#include <cmath>

using namespace cameo::synth;

TEST_CASE("own elementary functions agree with the C library", "[synth][math]") {
    for (float v = -20.0F; v <= 20.0F; v += 0.037F) {
        INFO("v = " << v);
        CHECK(std::abs(exp_of(v) / std::exp(static_cast<double>(v)) - 1.0) < 1e-6);
        CHECK(std::abs(tanh_of(v) - std::tanh(static_cast<double>(v))) < 1e-6);
        CHECK(std::abs(sin_of(v) - std::sin(static_cast<double>(v))) < 4e-6);
        CHECK(std::abs(cos_of(v) - std::cos(static_cast<double>(v))) < 4e-6);
        for (const float w : {-3.0F, -0.2F, 0.4F, 5.0F})
            CHECK(std::abs(atan2_of(v, w) - std::atan2(static_cast<double>(v), static_cast<double>(w))) < 2e-5);
    }
}

TEST_CASE("a smooth minimum is the minimum outside its blending range and never above it", "[synth][math]") {
    for (float a = -1.0F; a < 1.0F; a += 0.07F)
        for (float b = -1.0F; b < 1.0F; b += 0.05F) {
            CHECK(smooth_min(a, b, 0.2F) <= std::min(a, b));
            CHECK(smooth_min(a, b, 0.2F) == smooth_min(b, a, 0.2F));
            CHECK(smooth_max(a, b, 0.2F) == -smooth_min(-a, -b, 0.2F));
            if (std::abs(a - b) >= 0.2F) CHECK(smooth_min(a, b, 0.2F) == std::min(a, b));
        }
}

TEST_CASE("noise stays within [-1, 1], is continuous across its lattice and has no mean", "[synth][math]") {
    double sum = 0;
    int count = 0;
    for (float x = -7.3F; x < 7.0F; x += 0.31F)
        for (float y = -6.1F; y < 6.0F; y += 0.37F) {
            const Vec3 p{x, y, x * 0.7F - y};
            const float value = noise(p);
            CHECK(std::abs(value) <= 1.0F);
            CHECK(std::abs(noise(p + Vec3{1e-3F, -1e-3F, 1e-3F}) - value) < 0.02F);
            sum += value;
            ++count;
        }
    CHECK(std::abs(sum / count) < 0.05);
    for (const float edge : {-2.0F, 0.0F, 3.0F})
        CHECK(std::abs(noise({edge - 1e-4F, 0.3F, 0.6F}) - noise({edge + 1e-4F, 0.3F, 0.6F})) < 1e-3F);
}
