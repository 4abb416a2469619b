// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/frame_rate.hpp>

namespace cameo::io {

/// What a video says of itself; what is empty is left out, and nothing is added.
struct VideoMetadata {
    bool synthetic = false;    ///< "synthetic, made with cameo", which every video made by a model should say
    std::string model_hash{};  ///< stands with it in the file's comment
    std::string licence{};     ///< of the model's weights; the file's copyright
    std::string title{};
};

struct VideoWriteOptions {
    /// Bits per second; 0: 0.64 for each pixel, which makes the published 10 Mbit/s for 512 x 512 at 60 Hz.
    std::int64_t bit_rate = 0;

    /// libav's names of the encoders to try; the first that works is used.
    std::vector<std::string> encoders{"libx264", "libopenh264", "mpeg4"};

    VideoMetadata metadata{};
    Overwrite overwrite = Overwrite::no;
};

/// Writes an MP4 file that plays everywhere and starts before it is loaded as a whole: H.264 where libav can (else
/// MPEG-4), 4:2:0, tagged BT.709, index in front. Frames go to the disk as they come, so memory does not grow with the
/// length; the file appears under its name in finish(), as with AtomicFile, or not at all.
/// Equal frames and options give equal bytes with the same libav, on any number of cores; no date, no version inside.
/// Threads  one at a time for each writer
/// Quirk    libav has one log for the whole process, and it is taken over when the first writer or reader is made: what
///          concerns them goes into Error's text, and nothing is printed while any exists
class CAMEO_API VideoWriter {
  public:
    /// Errors   invalid_argument: a name that does not end in .mp4, odd sides (4:2:0 halves them; the message names the
    ///          next even size, the caller pads) or sides outside 16 to Image::max_side, an option outside its range;
    ///          device_unsupported: no encoder, naming those looked for and the command that makes the video of PNG
    ///          files; those of AtomicFile
    VideoWriter(const std::filesystem::path& path, std::int64_t width, std::int64_t height, const FrameRate& rate,
                const VideoWriteOptions& options = {});

    VideoWriter(VideoWriter&&) noexcept;
    VideoWriter& operator=(VideoWriter&&) noexcept;

    /// Without finish() nothing of the video is left, and a file that had its name is untouched.
    ~VideoWriter();

    /// Appends a frame. Units  srgb8, three channels
    /// Errors   invalid_argument: another format or size, or finish() was called; io_failure; internal: the encoder
    ///          failed. After any of the latter two the writer takes no more
    void write(const Image& frame);

    /// Completes the file and gives it its name. Errors: as write(); invalid_argument without a frame
    void finish();

    [[nodiscard]] const std::string& encoder() const noexcept;  ///< libav's name of the one in use

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Reads the frames of a video: MP4, MOV, MKV, WebM and AVI with H.264, HEVC, VP8, VP9, AV1, MPEG-4, ProRes, FFV1 or
/// JPEG frames. One regular file is opened and nothing else: no playlist, no network, no file named in a file.
/// Units    srgb8, three channels, upright: the rotation that phones note is applied. Pixels count as square. What the
///          file does not tell of its colours is BT.709 from 720 lines on and BT.601 below, in the range of television;
///          HDR is not tone-mapped
/// Threads  one at a time for each reader. Quirk: see VideoWriter
class CAMEO_API VideoReader {
  public:
    /// Errors   io_failure: missing, unreadable, no regular file; bad_file: another kind of file, cut short or damaged,
    ///          no video inside, sides above Image::max_side, frames above 512 MiB
    explicit VideoReader(const std::filesystem::path& path);

    VideoReader(VideoReader&&) noexcept;
    VideoReader& operator=(VideoReader&&) noexcept;
    ~VideoReader();

    [[nodiscard]] std::int64_t width() const noexcept;  ///< upright, as are the frames
    [[nodiscard]] std::int64_t height() const noexcept;

    /// On average where frames come at uneven times. Empty: the file does not tell.
    [[nodiscard]] const std::optional<FrameRate>& frame_rate() const noexcept;

    /// As the file's index says; what next() gives can be fewer where the file was trimmed. Empty: there is no index.
    [[nodiscard]] std::optional<std::int64_t> frame_count() const noexcept;

    /// The next frame, nothing after the last.
    /// Errors   bad_file: cut short or damaged, naming the frame; io_failure; out_of_memory. Thrown again from then on
    [[nodiscard]] std::optional<Image> next();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace cameo::io
