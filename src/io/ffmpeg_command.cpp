// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/ffmpeg_command.hpp>

#include <string_view>

#include <cameo/core/error.hpp>

namespace cameo::io {
namespace {

/// One word of a POSIX shell that FFmpeg takes for the name of a file.
std::string file_argument(const std::string& name) {
    if (name.find('\0') != std::string::npos)
        throw Error(Errc::invalid_argument, "ffmpeg command: expected names without NUL, got one with it");
    const bool plain = name.find(':') == std::string::npos && !name.starts_with('-');
    std::string word = plain ? "'" : "'file:";
    for (const char letter : name) {
        if (letter == '\'')
            word += R"('\'')";
        else
            word += letter;
    }
    return word + "'";
}

}  // namespace

std::string ffmpeg_command(const std::string& pattern, const FrameRate& rate, const std::string& output) {
    return "ffmpeg -framerate " + to_string(rate) + " -i " + file_argument(pattern) +
           " -vf scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_inp,format=yuv420p"
           " -c:v libx264 -crf 16 -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv"
           " -movflags +faststart " +
           file_argument(output);
}

}  // namespace cameo::io
