// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>

#include <cameo/core/dtype.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>

namespace cameo {

/// Between the types of files and LibTorch's. Errors: invalid_argument: a type that no file of ours may hold
[[nodiscard]] CAMEO_API at::ScalarType to_aten(DType dtype) noexcept;
[[nodiscard]] CAMEO_API DType from_aten(at::ScalarType type);

/// A stored tensor as a tensor on the CPU. Bytes that lie in memory in order and aligned are used where they are, else
/// they are copied; the tensor keeps their owner alive.
/// Errors   bad_file, naming `name`: those of the source, a boolean that is neither 0 nor 1; out_of_memory
/// Quirk    for reading only. A mapped file is write-protected, so writing in place ends the process: clone() first, or
///          take owned_tensor()
[[nodiscard]] CAMEO_API at::Tensor tensor(const StoredTensor& stored, std::string_view name);

/// The same in memory of its own, to be trained or moved.
[[nodiscard]] CAMEO_API at::Tensor owned_tensor(const StoredTensor& stored, std::string_view name);

/// A tensor as something that can be stored: shares memory when it is contiguous on the CPU, else copies. What is
/// written into the tensor before the file is written goes into the file.
/// Errors   invalid_argument: a type that no file of ours may hold, a layout that is not strided, no tensor
[[nodiscard]] CAMEO_API StoredTensor stored(const at::Tensor& tensor);

}  // namespace cameo
