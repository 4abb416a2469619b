// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace cameo::apps {

/// "0.1.0"
[[nodiscard]] std::string version();

/// "cameo 0.1.0"
[[nodiscard]] std::string version_line();

/// "GCC 12.2.0"
[[nodiscard]] std::string compiler();

}  // namespace cameo::apps
