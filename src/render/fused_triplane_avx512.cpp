// SPDX-License-Identifier: Apache-2.0
#include "kernels/triplane_render.hpp"  // compiled for avx512: see CMakeLists.txt
