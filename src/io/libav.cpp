// SPDX-License-Identifier: Apache-2.0
#include "io/libav.hpp"

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <utility>

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

namespace cameo::io::libav {
namespace {

thread_local Log* log_of_thread = nullptr;
std::atomic<int> living_logs = 0;

// Threads of codecs belong to no scope; while a reader or writer lives, what they say is most likely about it.
void receive(void* context, int level, const char* format, std::va_list arguments) {
    if (log_of_thread != nullptr) {
        if (level > AV_LOG_ERROR) return;
        std::array<char, 512> message{};
        (void)std::vsnprintf(message.data(), message.size(), format, arguments);
        log_of_thread->add(message.data());
    } else if (living_logs == 0) {
        av_log_default_callback(context, level, format, arguments);
    }
}

/// Where the first chroma sample lies, in 1/256 of a luma sample to the right and down.
std::pair<int, int> chroma_position(AVChromaLocation location) {
    switch (location) {
        case AVCHROMA_LOC_CENTER:
            return {128, 128};
        case AVCHROMA_LOC_TOPLEFT:
            return {0, 0};
        case AVCHROMA_LOC_TOP:
            return {128, 0};
        case AVCHROMA_LOC_BOTTOMLEFT:
            return {0, 256};
        case AVCHROMA_LOC_BOTTOM:
            return {128, 256};
        default:
            return {0, 128};
    }
}

void set(SwsContext* scaler, const std::string& name, std::int64_t value) {
    if (av_opt_set_int(scaler, name.c_str(), value, 0) < 0)
        throw Error(Errc::internal, "video: expected libswscale to know the option " + name + ", got a refusal");
}

void set_layout(SwsContext* scaler, const std::string& side, const PixelLayout& layout) {
    set(scaler, side + "_format", layout.format);
    int log2_width = 0, log2_height = 0;
    (void)av_pix_fmt_get_chroma_sub_sample(layout.format, &log2_width, &log2_height);
    const auto [x, y] = chroma_position(layout.chroma);
    if (log2_width == 1) set(scaler, side + "_h_chr_pos", x);
    if (log2_height == 1) set(scaler, side + "_v_chr_pos", y);
}

}  // namespace

Log::Log() {
    static std::once_flag once;
    std::call_once(once, [] { av_log_set_callback(receive); });
    ++living_logs;
}

Log::~Log() { --living_logs; }

Log::Scope::Scope(Log& log) noexcept : previous_(std::exchange(log_of_thread, &log)) { log.text_.clear(); }
Log::Scope::~Scope() { log_of_thread = previous_; }

std::string Log::take() { return std::exchange(text_, {}); }

void Log::add(const char* message) noexcept try {
    std::string_view line(message);
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || text_.size() > 1000) return;
    if (!text_.empty()) text_ += "; ";
    text_ += line;
} catch (...) {  // libav's callback is C: a message less is better than an exception there
}

std::string reason(int code, Log& log) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> word{};
    (void)av_strerror(code, word.data(), word.size());
    const auto said = log.take();
    return said.empty() ? std::string(word.data()) : std::string(word.data()) + " (" + said + ")";
}

Converter::Converter(std::int64_t width, std::int64_t height, const PixelLayout& from, const PixelLayout& to)
    : scaler_(allocated(sws_alloc_context())) {
    auto* const scaler = scaler_.get();
    for (const std::string side : {"src", "dst"}) {
        set(scaler, side + "w", width);
        set(scaler, side + "h", height);
    }
    set_layout(scaler, "src", from);
    set_layout(scaler, "dst", to);
    set(scaler, "sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_FULL_CHR_H_INT | SWS_BITEXACT);
    // Between two kinds of RGB there is no matrix to set, and libswscale says so by refusing.
    const auto* const description = av_pix_fmt_desc_get(from.format);
    const bool between_rgb = (av_pix_fmt_desc_get(to.format)->flags & AV_PIX_FMT_FLAG_RGB) != 0 &&
                             description != nullptr && (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    const auto set_matrices = [&] {
        return sws_setColorspaceDetails(scaler, sws_getCoefficients(from.matrix), from.full_range ? 1 : 0,
                                        sws_getCoefficients(to.matrix), to.full_range ? 1 : 0, 0, 1 << 16, 1 << 16);
    };
    if (sws_init_context(scaler, nullptr, nullptr) < 0 || (!between_rgb && set_matrices() < 0))
        throw Error(Errc::bad_file, "video: expected pixels that become RGB, got the format " +
                                        std::string(description == nullptr ? "unknown" : description->name));
}

void Converter::operator()(const AVFrame& from, AVFrame& to) const {
    if (sws_scale(scaler_.get(), from.data, from.linesize, 0, from.height, to.data, to.linesize) != to.height)
        throw Error(Errc::internal, "video: expected libswscale to convert a frame, got a refusal");
}

Frame make_frame(AVPixelFormat format, std::int64_t width, std::int64_t height) {
    Frame frame(allocated(av_frame_alloc()));
    frame->format = format;
    frame->width = static_cast<int>(width);
    frame->height = static_cast<int>(height);
    if (av_frame_get_buffer(frame.get(), 0) < 0)
        throw Error(Errc::out_of_memory, "video: expected room for a frame of " + std::to_string(width) + " x " +
                                             std::to_string(height) + ", got none");
    return frame;
}

}  // namespace cameo::io::libav
