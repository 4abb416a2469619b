// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/video.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <span>
#include <string_view>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/io/ffmpeg_command.hpp>
#include "io/libav.hpp"
#include "io/name.hpp"

namespace cameo::io {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t smallest_side = 16;
constexpr std::int64_t max_bit_rate = 2'000'000'000;
constexpr std::string_view synthetic = "synthetic, made with cameo";

[[noreturn]] void refuse(const std::string& subject, const std::string& expected, const std::string& found) {
    throw Error(Errc::invalid_argument, subject + ": expected " + expected + ", got " + found);
}

void check_side(const fs::path& path, const std::string& name, std::int64_t side) {
    if (side < smallest_side || side > Image::max_side)
        refuse(path.string(),
               name + " from " + std::to_string(smallest_side) + " to " + std::to_string(Image::max_side),
               std::to_string(side));
    if (side % 2 != 0)
        refuse(path.string(), "an even " + name + " (the next is " + std::to_string(side + 1) + ")",
               std::to_string(side));
}

void check_text(const std::string& name, const std::string& text) {
    if (text.size() > 4096) refuse("video " + name, "at most 4096 bytes", std::to_string(text.size()));
    if (std::ranges::any_of(text, [](unsigned char letter) { return letter < ' '; }))
        refuse("video " + name, "one line of text", "a control character");
}

void check_arguments(const fs::path& path, std::int64_t width, std::int64_t height, const VideoWriteOptions& options) {
    const auto extension = lower_extension(path);
    if (extension != ".mp4") refuse(path.string(), "a name that ends in .mp4", "'" + extension + "'");
    check_side(path, "width", width);
    check_side(path, "height", height);
    if (options.bit_rate < 0 || options.bit_rate > max_bit_rate)
        refuse("video bit rate", "0 to " + std::to_string(max_bit_rate) + " bits per second",
               std::to_string(options.bit_rate));
    if (options.encoders.empty()) refuse("video encoders", "at least one name", "none");
    check_text("model hash", options.metadata.model_hash);
    check_text("licence", options.metadata.licence);
    check_text("title", options.metadata.title);
}

std::int64_t default_bit_rate(std::int64_t width, std::int64_t height, const FrameRate& rate) {
    constexpr double bits_per_pixel = 10e6 / (512.0 * 512.0 * 60.0);
    const auto bits = bits_per_pixel * static_cast<double>(width * height) * rate.per_second();
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(bits), 100'000, max_bit_rate);
}

class Dictionary {
  public:
    Dictionary() = default;
    Dictionary(const Dictionary&) = delete;
    Dictionary& operator=(const Dictionary&) = delete;
    ~Dictionary() { av_dict_free(&entries_); }

    void set(const char* key, const std::string& value) {
        if (av_dict_set(&entries_, key, value.c_str(), 0) < 0) libav::allocated<void>(nullptr);
    }
    [[nodiscard]] AVDictionary** get() noexcept { return &entries_; }
    [[nodiscard]] AVDictionary* release() noexcept { return std::exchange(entries_, nullptr); }

  private:
    AVDictionary* entries_ = nullptr;
};

#if LIBAVFORMAT_VERSION_MAJOR >= 61
using BytesToWrite = const std::uint8_t*;
#else
using BytesToWrite = std::uint8_t*;
#endif

/// An AtomicFile as libav wants files: with positions, one to write at and one to read at, and without exceptions.
class Output {
  public:
    Output(const fs::path& path, Overwrite overwrite) : file_(path, overwrite), writer_(make(write_cursor_, true)) {}
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output() {
        destroy(reader_);
        destroy(writer_);
    }

    [[nodiscard]] AVIOContext* writer() const noexcept { return writer_; }

    /// To move the index in front libav opens the file a second time, to read what it wrote.
    [[nodiscard]] AVIOContext* open_reader() {
        destroy(reader_);
        read_cursor_.position = 0;
        reader_ = make(read_cursor_, false);
        return reader_;
    }
    void close_reader() noexcept { destroy(reader_); }

    /// Throws what happened inside libav's calls.
    void rethrow() {
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }
    void commit() { file_.commit(); }

  private:
    struct Cursor {
        Output* output = nullptr;
        std::uint64_t position = 0;
    };

    static AVIOContext* make(Cursor& cursor, bool writes) {
        constexpr int size = 64 << 10;
        auto* const buffer = static_cast<unsigned char*>(libav::allocated(av_malloc(size)));
        auto* const context = avio_alloc_context(buffer, size, writes ? 1 : 0, &cursor, writes ? nullptr : read,
                                                 writes ? write : nullptr, seek);
        if (context == nullptr) av_free(buffer);
        return libav::allocated(context);
    }

