// SPDX-License-Identifier: Apache-2.0
#include <cameo/ops/reference_ops.hpp>

namespace cameo::ops {
namespace {
thread_local int nested = 0;
}

ReferenceOps::ReferenceOps() noexcept { ++nested; }
ReferenceOps::~ReferenceOps() { --nested; }
bool ReferenceOps::active() noexcept { return nested > 0; }

}  // namespace cameo::ops
