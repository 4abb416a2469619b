// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

struct AVIOContext;

namespace cameo::io {

/// How many bytes an MP4, MOV, MKV, WebM or AVI file must have for its outermost parts to be whole; nothing where it
/// has them or does not tell. libav plays what is there of a file cut short and says nothing.
[[nodiscard]] std::optional<std::uint64_t> missing_end(AVIOContext& input);

}  // namespace cameo::io