    static void destroy(AVIOContext*& context) noexcept {
        if (context == nullptr) return;
        av_freep(static_cast<void*>(&context->buffer));
        avio_context_free(&context);
    }

    template <class Action>
    static int guarded(void* opaque, Action&& action) noexcept {
        auto& cursor = *static_cast<Cursor*>(opaque);
        if (cursor.output->failure_) return AVERROR(EIO);
        try {
            const int count = action(cursor);
            cursor.position += static_cast<std::uint64_t>(std::max(count, 0));
            return count;
        } catch (...) {
            cursor.output->failure_ = std::current_exception();
            return AVERROR(EIO);
        }
    }

    static int write(void* opaque, BytesToWrite start, int count) noexcept {
        return guarded(opaque, [&](const Cursor& cursor) {
            auto bytes = std::as_bytes(std::span(start, static_cast<std::size_t>(count)));
            auto& file = cursor.output->file_;
            // A short video's index is longer than its frames: moving them leaves a gap, which the index then fills.
            for (constexpr std::array<std::byte, 4096> zeros{}; file.size() < cursor.position;)
                file.write(std::span(zeros).first(std::min(zeros.size(), cursor.position - file.size())));
            const auto replaced = std::min<std::uint64_t>(bytes.size(), file.size() - cursor.position);
            if (replaced > 0) file.write_at(cursor.position, bytes.first(replaced));
            file.write(bytes.subspan(replaced));
            return count;
        });
    }

    static int read(void* opaque, std::uint8_t* start, int count) noexcept {
        return guarded(opaque, [&](const Cursor& cursor) {
            auto& file = cursor.output->file_;
            const auto left = file.size() - std::min(file.size(), cursor.position);
            const auto present = std::min(left, static_cast<std::uint64_t>(count));
            if (present == 0) return AVERROR_EOF;
            file.read_at(cursor.position, std::as_writable_bytes(std::span(start, present)));
            return static_cast<int>(present);
        });
    }

    static std::int64_t seek(void* opaque, std::int64_t offset, int whence) noexcept {
        auto& cursor = *static_cast<Cursor*>(opaque);
        if ((whence & AVSEEK_SIZE) != 0) return static_cast<std::int64_t>(cursor.output->file_.size());
        if (whence != SEEK_SET || offset < 0) return AVERROR(EINVAL);
        cursor.position = static_cast<std::uint64_t>(offset);
        return offset;
    }

    AtomicFile file_;
    std::exception_ptr failure_;
    Cursor write_cursor_{this}, read_cursor_{this};
    AVIOContext* writer_ = nullptr;
    AVIOContext* reader_ = nullptr;
};

struct FreeMuxer {
    void operator()(AVFormatContext* context) const noexcept { avformat_free_context(context); }
};

int open_for_muxer(AVFormatContext* context, AVIOContext** stream, const char*, int flags, AVDictionary**) {
    if ((flags & AVIO_FLAG_WRITE) != 0) return AVERROR(EACCES);
    try {
        *stream = static_cast<Output*>(context->opaque)->open_reader();
        return 0;
    } catch (...) {
        return AVERROR(ENOMEM);
    }
}

int close_for_muxer(AVFormatContext* context, AVIOContext*) {
    static_cast<Output*>(context->opaque)->close_reader();
    return 0;
}

}  // namespace

struct VideoWriter::State {
    libav::Log log;  // first, so that it outlives what may write to it
    fs::path path;
    Output output;
    libav::Codec codec;
    libav::Filter filter;
    std::unique_ptr<AVFormatContext, FreeMuxer> muxer;
    libav::Frame rgb, yuv;
    libav::Packet packet;
    std::optional<libav::Converter> convert;
    std::string encoder_name;
    std::int64_t frames = 0;
    bool closed = false;

    State(const fs::path& path_, std::int64_t width, std::int64_t height, const FrameRate& rate,
          const VideoWriteOptions& options)
        : path(path_), output(path_, options.overwrite) {
        const libav::Log::Scope scope(log);
        open_encoder(width, height, rate, options);
        open_filter();
        open_muxer(options.metadata);
        rgb = libav::make_frame(AV_PIX_FMT_RGB24, width, height);
        yuv = libav::make_frame(AV_PIX_FMT_YUV420P, width, height);
        yuv->color_range = codec->color_range;
        yuv->color_primaries = codec->color_primaries;
        yuv->color_trc = codec->color_trc;
        yuv->colorspace = codec->colorspace;
        yuv->chroma_location = codec->chroma_sample_location;
        packet.reset(libav::allocated(av_packet_alloc()));
        convert.emplace(width, height, libav::rgb_layout, libav::PixelLayout{.format = AV_PIX_FMT_YUV420P});
    }

