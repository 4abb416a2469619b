// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include <ATen/core/Tensor.h>

namespace cameo {

/// Sees the result of every layer as it is computed, under the layer's name in files, and of each block's two results
/// ".x" and ".img". May be empty. Lifetime: what it keeps stays in memory
using LayerObserver = std::function<void(const std::string& layer, const at::Tensor& result)>;

}  // namespace cameo
