// SPDX-License-Identifier: Apache-2.0
#pragma once

// LibTorch's logging header defines a CHECK of its own, which ends the program. Whoever includes it after Catch2 would
// test with that one without noticing, so here it comes first and goes.
#if __has_include(<c10/util/Logging.h>)
#include <c10/util/Logging.h>
#undef CHECK
#endif

#include <catch2/catch.hpp>