    void check(int code, const std::string& expected) {
        output.rethrow();
        if (code >= 0) return;
        throw Error(code == AVERROR(ENOMEM) ? Errc::out_of_memory : Errc::internal,
                    path.string() + ": expected " + expected + ", got '" + libav::reason(code, log) + "'");
    }

    void open_encoder(std::int64_t width, std::int64_t height, const FrameRate& rate,
                      const VideoWriteOptions& options) {
        std::string names, findings;
        for (const auto& name : options.encoders) {
            const auto* const encoder = avcodec_find_encoder_by_name(name.c_str());
            std::string finding = "not in this libav";
            if (encoder != nullptr) {
                const auto bit_rate = options.bit_rate == 0 ? default_bit_rate(width, height, rate) : options.bit_rate;
                codec = make_encoder(*encoder, width, height, rate, bit_rate);
                Dictionary settings;
                if (name == "libx264") set_x264(settings, width * height);
                const int code = avcodec_open2(codec.get(), encoder, settings.get());
                if (code >= 0) {
                    encoder_name = name;
                    return;
                }
                finding = libav::reason(code, log);
            }
            names.append(names.empty() ? "" : ", ").append(name);
            findings.append(findings.empty() ? "" : "; ").append(name).append(": ").append(finding);
        }
        codec.reset();
        auto pattern = path;
        pattern.replace_extension();
        throw Error(Errc::device_unsupported, path.string() + ": expected a video encoder (" + names + "), got none (" +
                                                  findings + "). Write the frames as numbered PNG files, then run: " +
                                                  ffmpeg_command(pattern.string() + "-%04d.png", rate, path.string()));
    }

    static libav::Codec make_encoder(const AVCodec& encoder, std::int64_t width, std::int64_t height,
                                     const FrameRate& rate, std::int64_t bit_rate) {
        libav::Codec codec(libav::allocated(avcodec_alloc_context3(&encoder)));
        codec->width = static_cast<int>(width);
        codec->height = static_cast<int>(height);
        codec->pix_fmt = AV_PIX_FMT_YUV420P;
        codec->framerate = {rate.numerator(), rate.denominator()};
        codec->time_base = {rate.denominator(), rate.numerator()};
        codec->sample_aspect_ratio = {1, 1};
        codec->bit_rate = bit_rate;
        codec->gop_size = std::clamp(static_cast<int>(2 * rate.per_second()), 12, 250);  // seconds to a seek point
        codec->color_range = AVCOL_RANGE_MPEG;
        codec->color_primaries = AVCOL_PRI_BT709;
        codec->color_trc = AVCOL_TRC_BT709;
        codec->colorspace = AVCOL_SPC_BT709;
        codec->chroma_sample_location = AVCHROMA_LOC_LEFT;
        codec->thread_count = 4;  // the bits depend on it, so never the number of cores
        codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
        return codec;
    }

    static void set_x264(Dictionary& settings, std::int64_t pixels) {
        const auto lookahead = std::clamp<std::int64_t>((std::int64_t{1} << 25) / pixels, 4, 40);  // it keeps frames
        settings.set("preset", "medium");
        settings.set("x264-params", "cpu-independent=1:rc-lookahead=" + std::to_string(lookahead));
    }

    /// Takes out x264's note about its version and settings, which is an SEI message (NAL unit type 6).
    void open_filter() {
        const bool available = av_bsf_get_by_name("filter_units") != nullptr;
        const char* const description =
            codec->codec_id == AV_CODEC_ID_H264 && available ? "filter_units=remove_types=6" : "null";
        AVBSFContext* created = nullptr;
        check(av_bsf_list_parse_str(description, &created), "libav's bitstream filters");
        filter.reset(created);
        check(avcodec_parameters_from_context(filter->par_in, codec.get()), "libav to describe its encoder");
        filter->time_base_in = codec->time_base;
        check(av_bsf_init(filter.get()), "libav's bitstream filters to start");
    }

