// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <cameo/core/export.hpp>
#include <cameo/core/state_dict.hpp>

namespace cameo::io {

/// Refuses tensors with a NaN or an infinity: weights with one give black pictures and no message. Reads all bytes
/// once.
/// Errors   bad_file, "`subject`: tensor 'x': expected finite numbers, found another at flat index 12"; those of the
///          tensors' sources
CAMEO_API void require_finite(const StateDict& tensors, std::string_view subject);

}  // namespace cameo::io
