// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/view.hpp>

#include <string>

#include <cameo/core/error.hpp>

#include "head_scene.hpp"

namespace cameo::synth {
namespace {

void check(const ViewOptions& options) {
    if (options.size < 1 || options.size > 4096)
        throw Error(Errc::invalid_argument, "size: expected 1 to 4096, got " + std::to_string(options.size));
    if (options.samples < 1 || options.samples > 8)
        throw Error(Errc::invalid_argument, "samples: expected 1 to 8, got " + std::to_string(options.samples));
}

std::uint8_t byte(float v) noexcept { return static_cast<std::uint8_t>(saturate(v) * 255.0F + 0.5F); }

}  // namespace

HeadView view(const Head& head, const Camera& camera, const ViewOptions& options) {
    check(options);
    cameo::check(camera);
    const HeadScene scene{head.anatomy()};
    const auto channel = [&](std::size_t i) { return static_cast<float>(options.background[i]) * (1.0F / 255.0F); };
    const auto pixels = raster(scene, camera, options.size, options.samples, Vec3{channel(0), channel(1), channel(2)});

    const auto size = options.size;
    HeadView out{.rgb = Image(size, size, 3, srgb8),
                 .opacity = Image(size, size, 1, data_float),
                 .depth = Image(size, size, 1, data_float),
                 .depth_z = Image(size, size, 1, data_float),
                 .normals = Image(size, size, 3, data_float),
                 .labels = LabelMap(size, size),
                 .landmarks = {},
                 .camera = camera,
                 .numbers = head.numbers(),
                 .accessories = head.accessories()};
    const auto& pose = camera.world_from_camera;
    const Vec3 origin{static_cast<float>(pose[3]), static_cast<float>(pose[7]), static_cast<float>(pose[11])};
    const Vec3 forward{static_cast<float>(pose[2]), static_cast<float>(pose[6]), static_cast<float>(pose[10])};
    const auto rgb = out.rgb.values<std::uint8_t>();
    const auto opacity = out.opacity.values<float>(), depth = out.depth.values<float>(),
               depth_z = out.depth_z.values<float>(), normals = out.normals.values<float>();
    const auto labels = out.labels.labels();
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        const Pixel& pixel = pixels[i];
        const Hit& hit = pixel.centre.hit;
        rgb[3 * i] = byte(pixel.colour.x);
        rgb[3 * i + 1] = byte(pixel.colour.y);
        rgb[3 * i + 2] = byte(pixel.colour.z);
        opacity[i] = pixel.opacity;
        labels[i] = pixel.centre.label;
        if (!hit) continue;
        depth[i] = hit.distance;
        depth_z[i] = dot(hit.point - origin, forward);
        normals[3 * i] = hit.normal.x;
        normals[3 * i + 1] = hit.normal.y;
        normals[3 * i + 2] = hit.normal.z;
    }

    const auto points = head.landmarks();
    for (std::size_t i = 0; i < landmark_count; ++i) {
        ViewLandmark& mark = out.landmarks[i];
        mark.point = points[i];
        const auto place = project(camera, points[i]);
        if (!place) continue;
        mark.u = (*place)[0];
        mark.v = (*place)[1];
        if (mark.u < 0 || mark.u > 1 || mark.v < 0 || mark.v > 1) continue;
        const Vec3 p{static_cast<float>(points[i][0]), static_cast<float>(points[i][1]),
                     static_cast<float>(points[i][2])};
        constexpr float tolerance = 0.012F;  // landmarks on an outline lie where the ray only just passes
        const Hit hit = trace(scene, origin, normalized(p - origin), 0.0F);
        mark.visible = !hit || hit.distance > length(p - origin) - tolerance;
    }
    return out;
}

}  // namespace cameo::synth