    void open_muxer(const VideoMetadata& metadata) {
        AVFormatContext* created = nullptr;
        check(avformat_alloc_output_context2(&created, nullptr, "mp4", nullptr), "libav to write MP4");
        muxer.reset(created);
        muxer->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
        muxer->pb = output.writer();
        muxer->opaque = &output;
        muxer->io_open = open_for_muxer;
        muxer->io_close2 = close_for_muxer;
        muxer->metadata = tags(metadata);

        auto* const stream = libav::allocated(avformat_new_stream(muxer.get(), nullptr));
        check(avcodec_parameters_copy(stream->codecpar, filter->par_out), "libav to copy a description");
        stream->codecpar->codec_tag = 0;
        stream->time_base = codec->time_base;
        stream->avg_frame_rate = codec->framerate;
        stream->sample_aspect_ratio = codec->sample_aspect_ratio;
        Dictionary settings;
        settings.set("movflags", "+faststart");
        check(avformat_write_header(muxer.get(), settings.get()), "libav to begin an MP4 file");
    }

    static AVDictionary* tags(const VideoMetadata& metadata) {
        Dictionary tags;
        std::string comment(metadata.synthetic ? synthetic : "");
        if (!metadata.model_hash.empty()) comment += (comment.empty() ? "model " : "; model ") + metadata.model_hash;
        if (!comment.empty()) tags.set("comment", comment);
        if (!metadata.licence.empty()) tags.set("copyright", metadata.licence);
        if (!metadata.title.empty()) tags.set("title", metadata.title);
        return tags.release();
    }

    void write(const Image& image) {
        const auto row_bytes = static_cast<std::size_t>(image.width()) * 3;
        for (std::int64_t y = 0; y < image.height(); ++y)  // libswscale may read beyond the end of a row
            std::memcpy(rgb->data[0] + y * rgb->linesize[0], image.row<std::uint8_t>(y).data(), row_bytes);
        check(av_frame_make_writable(yuv.get()), "room for a frame");
        (*convert)(*rgb, *yuv);
        yuv->pts = frames;
        encode(yuv.get());
        ++frames;
    }

    /// Nothing means that no more frames follow.
    void encode(const AVFrame* frame) {
        check(avcodec_send_frame(codec.get(), frame), "libav to encode a frame");
        for (;;) {
            const int code = avcodec_receive_packet(codec.get(), packet.get());
            if (code == AVERROR(EAGAIN)) return;
            if (code == AVERROR_EOF) return mux(nullptr);
            check(code, "libav to encode a frame");
            mux(packet.get());
        }
    }

    void mux(AVPacket* encoded) {
        check(av_bsf_send_packet(filter.get(), encoded), "libav to filter a packet");
        for (;;) {
            const int code = av_bsf_receive_packet(filter.get(), packet.get());
            if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
            check(code, "libav to filter a packet");
            packet->stream_index = 0;
            av_packet_rescale_ts(packet.get(), filter->time_base_out, muxer->streams[0]->time_base);
            const int written = av_write_frame(muxer.get(), packet.get());
            av_packet_unref(packet.get());
            check(written, "libav to write a packet");
        }
    }

    void finish() {
        encode(nullptr);
        check(av_write_trailer(muxer.get()), "libav to complete an MP4 file");
        avio_flush(output.writer());
        check(output.writer()->error, "libav to complete an MP4 file");
        output.commit();
    }
};

VideoWriter::VideoWriter(const fs::path& path, std::int64_t width, std::int64_t height, const FrameRate& rate,
                         const VideoWriteOptions& options) {
    check_arguments(path, width, height, options);
    state_ = std::make_unique<State>(path, width, height, rate, options);
}

VideoWriter::VideoWriter(VideoWriter&&) noexcept = default;
VideoWriter& VideoWriter::operator=(VideoWriter&&) noexcept = default;
VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const Image& frame) {
    auto& state = *state_;
    if (state.closed) refuse(state.path.string(), "frames before finish() or a failure", "one after it");
    if (frame.format() != srgb8 || frame.channels() != 3)
        refuse(state.path.string(), "a frame of 3 channels " + to_string(srgb8),
               std::to_string(frame.channels()) + " channels " + to_string(frame.format()));
    if (frame.width() != state.codec->width || frame.height() != state.codec->height)
        refuse(state.path.string(),
               "a frame of " + std::to_string(state.codec->width) + " x " + std::to_string(state.codec->height),
               std::to_string(frame.width()) + " x " + std::to_string(frame.height()));
    const libav::Log::Scope scope(state.log);
    state.closed = true;  // unless all goes well
    state.write(frame);
    state.closed = false;
}

void VideoWriter::finish() {
    auto& state = *state_;
    if (state.closed) refuse(state.path.string(), "finish() once and after no failure", "another call");
    if (state.frames == 0) refuse(state.path.string(), "at least one frame", "none");
    const libav::Log::Scope scope(state.log);
    state.closed = true;
    state.finish();
}

const std::string& VideoWriter::encoder() const noexcept { return state_->encoder_name; }

}  // namespace cameo::io
