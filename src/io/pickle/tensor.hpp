// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <cameo/core/state_dict.hpp>

#include "io/pickle/value.hpp"

namespace cameo::io::pickle {

/// Why a view of `numel` elements by shape and stride is not inside its storage, in words; empty when it is. Nothing is
/// allocated and every product is checked for overflow.
[[nodiscard]] std::optional<std::string> fault_of(std::int64_t first, std::span<const std::int64_t> shape,
                                                  std::span<const std::int64_t> stride, std::int64_t numel,
                                                  std::size_t max_rank);

/// The strides of C order.
[[nodiscard]] std::vector<std::int64_t> c_order(std::span<const std::int64_t> shape);

/// Whether walking the tensor in C order walks its storage without a step aside.
[[nodiscard]] bool is_contiguous(const Tensor& tensor) noexcept;

/// The tensor as the rest of cameo knows it. A contiguous one is a view of the file; a strided one is put in order
/// piece by piece whenever it is streamed. The graph's backing stays alive with it. Errors   bad_file when the file
/// never showed the storage's bytes
[[nodiscard]] StoredTensor stored(const Graph& graph, const Tensor& tensor);

}  // namespace cameo::io::pickle
