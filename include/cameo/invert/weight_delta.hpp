// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>
#include <cameo/generate/parameters.hpp>

namespace cameo {

/// What tuning did to parameters, to be kept in a file: tensors that did not change are left out, the others stand under
/// "values.NAME", bit for bit. With a limit that this exceeds, matrices are kept as the sum of `original` and the product
/// of "left.NAME" [M, r] and "right.NAME" [r, N] times "scale.NAME", in half precision: of all matrices together those
/// directions that carry most of the change a byte; small tensors stay exact.
/// Errors   model_mismatch: other names or shapes; invalid_argument: a limit that not even the small tensors keep
/// Quirk    the low-rank form needs time: some seconds for a published model
[[nodiscard]] CAMEO_API StateDict weight_delta(const NamedTensors& original, const NamedTensors& tuned,
                                               std::uint64_t max_bytes = 0);

/// The other way round: all parameters, tuned. Shapes: as `original`
/// Errors   model_mismatch: tensors that `original` does not have in this shape; bad_file: no such delta
[[nodiscard]] CAMEO_API NamedTensors with_delta(const NamedTensors& original, const StateDict& delta);

}  // namespace cameo
