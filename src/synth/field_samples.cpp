// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/field_samples.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <cameo/core/error.hpp>

#include "head_scene.hpp"

namespace cameo::synth {
namespace {

constexpr std::size_t per_ray = 2;
constexpr std::size_t tries = 8;  // for each ray that shall hit

void check(const FieldSampling& sampling) {
    const auto refuse = [](const std::string& what, const std::string& expected, const std::string& found) {
        throw Error(Errc::invalid_argument, "field samples: " + what + ": expected " + expected + ", got " + found);
    };
    for (const auto count : {sampling.near, sampling.free})
        if (count < 0) refuse("counts", "0 or more", std::to_string(count));
    for (const auto length : {sampling.spread, sampling.cube_side, sampling.footprint, sampling.landmark_spread})
        if (!(length > 0) || !std::isfinite(length)) refuse("lengths", "a positive number", std::to_string(length));
    if (!(sampling.at_landmarks >= 0 && sampling.at_landmarks <= 1))
        refuse("share at landmarks", "0 to 1", std::to_string(sampling.at_landmarks));
}

Vec3 as_float(const Vector3& v) noexcept {
    return {static_cast<float>(v[0]), static_cast<float>(v[1]), static_cast<float>(v[2])};
}

}  // namespace

std::vector<FieldSample> field_samples(const Head& head, const FieldSampling& sampling, CounterRandom& random) {
    check(sampling);
    const HeadScene scene{head.anatomy()};
    const auto landmarks = head.landmarks();
    const auto near = static_cast<std::size_t>(sampling.near);
    std::vector<FieldSample> samples;
    samples.reserve(near + static_cast<std::size_t>(sampling.free));
    const auto add = [&](Vec3 point) -> FieldSample& {
        const auto distance = static_cast<float>(head.distance({point.x, point.y, point.z}));
        return samples.emplace_back(FieldSample{.point = {point.x, point.y, point.z}, .distance = distance});
    };
    for (std::size_t tried = 0; samples.size() < near && tried < tries * (near / per_ray + 1); ++tried) {
        const auto camera = random_camera(sampling.poses, random);
        const auto& pose = camera.world_from_camera;
        const Vector3 origin{pose[3], pose[7], pose[11]};
        Vec3 direction{};
        if (random.uniform() < sampling.at_landmarks) {
            const auto which = static_cast<std::size_t>(random.uniform() * static_cast<double>(landmark_count));
            Vec3 aim = as_float(landmarks[std::min(which, landmark_count - 1)]);
            for (auto* coordinate : {&aim.x, &aim.y, &aim.z})
                *coordinate += static_cast<float>(sampling.landmark_spread * random.normal());
            direction = normalized(aim - as_float(origin));
        } else {
            const double u = random.uniform(), v = random.uniform();
            direction = as_float(pixel_ray(camera, u, v).direction);
        }
        const Hit hit = trace(scene, as_float(origin), direction, 0.0F, true);
        if (!hit) continue;
        FaceLabel label{};
        const auto colour =
            scene.shade(hit, scene.lighting(hit), direction, static_cast<float>(sampling.footprint), label);
        for (std::size_t i = 0; i < per_ray && samples.size() < near; ++i) {
            auto& sample = add(hit.point + hit.normal * static_cast<float>(sampling.spread * random.normal()));
            sample.colour = {colour.x, colour.y, colour.z};
            sample.coloured = true;
        }
    }
    while (samples.size() < near + static_cast<std::size_t>(sampling.free)) {
        Vec3 point{};
        for (auto* coordinate : {&point.x, &point.y, &point.z})
            *coordinate = static_cast<float>(sampling.cube_side * (random.uniform() - 0.5));
        add(point);
    }
    return samples;
}

}  // namespace cameo::synth
