// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_texture.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/pipeline/head_mesh.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/painted_ball.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::scalar;

TEST_CASE("a head's texture has the field's colours", "[pipeline][texture]") {
    const auto model = support::ball_generator();
    const auto scene = support::painted_ball(model);
    const c10::NoGradGuard no_gradient;
    const auto head = head_mesh(model, scene, {.side = 40}, {});
    const auto textured = textured_head(model, scene, head.mesh, {.size = 256, .view_side = 96}, {});
    CHECK_NOTHROW(check(textured.mesh));
    CHECK(textured.mesh.colours.empty());
    CHECK(textured.mesh.triangles.size() == head.mesh.triangles.size());
    REQUIRE(textured.base_colour.width() == 256);
    const auto field = model.field(scene);
    double sum = 0;
    const auto count = textured.mesh.positions.size();
    for (std::size_t i = 0; i < count; i += 7) {
        const auto& p = textured.mesh.positions[i];
        const auto own = field.query(at::tensor({p[0], p[1], p[2]}).view({1, 1, 3})).feature[0][0];
        const auto place = [&](float c) { return std::min<std::int64_t>(static_cast<std::int64_t>(c * 256), 255); };
        const auto row = textured.base_colour.row<std::uint8_t>(place(textured.mesh.uv[i][1]));
        for (std::int64_t k = 0; k < 3; ++k)
            sum += std::abs(static_cast<double>(row[static_cast<std::size_t>(3 * place(textured.mesh.uv[i][0]) + k)]) -
                            255 * scalar(own[k])) /
                   3;
    }
    CHECK(sum / (static_cast<double>(count) / 7) < 8);
    CHECK_THROWS_MATCHES(textured_head(model, scene, head.mesh, {.size = 8}, {}), Error,
                         support::is_error(Errc::invalid_argument, "32 to 8192"));
}
