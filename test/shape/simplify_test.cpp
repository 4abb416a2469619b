// SPDX-License-Identifier: Apache-2.0
#include <cameo/shape/simplify.hpp>

#include <cmath>

#include <cameo/shape/iso_surface.hpp>

#include "shape/grids.hpp"
#include "support/catch.hpp"

using namespace cameo;

TEST_CASE("a simplified ball is a ball still, closed and coloured", "[shape][simplify]") {
    auto ball =
        iso_surface(support::sampled_grid(
                        41, 1.0, [](double x, double y, double z) { return 0.3 - std::sqrt(x * x + y * y + z * z); }),
                    0.0F);
    for (const auto& p : ball.positions) ball.colours.push_back({p[1] > 0 ? 1.0F : 0.0F, 0.5F, 0});
    ball.normals = vertex_normals(ball);
    const auto few = simplified(ball, 1500);
    CHECK_NOTHROW(check(few));
    CHECK(few.triangles.size() <= 1500);
    CHECK(few.triangles.size() > 1000);
    CHECK(is_watertight(few));
    CHECK(signed_volume(few) == Approx(signed_volume(ball)).epsilon(0.02));
    for (std::size_t i = 0; i < few.positions.size(); ++i) {
        const auto& p = few.positions[i];
        CHECK(std::hypot(p[0], p[1], p[2]) == Approx(0.3).margin(2e-3));
        CHECK(few.colours[i][0] == (p[1] > 0 ? 1.0F : 0.0F));
    }
    CHECK(few.normals.size() == few.positions.size());
    CHECK(simplified(few, 5000) == few);
}
