// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/field_samples.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <cameo/core/error.hpp>
#include <cameo/synth/view.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;
using namespace cameo::synth;

TEST_CASE("samples of a head's field are true, near its surface and anywhere", "[synth][field_samples]") {
    const Head head(numbers_of_seed(11));
    CounterRandom random(1);
    const FieldSampling sampling{.near = 301, .free = 100, .spread = 0.01, .cube_side = 0.8, .at_landmarks = 0};
    const auto samples = field_samples(head, sampling, random);
    REQUIRE(samples.size() == 401);
    int close = 0, far = 0, behind = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const auto& sample = samples[i];
        const Vector3 point{sample.point[0], sample.point[1], sample.point[2]};
        CHECK(std::abs(sample.distance - head.distance(point)) < 1e-5);
        CHECK(sample.coloured == (i < 301));
        if (i < 301) {
            close += std::abs(sample.distance) < 0.03F;
            behind += point[2] < 0;
            for (const auto channel : sample.colour) CHECK((channel >= 0.0F && channel <= 1.0F));
        } else {
            far += std::abs(sample.distance) > 0.05F;
            for (const auto coordinate : point) CHECK(std::abs(coordinate) <= 0.4);
        }
    }
    CHECK(close > 285);
    CHECK(behind > 10);  // rays come from all sides
    CHECK(far > 50);
}

TEST_CASE("a sample has the colour that a picture shows at its place", "[synth][field_samples]") {
    const Head head(numbers_of_seed(14));
    // One camera, exactly: no deviation.
    FieldSampling sampling{.near = 400, .free = 0, .spread = 1e-4};
    sampling.poses = {.yaw_deviation = 0, .pitch_deviation = 0};
    CounterRandom random(4), same(5);
    const auto camera = random_camera(sampling.poses, same);
    const auto picture = view(head, camera, {.size = 256});
    const auto samples = field_samples(head, sampling, random);
    const auto rgb = picture.rgb.values<std::uint8_t>();
    double error = 0;
    for (const auto& sample : samples) {
        const auto place = project(camera, {sample.point[0], sample.point[1], sample.point[2]});
        REQUIRE(place.has_value());
        const auto column = std::min<std::size_t>(static_cast<std::size_t>((*place)[0] * 256), 255),
                   row = std::min<std::size_t>(static_cast<std::size_t>((*place)[1] * 256), 255);
        for (std::size_t c = 0; c < 3; ++c)
            error += std::abs(sample.colour[c] - static_cast<float>(rgb[3 * (row * 256 + column) + c]) / 255.0F);
    }
    CHECK(error / (3 * 400) < 0.03);
}

TEST_CASE("rays can aim at landmarks", "[synth][field_samples]") {
    const Head head(numbers_of_seed(15));
    const auto near_landmarks = [&](double share) {
        FieldSampling sampling{.near = 400, .free = 0, .at_landmarks = share, .landmark_spread = 0.01};
        sampling.poses.yaw_limit = sampling.poses.pitch_limit = 20;  // landmarks face the camera
        CounterRandom random(6);
        int count = 0;
        for (const auto& sample : field_samples(head, sampling, random))
            count += std::ranges::any_of(head.landmarks(), [&](const Vector3& landmark) {
                return std::hypot(sample.point[0] - landmark[0], sample.point[1] - landmark[1],
                                  sample.point[2] - landmark[2]) < 0.04;
            });
        return count;
    };
    CHECK(near_landmarks(1) > 340);
    CHECK(near_landmarks(0) < 240);
}

TEST_CASE("equal random numbers give equal samples", "[synth][field_samples]") {
    const Head head(numbers_of_seed(12));
    CounterRandom one(2), two(2);
    const FieldSampling sampling{.near = 20, .free = 20};
    const auto a = field_samples(head, sampling, one), b = field_samples(head, sampling, two);
    for (std::size_t i = 0; i < a.size(); ++i) {
        CHECK(a[i].point == b[i].point);
        CHECK(a[i].distance == b[i].distance);
    }
    CHECK(one == two);
}

TEST_CASE("rays that never meet the head leave points anywhere, as many", "[synth][field_samples]") {
    const Head head(numbers_of_seed(13));
    FieldSampling sampling{.near = 10, .free = 5, .at_landmarks = 0};
    sampling.poses.focal = 1e6;  // so narrow that the rays are one
    sampling.poses.yaw_deviation = sampling.poses.pitch_deviation = 0;
    CounterRandom random(3);
    CHECK(field_samples(head, sampling, random).front().coloured);  // the nose
    sampling.poses.focal = 1e-6;                                    // so wide that all pass
    const auto samples = field_samples(head, sampling, random);
    CHECK(samples.size() == 15);
    for (const auto& sample : samples) CHECK_FALSE(sample.coloured);
}

TEST_CASE("sampling that cannot be meant is refused", "[synth][field_samples]") {
    const Head head(numbers_of_seed(13));
    CounterRandom random(3);
    CHECK_THROWS_MATCHES(field_samples(head, {.near = -1}, random), Error,
                         support::is_error(Errc::invalid_argument, "counts"));
    CHECK_THROWS_MATCHES(field_samples(head, {.spread = 0}, random), Error,
                         support::is_error(Errc::invalid_argument, "lengths"));
}
