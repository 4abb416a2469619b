// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace cameo {

/// The processes that train one model together, seen from one of them. Laws (test/train/process_group_test.cpp): all
/// make the same calls in the same order with tensors of one shape and type, on any device; after sum() each holds the
/// sum with the same bits, after broadcast() what process 0 held. Calls come from one thread at a time.
/// Errors   peer_lost: another process died, or did not make the call in time
template <class P>
concept ProcessGroup = std::movable<P> && requires(P& group, const P& kept, const at::Tensor& tensor) {
    { kept.rank() } -> std::same_as<std::int64_t>;  // from 0 to size() - 1
    { kept.size() } -> std::same_as<std::int64_t>;
    { group.sum(tensor) } -> std::same_as<void>;  // in place, as the next
    { group.broadcast(tensor) } -> std::same_as<void>;
};

}  // namespace cameo
