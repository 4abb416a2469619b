// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace cameo {

/// A tensor of a network under its name in files. Shares memory with the network: requires_grad_() and in-place changes
/// reach it.
struct NamedTensor {
    std::string name;
    at::Tensor tensor;
};

using NamedTensors = std::vector<NamedTensor>;

}  // namespace cameo
