// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <cameo/core/image.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/frame_rate.hpp>
#include <cameo/io/image.hpp>

namespace cameo::apps {

struct FrameSinkOptions {
    io::FrameRate rate = 60;
    std::int64_t bit_rate = 0;            ///< 0: the video writer's own choice
    std::vector<std::string> encoders{};  ///< libav's names; empty: the video writer's own list
    io::ImageMetadata facts{};            ///< into the PNG files, or empty
    std::string model_hash{}, licence{};  ///< into the video, if `facts` are not empty
    io::Overwrite overwrite = io::Overwrite::no;
};

/// Where the frames of a video go: into an MP4 file as they come, or into numbered PNG files beside its name, when the
/// name ends in .png or nothing here can encode.
/// Quirk    sides are filled up to even ones of at least 16 with the last row and column, since 4:2:0 halves them
class FrameSink {
  public:
    /// A name that ends in .mp4 or .png. Errors: those of VideoWriter but for a missing encoder
    FrameSink(const std::filesystem::path& path, std::int64_t width, std::int64_t height, FrameSinkOptions options);
    FrameSink(const FrameSink&) = delete;
    FrameSink& operator=(const FrameSink&) = delete;
    ~FrameSink();

    /// Units    srgb8, 1 or 3 channels
    void write(const Image& frame);

    /// Completes the video. Errors: those of VideoWriter
    void finish();

    /// Why there are pictures although a video was asked for, and the command that makes it of them; empty when all is
    /// as asked for.
    [[nodiscard]] std::string missing() const;

    /// What has been written: the video, or the pattern of the PNG files.
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::int64_t frames() const noexcept { return frames_; }
    [[nodiscard]] std::int64_t width() const noexcept { return width_; }  ///< of the frames as written
    [[nodiscard]] std::int64_t height() const noexcept { return height_; }
    [[nodiscard]] std::string encoder() const;  ///< libav's name; "png" for pictures

  private:
    struct Video;

    std::filesystem::path path_;
    FrameSinkOptions options_;
    std::int64_t width_, height_, frames_ = 0;
    std::unique_ptr<Video> video_;
    std::string why_pictures_;  ///< although a video was asked for
};

/// "turn.mp4", 7 -> "turn-0007.png". Errors: none
[[nodiscard]] std::filesystem::path frame_path(const std::filesystem::path& path, std::int64_t frame);

}  // namespace cameo::apps
