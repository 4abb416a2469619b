// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/head.hpp>

#include <cmath>
#include <string>

#include <cameo/core/error.hpp>

#include "head_scene.hpp"
#include "landmarks.hpp"

namespace cameo::synth {
namespace {

Vec3 single(const Vector3& v) noexcept {
    return {static_cast<float>(v[0]), static_cast<float>(v[1]), static_cast<float>(v[2])};
}
Vector3 wide(Vec3 v) noexcept { return {v.x, v.y, v.z}; }

}  // namespace

Head::Head(const HeadNumbers& numbers, const Accessories& accessories) : numbers_(numbers), accessories_(accessories) {
    for (const NumberInfo& row : number_table())
        if (!std::isfinite(numbers[row.number]))
            throw Error(Errc::invalid_argument, "head: expected finite numbers, got " +
                                                    std::to_string(numbers[row.number]) + " for " +
                                                    std::string(row.name));
    anatomy_ = std::make_shared<const Anatomy>(make_anatomy(numbers, accessories));
}

double Head::distance(const Vector3& point) const noexcept { return head_surface(*anatomy_, single(point)).distance; }

PointSample Head::sample(const Vector3& point) const noexcept {
    constexpr float footprint = 0.004F;
    const HeadScene scene{*anatomy_};
    const Vec3 p = single(point);
    const Surface surface = scene.surface(p);
    Hit hit{0.0F, p, scene.normal(p, surface.part), surface.part};
    hit.point = p - hit.normal * surface.distance;
    PointSample sample;
    sample.distance = surface.distance;
    sample.normal = wide(hit.normal);
    const Material material = material_at(*anatomy_, hit.point, hit.normal, hit.part, footprint);
    sample.albedo = {material.albedo.x, material.albedo.y, material.albedo.z};
    const Vec3 colour = scene.shade(hit, scene.lighting(hit), -hit.normal, footprint, sample.label);
    sample.colour = {colour.x, colour.y, colour.z};
    return sample;
}

std::array<Vector3, landmark_count> Head::landmarks() const noexcept {
    std::array<Vector3, landmark_count> out{};
    const auto points = landmarks_of(*anatomy_);
    for (std::size_t i = 0; i < landmark_count; ++i) out[i] = wide(points[i]);
    return out;
}

}  // namespace cameo::synth
