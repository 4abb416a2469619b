// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/minibatch_stddev.hpp>

#include <algorithm>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::ops {

at::Tensor append_minibatch_stddev(const at::Tensor& x, std::int64_t group_size) {
    ShapeCheck().expect("x", x, "[N, C, H, W]");
    const auto count = x.size(0), size = std::min(group_size, count);
    if (size < 1 || count % size != 0)
        throw Error(Errc::invalid_argument, "minibatch deviation: expected a group size that divides " +
                                                std::to_string(count) + " pictures, got " + std::to_string(size));
    const auto groups = x.reshape({size, count / size, x.size(1), x.size(2), x.size(3)});
    const auto centred = groups - groups.mean(0, true);
    const auto deviation = (centred.square().mean(0) + 1e-8).sqrt().mean({1, 2, 3});
    const auto channel = deviation.view({-1, 1, 1, 1}).repeat({size, 1, x.size(2), x.size(3)});
    return at::cat({x, channel}, 1);
}

}  // namespace cameo::ops
