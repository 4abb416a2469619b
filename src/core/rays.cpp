// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/rays.hpp>

#include <string>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "core/tensor_check.hpp"

namespace cameo {

RayBundle RayBundle::slice(std::int64_t first, std::int64_t count) const {
    if (first < 0 || count < 0 || first > rays() - count)
        throw Error(Errc::invalid_argument, "rays: expected a part of " + std::to_string(rays()) + ", got " +
                                                std::to_string(count) + " from number " + std::to_string(first));
    return {origin.narrow(1, first, count), direction.narrow(1, first, count)};
}

void check(const RayBundle& rays) {
    ShapeCheck().expect("rays.direction", rays.direction, "[N, R, 3]").expect("rays.origin", rays.origin, "[N, R, 3]");
    check_floating("rays.direction", rays.direction);
    check_alike("rays.origin", rays.origin, "rays.direction", rays.direction);
}

}  // namespace cameo
