// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd.hpp"  // compiled for avx512: see CMakeLists.txt
