// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/video.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>

extern "C" {
#include <libavutil/display.h>
}

#include <cameo/core/error.hpp>
#include "io/libav.hpp"
#include "io/video_container.hpp"

namespace cameo::io {
namespace {

namespace fs = std::filesystem;

// What strangers' files may reach of libav, which has hundreds of readers and decoders.
constexpr const char* containers = "mov,mp4,matroska,webm,avi";
constexpr const char* decoders = "h264,hevc,vp8,vp9,libvpx-vp9,libdav1d,libaom-av1,av1,mpeg4,mjpeg,prores,ffv1";
constexpr std::int64_t max_frame_bytes = std::int64_t{512} << 20;

/// Where a pixel (x, y) of the upright picture stands in the stored one: (a x + b y, c x + d y), from the edge.
struct Orientation {
    int a = 1, b = 0, c = 0, d = 1;

    [[nodiscard]] bool turns() const noexcept { return a == 0; }
    friend bool operator==(const Orientation&, const Orientation&) = default;
};

struct FreeDemuxer {
    void operator()(AVFormatContext* context) const noexcept { avformat_close_input(&context); }
};

struct CloseInput {
    void operator()(AVIOContext* input) const noexcept { (void)avio_closep(&input); }
};

/// A video that names further files is refused them.
int open_nothing(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EACCES); }

void set(AVDictionary*& entries, const char* key, const char* value) {
    if (av_dict_set(&entries, key, value, 0) < 0) libav::allocated<void>(nullptr);
}

const std::uint8_t* display_matrix(const AVStream& stream) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    const auto* const data = av_packet_side_data_get(stream.codecpar->coded_side_data,
                                                     stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return data != nullptr && data->size >= 9 * sizeof(std::int32_t) ? data->data : nullptr;
#else
    std::size_t size = 0;
    const auto* const data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return size >= 9 * sizeof(std::int32_t) ? data : nullptr;
#endif
}

}  // namespace

struct VideoReader::State {
    libav::Log log;  // first, so that it outlives what may write to it
    fs::path path;
    std::unique_ptr<AVIOContext, CloseInput> input;
    std::unique_ptr<AVFormatContext, FreeDemuxer> demuxer;
    AVStream* stream = nullptr;
    libav::Codec codec;
    libav::Packet packet;
    libav::Frame frame, rgb;
    libav::PixelLayout layout;
    std::optional<libav::Converter> convert;
    Orientation orientation;
    std::int64_t width = 0, height = 0;  // as stored
    std::optional<FrameRate> rate;
    std::int64_t frames = 0;
    std::exception_ptr failure;

    explicit State(const fs::path& path_) : path(path_) {
        const libav::Log::Scope scope(log);
        open_input();
        open_demuxer();
        choose_stream();
        open_decoder();
        packet.reset(libav::allocated(av_packet_alloc()));
        frame.reset(libav::allocated(av_frame_alloc()));
        rgb = libav::make_frame(AV_PIX_FMT_RGB24, width, height);
    }

    [[noreturn]] void fail(Errc code, const std::string& expected, const std::string& found) const {
        throw Error(code, path.string() + ": expected " + expected + ", got " + found);
    }

    void check(int code, const std::string& expected) {
        if (code >= 0) return;
        const auto errc = code == AVERROR(ENOMEM)                     ? Errc::out_of_memory
                          : code == AVERROR(EIO) && input->error != 0 ? Errc::io_failure
                                                                      : Errc::bad_file;
        fail(errc, expected, "'" + libav::reason(code, log) + "'");
    }

    void open_input() {
        std::error_code error;
        const auto status = fs::status(path, error);
        if (!fs::exists(status)) fail(Errc::io_failure, "to open the file", "'" + error.message() + "'");
        if (!fs::is_regular_file(status)) fail(Errc::io_failure, "a regular file", "something else of that name");
        AVDictionary* settings = nullptr;
        set(settings, "protocol_whitelist", "file");
        AVIOContext* opened = nullptr;
        const int code = avio_open2(&opened, ("file:" + path.string()).c_str(), AVIO_FLAG_READ, nullptr, &settings);
        av_dict_free(&settings);
        if (code < 0) fail(Errc::io_failure, "to open the file", "'" + libav::reason(code, log) + "'");
        input.reset(opened);
    }

