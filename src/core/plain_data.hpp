// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

// How kernels take tensors, which may be undefined: one number behind the other, without a gradient.

namespace cameo::detail {

inline const float* data(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

inline at::Tensor plain(const at::Tensor& tensor) { return tensor.defined() ? tensor.detach().contiguous() : tensor; }

}  // namespace cameo::detail
