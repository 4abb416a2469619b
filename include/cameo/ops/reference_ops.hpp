// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cameo/core/export.hpp>

namespace cameo::ops {

/// While one lives, its thread's operations and Eg3d's renderer are the reference policy: compositions of LibTorch's own
/// operations, one after the other, which faster code is compared with.
/// Threads  of the one that made it, which must also be the one that ends it. Gradients of what was computed under it are
///          taken under it, too
class CAMEO_API ReferenceOps {
  public:
    ReferenceOps() noexcept;
    ~ReferenceOps();
    ReferenceOps(const ReferenceOps&) = delete;
    ReferenceOps& operator=(const ReferenceOps&) = delete;

    [[nodiscard]] static bool active() noexcept;
};

}  // namespace cameo::ops