    void open_demuxer() {
        auto* context = libav::allocated(avformat_alloc_context());
        context->pb = input.get();
        context->flags |= AVFMT_FLAG_CUSTOM_IO;
        context->io_open = open_nothing;
        AVDictionary* settings = nullptr;
        set(settings, "format_whitelist", containers);
        set(settings, "codec_whitelist", decoders);
        const int code = avformat_open_input(&context, nullptr, nullptr, &settings);  // frees the context when it fails
        av_dict_free(&settings);
        check(code, "an MP4, MOV, MKV, WebM or AVI file");
        demuxer.reset(context);

        const auto place = avio_tell(input.get());
        if (const auto end = missing_end(*input))
            fail(Errc::bad_file, "a file of " + std::to_string(*end) + " bytes",
                 "one cut short to " + std::to_string(avio_size(input.get())));
        if (avio_seek(input.get(), place, SEEK_SET) < 0) fail(Errc::io_failure, "to read the file", "an error");
    }

    void choose_stream() {
        for (unsigned i = 0; i < demuxer->nb_streams; ++i)
            if (demuxer->streams[i]->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
                demuxer->streams[i]->discard = AVDISCARD_ALL;
        check(avformat_find_stream_info(demuxer.get(), nullptr), "a video that can be decoded");
        const int index = av_find_best_stream(demuxer.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
        if (index < 0) fail(Errc::bad_file, "a video", "a file without one");
        stream = demuxer->streams[index];
        if ((stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0)
            fail(Errc::bad_file, "a video", "a cover picture");
        for (unsigned i = 0; i < demuxer->nb_streams; ++i)
            if (static_cast<int>(i) != index) demuxer->streams[i]->discard = AVDISCARD_ALL;

        width = stream->codecpar->width;
        height = stream->codecpar->height;
        if (width < 1 || height < 1 || width > Image::max_side || height > Image::max_side ||
            width * height * 3 > max_frame_bytes)
            fail(Errc::bad_file,
                 "sides from 1 to " + std::to_string(Image::max_side) + " and frames of at most 512 MiB",
                 std::to_string(width) + " x " + std::to_string(height));
        for (const auto& fraction : {stream->avg_frame_rate, stream->r_frame_rate})
            if (!rate && fraction.num > 0 && fraction.den > 0) rate = nearest(fraction);
        read_orientation();
    }

    /// Averages of uneven times can have long terms.
    static std::optional<FrameRate> nearest(AVRational fraction) {
        int numerator = 0, denominator = 0;
        (void)av_reduce(&numerator, &denominator, fraction.num, fraction.den, FrameRate::max_term);
        if (numerator < 1 || denominator < 1 || numerator / 1000 >= denominator) return {};
        return FrameRate(numerator, denominator);
    }

    void read_orientation() {
        const auto* const bytes = display_matrix(*stream);
        if (bytes == nullptr) return;
        std::array<std::int32_t, 9> matrix{};
        std::memcpy(matrix.data(), bytes, sizeof matrix);
        // The file's x' = a x + c y, y' = b x + d y (16.16) leads from stored to upright; its inverse is the transpose.
        constexpr std::int32_t one = 1 << 16;
        const auto quarter = [](std::int32_t term) { return term == one ? 1 : term == -one ? -1 : term == 0 ? 0 : 2; };
        orientation = {quarter(matrix[0]), quarter(matrix[1]), quarter(matrix[3]), quarter(matrix[4])};
        const auto [a, b, c, d] = orientation;
        const bool straight = b == 0 && c == 0 && a * a == 1 && d * d == 1;
        const bool turned = a == 0 && d == 0 && b * b == 1 && c * c == 1;
        if (!straight && !turned) fail(Errc::bad_file, "a video turned by quarters", "another angle or scale");
    }

    void open_decoder() {
        const auto* const decoder = avcodec_find_decoder(stream->codecpar->codec_id);
        if (decoder == nullptr)
            fail(Errc::bad_file, "a video that this libav can decode",
                 std::string("the codec ") + avcodec_get_name(stream->codecpar->codec_id));
        codec.reset(libav::allocated(avcodec_alloc_context3(decoder)));
        check(avcodec_parameters_to_context(codec.get(), stream->codecpar), "a video that can be decoded");
        codec->pkt_timebase = stream->time_base;
        codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
        codec->max_pixels = max_frame_bytes / 3;
        codec->thread_count = 1;  // its complaints belong to this thread's log
        AVDictionary* settings = nullptr;
        set(settings, "codec_whitelist", decoders);
        const int code = avcodec_open2(codec.get(), decoder, &settings);
        av_dict_free(&settings);
        check(code, "a video that can be decoded");
    }

    std::optional<Image> next() {
        for (;;) {
            const int code = avcodec_receive_frame(codec.get(), frame.get());
            if (code == AVERROR_EOF && frames > 0) return {};
            if (code == AVERROR_EOF) fail(Errc::bad_file, "at least one frame", "none");
            if (code != AVERROR(EAGAIN)) {
                check(code, frame_name());
                return picture();
            }
            feed();
        }
    }

    [[nodiscard]] std::string frame_name() const { return "frame " + std::to_string(frames) + " whole"; }

    void feed() {
        for (;;) {
            const int code = av_read_frame(demuxer.get(), packet.get());
            if (code == AVERROR_EOF) return check(avcodec_send_packet(codec.get(), nullptr), frame_name());
            check(code, frame_name());
            const bool ours = packet->stream_index == stream->index;
            const bool cut = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
            const int sent = ours && !cut ? avcodec_send_packet(codec.get(), packet.get()) : 0;
            av_packet_unref(packet.get());
            if (ours && cut) fail(Errc::bad_file, frame_name(), "a file that is cut short");
            check(sent, frame_name());
            if (ours) return;
        }
    }

    Image picture() {
        if (frame->width != width || frame->height != height)
            fail(Errc::bad_file, "every frame of " + std::to_string(width) + " x " + std::to_string(height),
                 std::to_string(frame->width) + " x " + std::to_string(frame->height));
        if ((frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0)
            fail(Errc::bad_file, frame_name(), "'" + libav::reason(AVERROR_INVALIDDATA, log) + "'");
        if (const auto found = layout_of(*frame); !convert || found != layout) {
            convert.emplace(width, height, found, libav::rgb_layout);
            layout = found;
        }
        (*convert)(*frame, *rgb);
        av_frame_unref(frame.get());
        ++frames;
        return upright();
    }

    static libav::PixelLayout layout_of(const AVFrame& frame) {
        const bool jpeg = frame.format == AV_PIX_FMT_YUVJ420P || frame.format == AV_PIX_FMT_YUVJ422P ||
                          frame.format == AV_PIX_FMT_YUVJ444P || frame.format == AV_PIX_FMT_YUVJ440P;
        auto matrix = frame.colorspace;
        if (matrix == AVCOL_SPC_UNSPECIFIED) matrix = frame.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
        return {static_cast<AVPixelFormat>(frame.format), matrix, jpeg || frame.color_range == AVCOL_RANGE_JPEG,
                frame.chroma_location};
    }

    [[nodiscard]] Image upright() const {
        const auto [a, b, c, d] = orientation;
        Image image(orientation.turns() ? height : width, orientation.turns() ? width : height, 3, srgb8);
        const auto first_x = a + b < 0 ? width - 1 : 0;
        const auto first_y = c + d < 0 ? height - 1 : 0;
        const std::int64_t step = 3 * a + c * rgb->linesize[0];
        for (std::int64_t y = 0; y < image.height(); ++y) {
            const auto* source = rgb->data[0] + (first_y + d * y) * rgb->linesize[0] + (first_x + b * y) * 3;
            auto row = image.row<std::uint8_t>(y);
            if (orientation == Orientation{}) {
                std::memcpy(row.data(), source, row.size());
                continue;
            }
            for (std::size_t x = 0; x < row.size(); x += 3, source += step) std::memcpy(&row[x], source, 3);
        }
        return image;
    }
};

VideoReader::VideoReader(const fs::path& path) : state_(std::make_unique<State>(path)) {}
VideoReader::VideoReader(VideoReader&&) noexcept = default;
VideoReader& VideoReader::operator=(VideoReader&&) noexcept = default;
VideoReader::~VideoReader() = default;

std::int64_t VideoReader::width() const noexcept {
    return state_->orientation.turns() ? state_->height : state_->width;
}
std::int64_t VideoReader::height() const noexcept {
    return state_->orientation.turns() ? state_->width : state_->height;
}
const std::optional<FrameRate>& VideoReader::frame_rate() const noexcept { return state_->rate; }

std::optional<std::int64_t> VideoReader::frame_count() const noexcept {
    const auto count = state_->stream->nb_frames;
    return count > 0 ? std::optional(count) : std::nullopt;
}

std::optional<Image> VideoReader::next() {
    auto& state = *state_;
    if (state.failure) std::rethrow_exception(state.failure);
    const libav::Log::Scope scope(state.log);
    try {
        return state.next();
    } catch (...) {
        state.failure = std::current_exception();
        throw;
    }
}

}  // namespace cameo::io
