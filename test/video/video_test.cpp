// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/video.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>
#include "io/libav.hpp"
#include "support/error_message.hpp"
#include "support/failing_disk.hpp"
#include "support/memory.hpp"
#include "support/temporary_folder.hpp"

using cameo::Errc;
using cameo::Error;
using cameo::Image;
using cameo::io::FrameRate;
using cameo::io::Overwrite;
using cameo::io::VideoReader;
using cameo::io::VideoWriteOptions;
using cameo::io::VideoWriter;
using cameo::support::error_of;
using cameo::support::names_in;
using cameo::support::process_status;
using cameo::support::TemporaryFolder;
using cameo::support::text_of;

namespace fs = std::filesystem;
namespace libav = cameo::io::libav;

namespace {

using Colour = std::array<std::uint8_t, 3>;

Image filled(std::int64_t width, std::int64_t height, const std::function<Colour(std::int64_t, std::int64_t)>& colour) {
    Image image(width, height, 3, cameo::srgb8);
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) std::ranges::copy(colour(x, y), &image.row<std::uint8_t>(y)[3 * x]);
    return image;
}

/// A gradient with a white square that moves two pixels a frame.
Image moving_square(std::int64_t width, std::int64_t height, std::int64_t time) {
    const auto left = (2 * time) % (width - 12);
    return filled(width, height, [&](std::int64_t x, std::int64_t y) -> Colour {
        if (x >= left && x < left + 12 && y >= height / 4 && y < height / 4 + 12) return {240, 240, 240};
        const auto level = [](std::int64_t place, std::int64_t size) {
            return static_cast<std::uint8_t>(30 + 180 * place / size);
        };
        return {level(x, width), level(y, height), level(x + y, width + height)};
    });
}

void write_video(const fs::path& path, std::int64_t width, std::int64_t height, std::int64_t frames,
                 const VideoWriteOptions& options = {}, const FrameRate& rate = 30) {
    VideoWriter writer(path, width, height, rate, options);
    for (std::int64_t time = 0; time < frames; ++time) writer.write(moving_square(width, height, time));
    writer.finish();
}

std::vector<Image> frames_of(const fs::path& path) {
    std::vector<Image> frames;
    VideoReader reader(path);
    while (auto frame = reader.next()) frames.push_back(std::move(*frame));
    return frames;
}

double psnr(const Image& a, const Image& b) {
    REQUIRE(a.width() == b.width());
    REQUIRE(a.height() == b.height());
    const auto first = a.values<std::uint8_t>(), second = b.values<std::uint8_t>();
    double sum = 0;
    for (std::size_t i = 0; i < first.size(); ++i) sum += std::pow(static_cast<double>(first[i]) - second[i], 2);
    return 10 * std::log10(255.0 * 255.0 * static_cast<double>(first.size()) / std::max(sum, 1e-9));
}

/// Six upright bars, each wide enough for a middle that no neighbour touches.
constexpr std::array<Colour, 6> bars{
    {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {128, 128, 128}, {255, 255, 255}, {0, 0, 0}}};
constexpr std::int64_t bar_width = 32, bars_width = 6 * bar_width, bars_height = 48;

Image colour_bars() {
    return filled(bars_width, bars_height,
                  [](std::int64_t x, std::int64_t) { return bars[static_cast<std::size_t>(x / bar_width)]; });
}

/// The names of the boxes at the top of an MP4 file, with the sizes that the file gives.
std::vector<std::pair<std::string, std::uint64_t>> boxes_of(const std::string& bytes) {
    std::vector<std::pair<std::string, std::uint64_t>> boxes;
    const auto number = [&](std::size_t place, int count) {
        std::uint64_t value = 0;
        for (int i = 0; i < count; ++i) value = value << 8u | static_cast<unsigned char>(bytes.at(place++));
        return value;
    };
    for (std::size_t place = 0; place < bytes.size();) {
        auto size = number(place, 4);
        if (size == 1) size = number(place + 8, 8);
        REQUIRE(size >= 8);
        boxes.emplace_back(bytes.substr(place + 4, 4), size);
        place += size;
        CHECK(place <= bytes.size());
    }
    return boxes;
}

/// libav itself, for what VideoReader does not tell.
struct Demuxer {
    libav::Log quiet;
    AVFormatContext* context = nullptr;

    explicit Demuxer(const fs::path& path) {
        const libav::Log::Scope scope(quiet);
        REQUIRE(avformat_open_input(&context, path.c_str(), nullptr, nullptr) == 0);
        REQUIRE(avformat_find_stream_info(context, nullptr) >= 0);
    }
    Demuxer(const Demuxer&) = delete;
    Demuxer& operator=(const Demuxer&) = delete;
    ~Demuxer() { avformat_close_input(&context); }

