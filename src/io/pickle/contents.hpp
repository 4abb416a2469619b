// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cameo/io/checkpoint.hpp>

#include "io/pickle/value.hpp"

namespace cameo::io::pickle {

/// Sorts what a graph's root holds into networks, state dicts, single tensors and plain values.
/// Errors   bad_file: nothing of the kind in it; tensors that are unnamed, named twice or, as views of the same bytes,
///          more than a file of this size can mean
[[nodiscard]] Checkpoint contents_of(const Graph& graph, CheckpointFormat format);

}  // namespace cameo::io::pickle
