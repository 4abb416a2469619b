// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include <cameo/core/tensor_state.hpp>
#include <cameo/io/npz.hpp>

#include "support/golden.hpp"

namespace cameo::support {

/// The arrays of a golden .npz as tensors, read when asked for:
///
///     const auto arrays = support::golden_arrays("eg3d/cameras.npz");
///     if (!arrays) return;
///     const auto poses = (*arrays)["pose_gaussian"];
class GoldenArrays {
  public:
    explicit GoldenArrays(StateDict arrays) : arrays_(std::move(arrays)) {}

    /// Errors   bad_file, naming an array that is not there
    [[nodiscard]] at::Tensor operator[](const std::string& name) const { return owned_tensor(arrays_.at(name), name); }
    [[nodiscard]] bool contains(const std::string& name) const { return arrays_.contains(name); }

  private:
    StateDict arrays_;
};

/// Empty, after saying so, when this set of golden data lacks the file.
inline std::optional<GoldenArrays> golden_arrays(const std::string& name) {
    const auto path = golden(name);
    if (!path) return std::nullopt;
    return GoldenArrays(io::read_npz(*path));
}

}  // namespace cameo::support
