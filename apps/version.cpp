// SPDX-License-Identifier: Apache-2.0
#include "version.hpp"

namespace cameo::apps {

std::string version() { return CAMEO_VERSION; }

std::string version_line() { return "cameo " + version(); }

std::string compiler() {
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#else
    return "unknown";
#endif
}

}  // namespace cameo::apps
