// SPDX-License-Identifier: Apache-2.0
#include "bench/replay.hpp"

#include <string>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

namespace cameo::apps::bench {

template <class Draw>
at::Tensor Replay::next(at::IntArrayRef shape, const Draw& draw) {
    if (next_ == drawn_.size()) drawn_.push_back(draw());
    const auto& tensor = drawn_[next_++];
    if (tensor.sizes() != shape)
        throw Error(Errc::internal,
                    "random numbers: expected " + shape_text(tensor.sizes()) + " as before, got " + shape_text(shape));
    return tensor;
}

at::Tensor Replay::uniform(at::IntArrayRef shape, const at::TensorOptions& options) {
    return next(shape, [&] { return source_.uniform(shape, options); });
}

at::Tensor Replay::normal(at::IntArrayRef shape, const at::TensorOptions& options) {
    return next(shape, [&] { return source_.normal(shape, options); });
}

}  // namespace cameo::apps::bench