    [[nodiscard]] const AVStream& stream() const { return *context->streams[0]; }
    [[nodiscard]] const AVCodecParameters& codec() const { return *stream().codecpar; }
    [[nodiscard]] std::map<std::string, std::string> tags() const {
        std::map<std::string, std::string> tags;
        const AVDictionaryEntry* entry = nullptr;
        while ((entry = av_dict_get(context->metadata, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr)
            tags[entry->key] = entry->value;
        return tags;
    }
};

/// The first frame as it is stored.
libav::Frame first_stored_frame(const fs::path& path) {
    const Demuxer file(path);
    const auto* const decoder = avcodec_find_decoder(file.codec().codec_id);
    const libav::Codec codec(avcodec_alloc_context3(decoder));
    REQUIRE(avcodec_parameters_to_context(codec.get(), &file.codec()) >= 0);
    REQUIRE(avcodec_open2(codec.get(), decoder, nullptr) == 0);
    const libav::Packet packet(av_packet_alloc());
    libav::Frame frame(av_frame_alloc());
    while (av_read_frame(file.context, packet.get()) == 0) {
        REQUIRE(avcodec_send_packet(codec.get(), packet.get()) == 0);
        av_packet_unref(packet.get());
        if (avcodec_receive_frame(codec.get(), frame.get()) == 0) return frame;
    }
    REQUIRE(avcodec_send_packet(codec.get(), nullptr) == 0);
    REQUIRE(avcodec_receive_frame(codec.get(), frame.get()) == 0);
    return frame;
}

/// The same packets in another container.
void repack(const fs::path& from, const fs::path& to, const char* format) {
    const Demuxer source(from);
    libav::Log log;
    const libav::Log::Scope quiet(log);
    AVFormatContext* target = nullptr;
    REQUIRE(avformat_alloc_output_context2(&target, nullptr, format, to.c_str()) >= 0);
    auto* const stream = avformat_new_stream(target, nullptr);
    REQUIRE(avcodec_parameters_copy(stream->codecpar, &source.codec()) >= 0);
    stream->codecpar->codec_tag = 0;
    stream->time_base = av_inv_q(source.stream().avg_frame_rate);  // AVI has no other notion of time
    stream->avg_frame_rate = source.stream().avg_frame_rate;
    REQUIRE(avio_open(&target->pb, to.c_str(), AVIO_FLAG_WRITE) >= 0);
    REQUIRE(avformat_write_header(target, nullptr) >= 0);
    const libav::Packet packet(av_packet_alloc());
    while (av_read_frame(source.context, packet.get()) == 0) {
        av_packet_rescale_ts(packet.get(), source.stream().time_base, stream->time_base);
        packet->pos = -1;
        REQUIRE(av_interleaved_write_frame(target, packet.get()) == 0);
    }
    REQUIRE(av_write_trailer(target) == 0);
    avio_closep(&target->pb);
    avformat_free_context(target);
}

/// Encodes one picture as it stands (no scaling) with any encoder of libav, into any container.
void write_foreign(const fs::path& to, const char* format, const char* encoder_name, const libav::Frame& frame) {
    libav::Log log;
    const libav::Log::Scope quiet(log);
    const auto* const encoder = avcodec_find_encoder_by_name(encoder_name);
    REQUIRE(encoder != nullptr);
    const libav::Codec codec(avcodec_alloc_context3(encoder));
    codec->width = frame->width;
    codec->height = frame->height;
    codec->pix_fmt = static_cast<AVPixelFormat>(frame->format);
    codec->color_range = frame->color_range;
    codec->colorspace = frame->colorspace;
    codec->time_base = {1, 25};
    codec->framerate = {25, 1};
    codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_QSCALE;
    codec->global_quality = 1;
    REQUIRE(avcodec_open2(codec.get(), encoder, nullptr) == 0);
    AVFormatContext* target = nullptr;
    REQUIRE(avformat_alloc_output_context2(&target, nullptr, format, to.c_str()) >= 0);
    auto* const stream = avformat_new_stream(target, nullptr);
    REQUIRE(avcodec_parameters_from_context(stream->codecpar, codec.get()) >= 0);
    stream->time_base = codec->time_base;
    REQUIRE(avio_open(&target->pb, to.c_str(), AVIO_FLAG_WRITE) >= 0);
    REQUIRE(avformat_write_header(target, nullptr) >= 0);
    const libav::Packet packet(av_packet_alloc());
    for (std::int64_t time = 0; time <= 3; ++time) {
        frame->pts = time;
        REQUIRE(avcodec_send_frame(codec.get(), time < 3 ? frame.get() : nullptr) == 0);
        while (avcodec_receive_packet(codec.get(), packet.get()) == 0) {
            av_packet_rescale_ts(packet.get(), codec->time_base, stream->time_base);
            REQUIRE(av_interleaved_write_frame(target, packet.get()) == 0);
        }
    }
    REQUIRE(av_write_trailer(target) == 0);
    avio_closep(&target->pb);
    avformat_free_context(target);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // they keep freed memory
#else
constexpr bool sanitized = false;
#endif

}  // namespace

TEST_CASE("frames come back as they were written, in order and none missing", "[io][video]") {
    const TemporaryFolder folder;
    write_video(folder / "a.mp4", 160, 96, 30);
    VideoReader reader(folder / "a.mp4");
    CHECK(reader.width() == 160);
    CHECK(reader.height() == 96);
    CHECK(reader.frame_rate() == FrameRate(30));
    CHECK(reader.frame_count() == 30);
    for (int time = 0; time < 30; ++time) {
        INFO("frame " << time);
        const auto frame = reader.next();
        REQUIRE(frame);
        CHECK(frame->format() == cameo::srgb8);
        CHECK(psnr(*frame, moving_square(160, 96, time)) > 35);
    }
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.next());
}

TEST_CASE("each encoder of the list writes videos that come back", "[io][video]") {
    const auto names = VideoWriteOptions{}.encoders;
    const auto name = GENERATE_COPY(from_range(names));
    if (avcodec_find_encoder_by_name(name.c_str()) == nullptr) {
        WARN("not run: this libav has no " << name);
        return;
    }
    const TemporaryFolder folder;
    {
        VideoWriter writer(folder / "a.mp4", 160, 96, 24, {.encoders = {name}});
        CHECK(writer.encoder() == name);
        for (int time = 0; time < 10; ++time) writer.write(moving_square(160, 96, time));
        writer.finish();
    }
    const auto frames = frames_of(folder / "a.mp4");
    REQUIRE(frames.size() == 10);
    for (int time = 0; time < 10; ++time)
        CHECK(psnr(frames[static_cast<std::size_t>(time)], moving_square(160, 96, time)) > 33);
}

TEST_CASE("the smallest videos and single frames can be written", "[io][video]") {
    const TemporaryFolder folder;
    for (const auto& [width, height] : {std::pair{16, 16}, {18, 16}, {16, 1024}, {1026, 16}}) {
        INFO(width << " x " << height);
        write_video(folder / "a.mp4", width, height, 1, {.overwrite = Overwrite::yes});
        const auto frames = frames_of(folder / "a.mp4");
        REQUIRE(frames.size() == 1);
        CHECK(psnr(frames[0], moving_square(width, height, 0)) > 30);
    }
}

TEST_CASE("every frame rate stands in the file exactly, and every frame lasts as long", "[io][video]") {
    const TemporaryFolder folder;
    for (const auto& rate : {FrameRate(60), FrameRate(24), FrameRate(30000, 1001), FrameRate(25, 2), FrameRate(1, 10)})
        for (const std::string encoder : {"libx264", "mpeg4"})
            for (const int frames : {1, 7}) {
                if (avcodec_find_encoder_by_name(encoder.c_str()) == nullptr) continue;
                INFO(frames << " frames at " << to_string(rate) << " by " << encoder);
                write_video(folder / "a.mp4", 64, 48, frames, {.encoders = {encoder}, .overwrite = Overwrite::yes},
                            rate);
                const Demuxer file(folder / "a.mp4");
                const auto seconds = av_q2d(file.stream().time_base) * static_cast<double>(file.stream().duration);
                CHECK(seconds == Approx(frames / rate.per_second()).epsilon(1e-4));
                if (frames > 1) CHECK(VideoReader(folder / "a.mp4").frame_rate() == rate);
            }
}

TEST_CASE("colours are stored as BT.709 in the range of television", "[io][video]") {
    // Y = 16 + 219 (0.2126 R + 0.7152 G + 0.0722 B), Cb = 128 + 224 (B - Y') / 1.8556, Cr = 128 + 224 (R - Y') / 1.5748
    const TemporaryFolder folder;
    VideoWriter writer(folder / "a.mp4", bars_width, bars_height, 30);
    for (int i = 0; i < 3; ++i) writer.write(colour_bars());
    writer.finish();
    const auto frame = first_stored_frame(folder / "a.mp4");
    REQUIRE(frame->format == AV_PIX_FMT_YUV420P);
    for (std::size_t bar = 0; bar < bars.size(); ++bar) {
        const double red = bars[bar][0] / 255.0, green = bars[bar][1] / 255.0, blue = bars[bar][2] / 255.0;
        const double luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        const auto x = static_cast<std::int64_t>(bar) * bar_width + bar_width / 2;
        INFO("bar " << bar);
        const auto at = [&](int plane, std::int64_t place) {
            return static_cast<double>(frame->data[plane][place + (bars_height / 4) * frame->linesize[plane]]);
        };
        CHECK(at(0, x) == Approx(16 + 219 * luma).margin(2));
        CHECK(at(1, x / 2) == Approx(128 + 224 * (blue - luma) / 1.8556).margin(2));
        CHECK(at(2, x / 2) == Approx(128 + 224 * (red - luma) / 1.5748).margin(2));
    }
    const auto frames = frames_of(folder / "a.mp4");
    REQUIRE(frames.size() == 3);
    for (std::size_t bar = 0; bar < bars.size(); ++bar) {
        const auto x = bar * static_cast<std::size_t>(bar_width) + static_cast<std::size_t>(bar_width) / 2;
        const auto pixel = frames[0].row<std::uint8_t>(bars_height / 2).subspan(3 * x, 3);
        for (std::size_t channel = 0; channel < 3; ++channel) {
            INFO("bar " << bar << " channel " << channel);
            CHECK(std::abs(pixel[channel] - bars[bar][channel]) <= 4);
        }
    }
}

TEST_CASE("chroma stands where H.264 says: level with the left of two pixels", "[io][video]") {
    // A ramp from black to red: where chroma were taken from between two pixels, it would run ahead by half a pixel.
    const TemporaryFolder folder;
    constexpr std::int64_t width = 128;
    const auto ramp = filled(width, 32, [](std::int64_t x, std::int64_t) {
        return Colour{static_cast<std::uint8_t>(2 * x), 0, 0};
    });
    VideoWriter writer(folder / "a.mp4", width, 32, 30, {.bit_rate = 20'000'000});
    for (int i = 0; i < 2; ++i) writer.write(ramp);
    writer.finish();
    const auto frame = first_stored_frame(folder / "a.mp4");
    double ahead = 0;
    int count = 0;
    for (std::int64_t x = 8; x < width - 8; x += 2, ++count) {
        const double red = static_cast<double>(2 * x) / 255;
        ahead += frame->data[2][x / 2 + 8 * frame->linesize[2]] - (128 + 224 * (red - 0.2126 * red) / 1.5748);
    }
    const double half_pixel = 224 * (1 - 0.2126) / 1.5748 / 255;
    CHECK(std::abs(ahead / count) < 0.4 * half_pixel);
}

TEST_CASE("the file says what it holds: H.264, 4:2:0, BT.709, index in front", "[io][video]") {
    const TemporaryFolder folder;
    write_video(folder / "a.mp4", 160, 96, 12);
    const Demuxer file(folder / "a.mp4");
    CHECK(file.codec().format == AV_PIX_FMT_YUV420P);
    CHECK(file.codec().color_range == AVCOL_RANGE_MPEG);
    CHECK(file.codec().color_primaries == AVCOL_PRI_BT709);
    CHECK(file.codec().color_trc == AVCOL_TRC_BT709);
    CHECK(file.codec().color_space == AVCOL_SPC_BT709);
    CHECK(file.codec().chroma_location == AVCHROMA_LOC_LEFT);
    if (avcodec_find_encoder_by_name("libx264") != nullptr) CHECK(file.codec().codec_id == AV_CODEC_ID_H264);

    const auto bytes = text_of(folder / "a.mp4");
    CHECK_THAT(bytes, Catch::Contains("colr") && Catch::Contains("nclx"));  // players that look at the container only
    const auto boxes = boxes_of(bytes);
    const auto place = [&](const std::string& name) {
        return std::ranges::find(boxes, name, [](const auto& box) { return box.first; }) - boxes.begin();
    };
    CHECK(boxes.at(0).first == "ftyp");
    CHECK(place("moov") < place("mdat"));
    REQUIRE(place("mdat") < std::ssize(boxes));
}

TEST_CASE("provenance and title stand in the file, and nothing else does", "[io][video]") {
    const TemporaryFolder folder;
    write_video(
        folder / "a.mp4", 64, 48, 3,
        {.metadata = {.synthetic = true, .model_hash = "sha256:0f1e", .licence = "CC-BY-4.0", .title = "Kopf äöü"}});
    CHECK(
        Demuxer(folder / "a.mp4").tags() ==
        std::map<std::string, std::string>{{"major_brand", "isom"},
                                           {"minor_version", "512"},
                                           {"compatible_brands", Demuxer(folder / "a.mp4").tags()["compatible_brands"]},
                                           {"title", "Kopf äöü"},
                                           {"comment", "synthetic, made with cameo; model sha256:0f1e"},
                                           {"copyright", "CC-BY-4.0"}});
    write_video(folder / "b.mp4", 64, 48, 3);
    const auto plain = Demuxer(folder / "b.mp4").tags();
    for (const std::string key : {"title", "comment", "copyright", "encoder", "creation_time"})
        CHECK(plain.count(key) == 0);
    for (const auto* const name : {"a.mp4", "b.mp4"})
        for (const std::string word : {"x264", "Lavf", "Lavc", "FFmpeg"})
            CHECK(text_of(folder / name).find(word) == std::string::npos);
}

TEST_CASE("equal frames make equal bytes, beside other work and on any number of cores", "[io][video]") {
    const auto name = GENERATE(as<std::string>(), "libx264", "mpeg4");
    if (avcodec_find_encoder_by_name(name.c_str()) == nullptr) return;
    const TemporaryFolder one, two;
    const VideoWriteOptions options{.encoders = {name}, .metadata = {.synthetic = true}};
    write_video(one / "a.mp4", 320, 192, 40, options);
    std::thread other([&] {
        cpu_set_t first_core;
        CPU_ZERO(&first_core);
        REQUIRE(::sched_getaffinity(0, sizeof first_core, &first_core) == 0);
        for (int core = 0, kept = 0; core < CPU_SETSIZE; ++core)
            if (CPU_ISSET(core, &first_core) && ++kept > 1) CPU_CLR(core, &first_core);
        REQUIRE(::sched_setaffinity(0, sizeof first_core, &first_core) == 0);  // of this thread and what it starts
        write_video(two / "other.mp4", 320, 192, 40, options);
    });
    write_video(two / "b.mp4", 320, 192, 40, options);
    other.join();
    CHECK(text_of(one / "a.mp4") == text_of(two / "b.mp4"));
    CHECK(text_of(one / "a.mp4") == text_of(two / "other.mp4"));
}

TEST_CASE("a higher bit rate is used for a better picture", "[io][video]") {
    const TemporaryFolder folder;
    std::uint32_t state = 1;
    const auto noise = filled(128, 128, [&](std::int64_t, std::int64_t) -> Colour {
        state = state * 1664525u + 1013904223u;
        const auto level = static_cast<std::uint8_t>(state >> 24u);
        return {level, level, level};
    });
    const auto quality = [&](std::int64_t bit_rate) {
        VideoWriter writer(folder / "a.mp4", 128, 128, 30, {.bit_rate = bit_rate, .overwrite = Overwrite::yes});
        for (int i = 0; i < 5; ++i) writer.write(noise);
        writer.finish();
        return std::pair{fs::file_size(folder / "a.mp4"), psnr(frames_of(folder / "a.mp4").back(), noise)};
    };
    const auto [small, poor] = quality(100'000);
    const auto [large, good] = quality(4'000'000);
    CHECK(large > 2 * small);
    CHECK(good > poor + 3);
}

TEST_CASE("sizes, names and options that cannot be are refused before anything is written", "[io][video]") {
    const TemporaryFolder folder;
    const auto check = [&](const std::string& reason, const std::string& name, std::int64_t width, std::int64_t height,
                           const VideoWriteOptions& options = {}) {
        const auto message =
            error_of(Errc::invalid_argument, [&] { VideoWriter(folder / name, width, height, 30, options); });
        CHECK_THAT(message, Catch::Contains(reason));
    };
    check("a.mp4: expected an even width (the next is 514), got 513", "a.mp4", 513, 512);
    check("a.mp4: expected an even height (the next is 48), got 47", "a.mp4", 64, 47);
    check("expected width from 16 to 16384, got 0", "a.mp4", 0, 64);
    check("expected height from 16 to 16384, got -2", "a.mp4", 64, -2);
    check("got 16386", "a.mp4", 64, 16386);
    check("a name that ends in .mp4, got '.avi'", "a.avi", 64, 64);
    check("a name that ends in .mp4, got ''", "mp4", 64, 64);
    check("bit rate", "a.mp4", 64, 64, {.bit_rate = -1});
    check("bit rate", "a.mp4", 64, 64, {.bit_rate = 3'000'000'000});
    check("at least one name", "a.mp4", 64, 64, {.encoders = {}});
    check("video title: expected one line", "a.mp4", 64, 64, {.metadata = {.title = std::string("a\0b", 3)}});
    check("video licence: expected at most 4096", "a.mp4", 64, 64, {.metadata = {.licence = std::string(5000, 'x')}});
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("frames of another size or format are refused, and the video goes on", "[io][video]") {
    const TemporaryFolder folder;
    VideoWriter writer(folder / "a.mp4", 64, 48, 30);
    const auto check = [&](const Image& image, const std::string& reason) {
        CHECK_THAT(error_of(Errc::invalid_argument, [&] { writer.write(image); }), Catch::Contains(reason));
    };
    error_of(Errc::invalid_argument, [&] { writer.finish(); });  // no frame yet
    writer.write(moving_square(64, 48, 0));
    check(moving_square(48, 64, 0), "a frame of 64 x 48, got 48 x 64");
    check(Image(64, 48, 1, cameo::srgb8), "3 channels");
    check(Image(64, 48, 4, cameo::srgb8), "3 channels");
    check(Image(64, 48, 3, cameo::srgb_symmetric), "f32");
    check(Image(64, 48, 3, cameo::data8), "data");
    check(Image(), "got 0 channels");
    writer.write(moving_square(64, 48, 1));
    writer.finish();
    check(moving_square(64, 48, 2), "before finish()");
    error_of(Errc::invalid_argument, [&] { writer.finish(); });
    CHECK(frames_of(folder / "a.mp4").size() == 2);
}

TEST_CASE("without an encoder the error tells the way around", "[io][video]") {
    const TemporaryFolder folder;
    const auto message = error_of(Errc::device_unsupported, [&] {
        VideoWriter(folder / "orbit.mp4", 64, 48, 30, {.encoders = {"no_such_codec", "png"}});
    });
    CHECK_THAT(message, Catch::Contains("no_such_codec, png") && Catch::Contains("no_such_codec: not in this libav"));
    CHECK_THAT(message, Catch::Contains("ffmpeg -framerate 30 -i '" + (folder / "orbit-%04d.png").string() + "'"));
    CHECK_THAT(message, Catch::Contains("'" + (folder / "orbit.mp4").string() + "'"));
    CHECK(names_in(folder.path()).empty());
    VideoWriter second(folder / "a.mp4", 64, 48, 30, {.encoders = {"no_such_codec", "mpeg4"}});
    CHECK(second.encoder() == "mpeg4");
}

TEST_CASE("a video that is not finished leaves nothing, and a finished one replaces only when asked", "[io][video]") {
    const TemporaryFolder folder;
    {
        VideoWriter writer(folder / "a.mp4", 64, 48, 30);
        for (int time = 0; time < 100; ++time) writer.write(moving_square(64, 48, time));
        CHECK_FALSE(fs::exists(folder / "a.mp4"));
    }
    CHECK(names_in(folder.path()).empty());
    write_video(folder / "a.mp4", 64, 48, 2);
    const auto before = text_of(folder / "a.mp4");
    const auto message = error_of(Errc::io_failure, [&] { write_video(folder / "a.mp4", 64, 48, 3); });
    CHECK_THAT(message, Catch::Contains("a name not yet taken"));
    {
        VideoWriter writer(folder / "a.mp4", 64, 48, 30, {.overwrite = Overwrite::yes});
        writer.write(moving_square(64, 48, 0));
    }
    CHECK(text_of(folder / "a.mp4") == before);
    write_video(folder / "a.mp4", 64, 48, 3, {.overwrite = Overwrite::yes});
    CHECK(frames_of(folder / "a.mp4").size() == 3);
    CHECK(names_in(folder.path()) == std::vector<std::string>{"a.mp4"});
}

TEST_CASE("a writer can be moved in the middle of its work", "[io][video]") {
    const TemporaryFolder folder;
    VideoWriter first(folder / "a.mp4", 64, 48, 30);
    first.write(moving_square(64, 48, 0));
    auto second = std::move(first);
    second.write(moving_square(64, 48, 1));
    second.finish();
    CHECK(frames_of(folder / "a.mp4").size() == 2);
}

TEST_CASE("a video whose disk fails leaves the folder as it was", "[io][video]") {
    cameo::support::check_writer_is_safe(
        [](const fs::path& path, Overwrite overwrite) { write_video(path, 32, 32, 3, {.overwrite = overwrite}); },
        "a.mp4");
}

TEST_CASE("after a failure the writer takes nothing more", "[io][video]") {
    const TemporaryFolder folder;
    cameo::support::FailingDisk disk({.room = 4096});
    const cameo::io::FileCallsScope scope(disk);
    VideoWriter writer(folder / "a.mp4", 64, 48, 30, {.bit_rate = 5'000'000, .encoders = {"mpeg4"}});
    const auto message = error_of(Errc::io_failure, [&] {
        for (int time = 0; time < 3000; ++time) writer.write(moving_square(64, 48, time));
    });
    CHECK_THAT(message, Catch::Contains("a.mp4: expected to write the file, got 'No space left on device'"));
    error_of(Errc::invalid_argument, [&] { writer.write(moving_square(64, 48, 0)); });
    error_of(Errc::invalid_argument, [&] { writer.finish(); });
    CHECK_FALSE(fs::exists(folder / "a.mp4"));
}

TEST_CASE("a real disk of 4 MiB that a video fills leaves the previous video intact", "[io][video]") {
    const TemporaryFolder folder;
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=4m") != 0) {
        WARN("not run: mounting a tmpfs is not permitted here (" << std::strerror(errno) << ")");
        return;
    }
    write_video(folder / "a.mp4", 64, 48, 5);
    const auto before = text_of(folder / "a.mp4");
    std::uint32_t state = 1;
    const auto message = error_of(Errc::io_failure, [&] {
        VideoWriter writer(folder / "a.mp4", 512, 512, 30, {.bit_rate = 200'000'000, .overwrite = Overwrite::yes});
        for (int time = 0; time < 60; ++time)
            writer.write(filled(512, 512, [&](std::int64_t, std::int64_t) -> Colour {
                state = state * 1664525u + 1013904223u;
                return {static_cast<std::uint8_t>(state >> 24u), static_cast<std::uint8_t>(state >> 16u), 0};
            }));
        writer.finish();
    });
    CHECK_THAT(message, Catch::Contains("No space left on device"));
    CHECK(names_in(folder.path()) == std::vector<std::string>{"a.mp4"});
    CHECK(text_of(folder / "a.mp4") == before);
    CHECK(::umount2(folder.path().c_str(), MNT_DETACH) == 0);
}

TEST_CASE("memory does not grow with the length of a video, neither writing nor reading", "[io][video]") {
    if (sanitized) {
        WARN("not run: sanitizers keep freed memory");
        return;
    }
    const TemporaryFolder folder;
    constexpr std::int64_t side = 256, length = 300, settled = 100, frame_bytes = side * side * 3;
    VideoWriter writer(folder / "a.mp4", side, side, 30);
    std::uint64_t before = 0;
    for (std::int64_t time = 0; time < length; ++time) {
        if (time == settled) before = process_status("VmRSS");
        writer.write(moving_square(side, side, time));
    }
    const auto growth = [&] {
        return static_cast<std::int64_t>(process_status("VmRSS")) - static_cast<std::int64_t>(before);
    };
    CHECK(growth() < 10 * frame_bytes);  // of 200 that went through
    writer.finish();

    VideoReader reader(folder / "a.mp4");
    for (std::int64_t time = 0; time < length; ++time) {
        if (time == settled) before = process_status("VmRSS");
        REQUIRE(reader.next());
    }
    CHECK(growth() < 10 * frame_bytes);
}

TEST_CASE("MKV and AVI files are read like MP4 files", "[io][video]") {
    const TemporaryFolder folder;
    // AVI does not tell the colours: 720 lines, that they are guessed right.
    write_video(folder / "a.mp4", 64, 720, 15, {.encoders = {"mpeg4"}}, FrameRate(25));
    const auto expected = frames_of(folder / "a.mp4");
    for (const auto& [name, format] : {std::pair{"a.mkv", "matroska"}, {"a.avi", "avi"}, {"a.mov", "mov"}}) {
        INFO(name);
        repack(folder / "a.mp4", folder / name, format);
        CHECK(VideoReader(folder / name).frame_rate() == FrameRate(25));
        CHECK(frames_of(folder / name) == expected);
        fs::copy(folder / name, folder / "b.mp4");  // by content, never by name
        CHECK(frames_of(folder / "b.mp4") == expected);
        fs::remove(folder / "b.mp4");
    }
    repack(folder / "a.mp4", folder / "-a:b.mkv", "matroska");
    CHECK(frames_of(folder / "-a:b.mkv") == expected);
    CHECK_FALSE(VideoReader(folder / "a.mkv").frame_count());
}

TEST_CASE("colours are read by the file's matrix and range", "[io][video]") {
    // (Y, Cb, Cr) of BT.601's red, full range and television's, and of BT.709's; lossless FFV1 and JPEG.
    struct Case {
        AVColorSpace matrix;
        AVColorRange range;
        std::array<int, 3> red;
    };
    const auto value = GENERATE(Case{AVCOL_SPC_SMPTE170M, AVCOL_RANGE_MPEG, {81, 90, 240}},
                                Case{AVCOL_SPC_SMPTE170M, AVCOL_RANGE_JPEG, {76, 85, 255}},
                                Case{AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, {63, 102, 240}},
                                Case{AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED, {81, 90, 240}});
    const TemporaryFolder folder;
    for (const auto format : {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUV422P10LE}) {
        INFO("matrix " << value.matrix << " range " << value.range << " format " << format);
        const auto frame = libav::make_frame(format, 64, 48);
        const int scale = format == AV_PIX_FMT_YUV422P10LE ? 4 : 1;
        const int bytes = scale == 4 ? 2 : 1;
        for (int plane = 0; plane < 3; ++plane) {
            const int rows = plane > 0 && format == AV_PIX_FMT_YUV420P ? 24 : 48;
            const auto number = static_cast<unsigned>(value.red[static_cast<std::size_t>(plane)] * scale);
            for (int y = 0; y < rows; ++y)
                for (int x = 0; x < frame->linesize[plane]; ++x)
                    frame->data[plane][y * frame->linesize[plane] + x] =
                        static_cast<std::uint8_t>(bytes == 1 || x % 2 == 0 ? number : number >> 8u);
        }
        frame->color_range = value.range;
        frame->colorspace = value.matrix;
        write_foreign(folder / "a.mkv", "matroska", "ffv1", frame);
        const auto frames = frames_of(folder / "a.mkv");
        REQUIRE(frames.size() == 3);
        const auto pixel = frames[0].row<std::uint8_t>(20).subspan(60, 3);
        CHECK(pixel[0] >= 252);
        CHECK(pixel[1] <= 3);
        CHECK(pixel[2] <= 3);
    }
}

TEST_CASE("videos of JPEG pictures and of plain RGB are read", "[io][video]") {
    const TemporaryFolder folder;
    const auto jpeg = libav::make_frame(AV_PIX_FMT_YUVJ420P, 64, 48);
    for (int plane = 0; plane < 3; ++plane)
        std::memset(jpeg->data[plane],
                    plane == 0   ? 76
                    : plane == 1 ? 85
                                 : 255,
                    static_cast<std::size_t>(jpeg->linesize[plane]) * (plane == 0 ? 48 : 24));
    jpeg->color_range = AVCOL_RANGE_JPEG;
    write_foreign(folder / "a.avi", "avi", "mjpeg", jpeg);
    const auto picture = frames_of(folder / "a.avi").at(0);
    const auto red = picture.row<std::uint8_t>(20);
    CHECK(red[60] >= 250);
    CHECK(red[61] <= 5);
    CHECK(red[62] <= 5);

    const auto rgb = libav::make_frame(AV_PIX_FMT_0RGB32, 64, 48);
    for (int y = 0; y < 48; ++y)
        for (int x = 0; x < 64; ++x) {
            const std::uint32_t pixel =
                0xff'00'00'00u | static_cast<unsigned>(4 * x) << 16u | 77u << 8u | static_cast<unsigned>(5 * y);
            std::memcpy(rgb->data[0] + y * rgb->linesize[0] + 4 * x, &pixel, 4);
        }
    write_foreign(folder / "b.mkv", "matroska", "ffv1", rgb);
    CHECK(frames_of(folder / "b.mkv").at(2) == filled(64, 48, [](std::int64_t x, std::int64_t y) {
              return Colour{static_cast<std::uint8_t>(4 * x), 77, static_cast<std::uint8_t>(5 * y)};
          }));
}

TEST_CASE("frames come upright, however the phone was held", "[io][video]") {
    const TemporaryFolder folder;
    write_video(folder / "a.mp4", 64, 48, 2);
    const auto stored = frames_of(folder / "a.mp4").at(0);
    const auto bytes = text_of(folder / "a.mp4");
    const auto track = bytes.find("tkhd");
    REQUIRE(track != std::string::npos);
    const auto with_matrix = [&](std::array<std::int32_t, 4> terms) {  // (x, y) -> (a x + c y, b x + d y)
        auto changed = bytes;
        const std::array<std::size_t, 4> places{0, 1, 3, 4};
        for (std::size_t i = 0; i < 4; ++i)
            for (std::size_t byte = 0; byte < 4; ++byte)
                changed[track + 44 + 4 * places[i] + byte] =
                    static_cast<char>(static_cast<std::uint32_t>(terms[i]) >> (24 - 8 * byte));
        std::ofstream(folder / "b.mp4", std::ios::binary) << changed;
        return folder / "b.mp4";
    };
    constexpr std::int32_t one = 1 << 16;
    const auto pixel = [](const Image& image, std::int64_t x, std::int64_t y) {
        const auto values = image.row<std::uint8_t>(y).subspan(static_cast<std::size_t>(3 * x), 3);
        return Colour{values[0], values[1], values[2]};
    };
    REQUIRE(frames_of(with_matrix({one, 0, 0, one})).at(0) == stored);
    for (const auto& [a, b, c, d] :
         {std::array{0, one, -one, 0}, {-one, 0, 0, -one}, {0, -one, one, 0}, {-one, 0, 0, one}, {0, one, one, 0}}) {
        INFO(a << " " << b << " " << c << " " << d);
        const auto path = with_matrix({a, b, c, d});
        const VideoReader reader(path);
        CHECK(reader.width() == (a == 0 ? 48 : 64));
        CHECK(reader.height() == (a == 0 ? 64 : 48));
        const auto frame = frames_of(path).at(0);
        bool right = frame.width() == reader.width() && frame.height() == reader.height();
        REQUIRE(right);
        for (std::int64_t y = 0; y < 48; ++y)
            for (std::int64_t x = 0; x < 64; ++x) {
                const auto place = [&](std::int32_t of_x, std::int32_t of_y) {  // and into the picture again
                    return (of_x * x + of_y * y) / one + (of_x < 0 ? 63 : of_y < 0 ? 47 : 0);
                };
                right = right && pixel(frame, place(a, c), place(b, d)) == pixel(stored, x, y);
            }
        CHECK(right);
    }
    CHECK_THAT(error_of(Errc::bad_file,
                        [&] {
                            VideoReader(with_matrix({46341, 46341, -46341, 46341}));
                        }),
               Catch::Contains("quarters"));
}

TEST_CASE("what is no video is refused with its name", "[io][video]") {
    const TemporaryFolder folder;
    const auto check = [&](Errc code, const fs::path& path) {
        INFO(path.filename().string());
        CHECK_THAT(error_of(code, [&] { VideoReader reader(path); }), Catch::Contains(path.filename().string()));
    };
    check(Errc::io_failure, folder / "missing.mp4");
    check(Errc::io_failure, folder.path());
    check(Errc::io_failure, "http://127.0.0.1:9/a.mp4");
    check(Errc::io_failure, "concat:a.mp4");
    REQUIRE(::mkfifo((folder / "pipe.mp4").c_str(), 0600) == 0);
    check(Errc::io_failure, folder / "pipe.mp4");

    write_video(folder / "real.mp4", 64, 48, 3, {.encoders = {"mpeg4"}});
    const auto check_text = [&](const std::string& name, const std::string& text) {
        std::ofstream(folder / name, std::ios::binary) << text;
        check(Errc::bad_file, folder / name);
    };
    check_text("empty.mp4", "");
    check_text("zeros.mp4", std::string(100'000, '\0'));
    std::string garbage(100'000, 0);
    std::uint32_t state = 7;
    for (auto& letter : garbage) letter = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24u);
    check_text("garbage.mp4", garbage);
    check_text("garbage.avi",
               "RIFF\x10\x20\x30\x40"
               "AVI LIST" +
                   garbage);
    check_text("garbage.mkv", "\x1a\x45\xdf\xa3" + garbage);
    const auto real = (folder / "real.mp4").string();
    check_text("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\n" + real + "\n#EXT-X-ENDLIST\n");
    check_text("list.mp4", "ffconcat version 1.0\nfile '" + real + "'\n");
    check_text("list.mpd", "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>");
    repack(folder / "real.mp4", folder / "stream.ts", "mpegts");
    check(Errc::bad_file, folder / "stream.ts");
    repack(folder / "real.mp4", folder / "raw.m4v", "m4v");
    check(Errc::bad_file, folder / "raw.m4v");
}

TEST_CASE("codecs that nobody films with are refused", "[io][video]") {
    const TemporaryFolder folder;
    const auto frame = libav::make_frame(AV_PIX_FMT_YUV420P, 64, 48);
    for (int plane = 0; plane < 3; ++plane)
        std::memset(frame->data[plane], 128, static_cast<std::size_t>(frame->linesize[plane]) * (plane == 0 ? 48 : 24));
    write_foreign(folder / "a.avi", "avi", "huffyuv", [&] {
        auto planar = libav::make_frame(AV_PIX_FMT_YUV422P, 64, 48);
        for (int plane = 0; plane < 3; ++plane)
            std::memset(planar->data[plane], 128, static_cast<std::size_t>(planar->linesize[plane]) * 48);
        return planar;
    }());
    error_of(Errc::bad_file, [&] { VideoReader reader(folder / "a.avi"); });
    write_foreign(folder / "b.avi", "avi", "mpeg2video", frame);
    error_of(Errc::bad_file, [&] { VideoReader reader(folder / "b.avi"); });
}

TEST_CASE("a video cut short is refused when it is opened or at the missing frame", "[io][video]") {
    const TemporaryFolder folder;
    write_video(folder / "h264.mp4", 160, 96, 20);
    write_video(folder / "mpeg4.mp4", 160, 96, 20, {.encoders = {"mpeg4"}});
    for (const auto& [source, name, format] : {std::array{"h264.mp4", "a.mp4", ""},
                                               {"mpeg4.mp4", "b.mp4", ""},
                                               {"h264.mp4", "a.mov", "mov"},
                                               {"h264.mp4", "a.mkv", "matroska"},
                                               {"mpeg4.mp4", "a.avi", "avi"}}) {
        if (*format == '\0')
            fs::copy(folder / source, folder / name);
        else
            repack(folder / source, folder / name, format);
        const auto bytes = text_of(folder / name);
        REQUIRE(frames_of(folder / name).size() == 20);
        for (std::size_t cut = 1; cut <= 200; ++cut) {
            const auto size = std::min(bytes.size() * cut / 200, bytes.size() - 1);
            INFO(name << ": " << size << " of " << bytes.size() << " bytes");
            std::ofstream(folder / "cut", std::ios::binary) << bytes.substr(0, size);
            error_of(Errc::bad_file, [&] { (void)frames_of(folder / "cut"); });
        }
    }
    const auto bytes = text_of(folder / "a.mp4");
    std::ofstream(folder / "cut", std::ios::binary) << bytes.substr(0, bytes.size() - 1);
    CHECK_THAT(
        error_of(Errc::bad_file, [&] { VideoReader reader(folder / "cut"); }),
        Catch::Contains("cut: expected a file of " + std::to_string(bytes.size()) + " bytes, got one cut short"));
}

TEST_CASE("a damaged frame is an error that names it, again at each call", "[io][video]") {
    const TemporaryFolder folder;
    write_video(folder / "a.mp4", 64, 48, 40);
    auto bytes = text_of(folder / "a.mp4");
    for (std::size_t place = bytes.size() - 200; place < bytes.size(); ++place) bytes[place] = '\xff';
    std::ofstream(folder / "b.mp4", std::ios::binary) << bytes;
    VideoReader reader(folder / "b.mp4");
    REQUIRE(reader.next());
    const auto message = error_of(Errc::bad_file, [&] {
        while (reader.next()) {
        }
    });
    CHECK_THAT(message, Catch::Contains("b.mp4: expected frame ") && Catch::Contains("whole, got 'Invalid data"));
    CHECK(error_of(Errc::bad_file, [&] { (void)reader.next(); }) == message);
}

TEST_CASE("damaged videos are read or refused, never worse", "[io][video]") {
    const TemporaryFolder folder;
    write_video(folder / "a.mp4", 64, 48, 8);
    repack(folder / "a.mp4", folder / "a.mkv", "matroska");
    write_video(folder / "b.mp4", 64, 48, 8, {.encoders = {"mpeg4"}});
    repack(folder / "b.mp4", folder / "a.avi", "avi");
    for (const std::string name : {"a.mp4", "a.mkv", "a.avi"}) {
        const auto bytes = text_of(folder / name);
        int refused = 0;
        for (std::size_t i = 0; i < 300; ++i) {
            auto damaged = bytes;
            const auto place = bytes.size() * i / 300;
            damaged[place] = static_cast<char>(damaged[place] ^ (i % 2 == 0 ? '\xff' : '\x10'));
            std::ofstream(folder / "b", std::ios::binary) << damaged;
            try {
                for (const auto& frame : frames_of(folder / "b"))
                    CHECK((frame.width() <= 16384 && frame.height() <= 16384));
            } catch (const Error& error) {
                ++refused;
                CHECK((error.code() == Errc::bad_file || error.code() == Errc::out_of_memory));
            }
        }
        INFO(name);
        CHECK(refused > 20);
    }
}

TEST_CASE("nothing is printed while videos are written and read", "[io][video]") {
    const TemporaryFolder folder;
    std::fflush(stderr);
    const int saved = ::dup(STDERR_FILENO);
    std::FILE* const captured = std::tmpfile();
    REQUIRE(captured != nullptr);
    REQUIRE(::dup2(::fileno(captured), STDERR_FILENO) >= 0);
    std::optional<std::string> message;
    std::size_t count = 0;
    try {
        write_video(folder / "a.mp4", 64, 48, 8);
        count = frames_of(folder / "a.mp4").size();
        auto bytes = text_of(folder / "a.mp4");
        std::fill(bytes.end() - 100, bytes.end(), '\xff');
        std::ofstream(folder / "b.mp4", std::ios::binary) << bytes;
        (void)frames_of(folder / "b.mp4");
    } catch (const Error& error) {
        message = error.what();
    }
    std::fflush(stderr);
    (void)::dup2(saved, STDERR_FILENO);
    (void)::close(saved);
    CHECK(::lseek(::fileno(captured), 0, SEEK_END) == 0);
    (void)std::fclose(captured);
    CHECK(count == 8);
    REQUIRE(message);
    CHECK_THAT(
        *message,
        Catch::Contains("got 'Invalid data found when processing input ("));  // libav's own words are in the error's
}
