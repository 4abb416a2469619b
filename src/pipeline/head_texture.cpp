// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_texture.hpp>

#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/camera.hpp>
#include <cameo/core/image_tensor.hpp>
#include <cameo/shape/texture.hpp>
#include <cameo/shape/uv_atlas.hpp>

#include "pipeline/raw_views.hpp"

namespace cameo {
namespace {

/// All around the middle of the box, more of them where a face is.
std::vector<Camera> around(const Eg3dConfig& config) {
    std::vector<std::pair<double, double>> angles;
    for (const double yaw : {0.0, -25.0, 25.0, -50.0, 50.0, -80.0, 80.0, -120.0, 120.0, 180.0})
        angles.emplace_back(yaw, 0);
    for (const double pitch : {35.0, -30.0})
        for (const double yaw : {0.0, -55.0, 55.0}) angles.emplace_back(yaw, pitch);
    angles.emplace_back(180, 45);
    std::vector<Camera> views;
    for (const auto& [yaw, pitch] : angles)
        views.push_back({orbit_degrees(yaw, pitch, config.camera_radius),
                         intrinsics_from_focal(box_focal * config.camera_radius / 2.7 / config.box_side)});
    return views;
}

}  // namespace

TexturedMesh textured_head(const Eg3d& model, const Eg3d::Scene& scene, const Mesh& mesh,
                           const HeadTextureOptions& options, const Context& context) {
    TexturedMesh head{with_atlas(mesh, {.size = options.size}, context), {}};
    if (head.mesh.normals.empty()) head.mesh.normals = vertex_normals(head.mesh);
    const auto views = around(model.config());
    const auto side =
        options.view_side > 0 ? options.view_side : std::clamp<std::int64_t>(2 * model.raw_resolution({}), 192, 384);
    const auto pictures = raw_views(model, scene, views, side, context);
    std::vector<TextureView> seen;
    for (std::size_t i = 0; i < views.size(); ++i)
        seen.push_back({views[i], to_image(pictures[static_cast<std::int64_t>(i)] * 2 - 1)});
    head.base_colour = baked_texture(head.mesh, seen, options.size, context);
    head.mesh.colours.clear();
    return head;
}

}  // namespace cameo
