// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <cameo/core/error.hpp>

namespace cameo::io::libav {

template <auto free_function>
struct Free {
    template <class T>
    void operator()(T* object) const noexcept {
        free_function(&object);
    }
};

using Codec = std::unique_ptr<AVCodecContext, Free<avcodec_free_context>>;
using Filter = std::unique_ptr<AVBSFContext, Free<av_bsf_free>>;
using Frame = std::unique_ptr<AVFrame, Free<av_frame_free>>;
using Packet = std::unique_ptr<AVPacket, Free<av_packet_free>>;

/// The object, or Error(out_of_memory): libav's own allocations fail for no other reason.
template <class T>
T* allocated(T* object) {
    if (object == nullptr) throw Error(Errc::out_of_memory, "video: expected room for libav's state, got none");
    return object;
}

/// What libav complains about while a reader or writer works; its own place for it is the screen.
class Log {
  public:
    Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    ~Log();

    /// While it lives, what libav says on this thread goes into the log, which begins empty.
    class Scope {
      public:
        explicit Scope(Log& log) noexcept;
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        ~Scope();

      private:
        Log* previous_;
    };

    /// Errors since the last call, "a; b".
    [[nodiscard]] std::string take();

    void add(const char* message) noexcept;

  private:
    std::string text_;
};

/// libav's word for a code, and what it said before, to end a message with: "Invalid data found (moov not found)".
[[nodiscard]] std::string reason(int code, Log& log);

/// How the numbers of a picture become colours.
struct PixelLayout {
    AVPixelFormat format = AV_PIX_FMT_NONE;
    AVColorSpace matrix = AVCOL_SPC_BT709;
    bool full_range = false;
    AVChromaLocation chroma = AVCHROMA_LOC_LEFT;

    friend bool operator==(const PixelLayout&, const PixelLayout&) = default;
};

inline constexpr PixelLayout rgb_layout{AV_PIX_FMT_RGB24, AVCOL_SPC_BT709, true, AVCHROMA_LOC_LEFT};

/// From one layout to another at the same size, exactly rounded, with chroma where it belongs.
class Converter {
  public:
    /// Errors   bad_file: nothing converts between the two; out_of_memory
    Converter(std::int64_t width, std::int64_t height, const PixelLayout& from, const PixelLayout& to);

    void operator()(const AVFrame& from, AVFrame& to) const;

  private:
    struct FreeScaler {
        void operator()(SwsContext* scaler) const noexcept { sws_freeContext(scaler); }
    };
    std::unique_ptr<SwsContext, FreeScaler> scaler_;
};

/// A frame with room for its pixels.
[[nodiscard]] Frame make_frame(AVPixelFormat format, std::int64_t width, std::int64_t height);

}  // namespace cameo::io::libav
