// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd.hpp"  // compiled for baseline: see CMakeLists.txt
