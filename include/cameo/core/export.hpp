// SPDX-License-Identifier: Apache-2.0
#pragma once

/// CAMEO_API marks what the shared libraries export; everything else is hidden.
#if defined(CAMEO_STATIC)
#define CAMEO_API
#elif defined(_WIN32)
#if defined(CAMEO_BUILDING)
#define CAMEO_API __declspec(dllexport)
#else
#define CAMEO_API __declspec(dllimport)
#endif
#else
#define CAMEO_API __attribute__((visibility("default")))
#endif
