// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <cameo/core/export.hpp>
#include <cameo/io/frame_rate.hpp>

namespace cameo::io {

/// The command, for a POSIX shell, that makes of numbered PNG files the video that VideoWriter would make: what to tell
/// people whose cameo was built without libav, or whose libav has no encoder.
/// `pattern` is printf's, "frames/%04d.png"; numbers start below 5. Names are quoted, and never taken for options or
/// addresses. Errors: invalid_argument: a NUL in a name
[[nodiscard]] CAMEO_API std::string ffmpeg_command(const std::string& pattern, const FrameRate& rate,
                                                   const std::string& output);

}  // namespace cameo::io
