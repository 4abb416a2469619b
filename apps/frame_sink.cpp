// SPDX-License-Identifier: Apache-2.0
#include "frame_sink.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <cameo/core/error.hpp>
#include <cameo/io/ffmpeg_command.hpp>
#if CAMEO_APPS_HAVE_VIDEO
#include <cameo/io/video.hpp>
#endif

#include "sheet.hpp"

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;

std::int64_t next_even(std::int64_t side) { return std::max<std::int64_t>(side + side % 2, 16); }

/// In colour and as large as the video; what is missing repeats the last column and row.
Image filled_up(const Image& frame, std::int64_t width, std::int64_t height) {
    if (frame.width() == width && frame.height() == height && frame.channels() == 3) return frame;
    Image whole = blank_sheet(width, height);
    const auto channels = frame.channels();
    for (std::int64_t y = 0; y < height; ++y) {
        const auto from = frame.row<std::uint8_t>(std::min(y, frame.height() - 1));
        const auto to = whole.row<std::uint8_t>(y);
        for (std::int64_t x = 0; x < width; ++x)
            for (std::int64_t c = 0; c < 3; ++c)
                to[static_cast<std::size_t>(3 * x + c)] = from[static_cast<std::size_t>(
                    std::min(x, frame.width() - 1) * channels + std::min(c, channels - 1))];
    }
    return whole;
}

}  // namespace

#if CAMEO_APPS_HAVE_VIDEO
struct FrameSink::Video {
    io::VideoWriter writer;
};
#else
struct FrameSink::Video {};
#endif

fs::path frame_path(const fs::path& path, std::int64_t frame) {
    auto name = path;
    return name.replace_filename(fmt::format("{}-{:04}.png", path.stem().string(), frame));
}

FrameSink::FrameSink(const fs::path& path, std::int64_t width, std::int64_t height, FrameSinkOptions options)
    : path_(path), options_(std::move(options)), width_(next_even(width)), height_(next_even(height)) {
    if (path.extension() == ".png") return;
#if CAMEO_APPS_HAVE_VIDEO
    io::VideoWriteOptions how{.bit_rate = options_.bit_rate, .overwrite = options_.overwrite};
    if (!options_.encoders.empty()) how.encoders = options_.encoders;
    if (!options_.facts.empty())
        how.metadata = {.synthetic = true, .model_hash = options_.model_hash, .licence = options_.licence};
    try {
        video_ = std::make_unique<Video>(Video{io::VideoWriter(path, width_, height_, options_.rate, how)});
    } catch (const Error& error) {
        if (error.code() != Errc::device_unsupported) throw;
        why_pictures_ = "libav has none of the encoders that were looked for";
    }
#else
    why_pictures_ = "this cameo was built without libav";
#endif
}

FrameSink::~FrameSink() = default;

void FrameSink::write(const Image& frame) {
    const auto whole = filled_up(frame, width_, height_);
#if CAMEO_APPS_HAVE_VIDEO
    if (video_) video_->writer.write(whole);
#endif
    if (!video_)
        io::write_image(frame_path(path_, frames_), whole,
                        {.metadata = options_.facts, .overwrite = options_.overwrite});
    ++frames_;
}

void FrameSink::finish() {
#if CAMEO_APPS_HAVE_VIDEO
    if (video_) video_->writer.finish();
#endif
}

std::string FrameSink::missing() const {
    if (why_pictures_.empty()) return {};
    return fmt::format("{}: {}. The frames are {}; this makes the video of them: {}", path_.string(), why_pictures_,
                       output(), io::ffmpeg_command(output(), options_.rate, path_.string()));
}

std::string FrameSink::output() const {
    if (video_) return path_.string();
    auto name = path_;
    return name.replace_filename(path_.stem().string() + "-%04d.png").string();
}

std::string FrameSink::encoder() const {
#if CAMEO_APPS_HAVE_VIDEO
    if (video_) return video_->writer.encoder();
#endif
    return "png";
}

}  // namespace cameo::apps
