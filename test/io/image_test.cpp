// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/image.hpp>

#include <OpenImageIO/filesystem.h>
#include <OpenImageIO/imageio.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "image_samples.hpp"
#include "io/tiff_directory.hpp"
#include "support/errors.hpp"
#include "support/failing_disk.hpp"
#include "support/golden.hpp"
#include "support/memory.hpp"

using namespace cameo;
using namespace cameo::io;
using namespace cameo::support;
using namespace std::string_literals;

namespace {

Image decoded(const FileBytes& file, const ImageReadOptions& options = {}) {
    return decode_image(file, "picture", options).image;
}

/// A picture that another program could have written, with OpenImageIO's own choice of everything else.
FileBytes foreign_file(const char* plugin, const Image& image, OIIO::TypeDesc type,
                       const std::function<void(OIIO::ImageSpec&)>& change) {
    const auto from = image.format().type == PixelType::u8    ? OIIO::TypeDesc::UINT8
                      : image.format().type == PixelType::u16 ? OIIO::TypeDesc::UINT16
                                                              : OIIO::TypeDesc::FLOAT;
    OIIO::ImageSpec spec(static_cast<int>(image.width()), static_cast<int>(image.height()),
                         static_cast<int>(image.channels()), type);
    change(spec);
    std::vector<unsigned char> bytes;
    OIIO::Filesystem::IOVecOutput proxy(bytes);
    const auto output = OIIO::ImageOutput::create(plugin);
    REQUIRE(output);
    REQUIRE(output->set_ioproxy(&proxy));
    REQUIRE(output->open("x", spec));
    REQUIRE(output->write_image(from, image.bytes().data()));
    output->close();
    (void)output->geterror();
    FileBytes result(bytes.size());
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
}

/// What a truncated, changed or invented file may do: be refused as such, or give a picture within the limits.
bool accepted(const FileBytes& file) {
    try {
        const auto image = decoded(file);
        CHECK(std::max(image.width(), image.height()) <= Image::max_side);
        return true;
    } catch (const Error& error) {
        CHECK(error.code() == Errc::bad_file);
        CHECK_THAT(error.what(), Catch::StartsWith("picture: "));
        return false;
    }
}

double worst_difference(const Image& a, const Image& b) {
    REQUIRE(a.bytes().size() == b.bytes().size());
    double worst = 0;
    for (std::size_t i = 0; i < a.bytes().size(); ++i)
        worst = std::max<double>(worst, std::abs(int{a.values<std::uint8_t>()[i]} - int{b.values<std::uint8_t>()[i]}));
    return worst;
}

/// Smooth enough for lossy formats.
Image ramp(std::int64_t channels) {
    Image image(64, 48, channels, srgb8);
    for (std::int64_t y = 0; y < 48; ++y)
        for (std::int64_t x = 0; x < 64; ++x)
            for (std::int64_t c = 0; c < channels; ++c)
                image.row<std::uint8_t>(y)[static_cast<std::size_t>(x * channels + c)] =
                    static_cast<std::uint8_t>(c == 0   ? 40 + 2 * x
                                              : c == 1 ? 30 + 3 * y
                                                       : 200 - x - y);
    return image;
}

}  // namespace

TEST_CASE("lossless formats give back every number", "[io][image]") {
    const auto check = [](const Image& image, const ImageWriteOptions& options) {
        INFO(name(*options.format) << ", " << to_string(image.format()) << ", " << image.channels() << " channels");
        const auto file =
            decode_image(encode_image(image, options), "picture", {.data = image.format().encoding == Encoding::data});
        CHECK(file.format == *options.format);
        CHECK((file.image == image));
        CHECK(file.metadata.empty());
        CHECK_FALSE(file.has_icc_profile);
    };
    for (std::int64_t channels = 1; channels <= 4; ++channels) {
        for (const auto& format : {srgb8, srgb16, data8, data16}) {
            check(pattern(33, 9, channels, format), {.format = ImageFormat::png});
            check(pattern(33, 9, channels, format), {.format = ImageFormat::tiff});
        }
        check(pattern(33, 9, channels, data_float), {.format = ImageFormat::tiff});
        check(pattern(33, 9, channels, data_float), {.format = ImageFormat::exr});
    }
    for (const std::int64_t channels : {1, 3}) {
        check(pattern(33, 9, channels, linear_light), {.format = ImageFormat::tiff});
        check(pattern(33, 9, channels, linear_light), {.format = ImageFormat::exr});
    }
    check(pattern(5, 3, 64, data8), {.format = ImageFormat::tiff});
    check(pattern(5, 3, 7, data_float), {.format = ImageFormat::tiff});
    check(pattern(1, 1, 1, srgb8), {.format = ImageFormat::png});
    check(pattern(16384, 1, 1, srgb8), {.format = ImageFormat::png});
    check(pattern(1, 16384, 3, linear_light), {.format = ImageFormat::exr});
}

TEST_CASE("lossy formats stay close to a smooth picture", "[io][image]") {
    for (const std::int64_t channels : {1, 3})
        CHECK(worst_difference(decoded(encoded(ramp(channels), ImageFormat::jpeg)), ramp(channels)) <= 3);
    CHECK(worst_difference(decoded(encoded(ramp(3), ImageFormat::webp)), ramp(3)) <= 6);
    CHECK(worst_difference(decoded(foreign_file("webp", ramp(3), OIIO::TypeDesc::UINT8,
                                                [](auto& spec) { spec.attribute("Compression", "lossless"); })),
                           ramp(3)) <= 6);
    const auto coarse = encode_image(ramp(3), {.format = ImageFormat::jpeg, .quality = 10});
    CHECK(coarse.size() < encoded(ramp(3), ImageFormat::jpeg).size());
    CHECK(worst_difference(decoded(coarse), ramp(3)) > 3);
}

TEST_CASE("what a format cannot hold is converted, or refused when something would be lost silently", "[io][image]") {
    const auto refused = [](const Image& image, const ImageWriteOptions& options) {
        INFO(name(*options.format) << ", " << to_string(image.format()) << ", " << image.channels() << " channels");
        CHECK_THROWS_MATCHES(encode_image(image, options), Error, is_error(Errc::invalid_argument));
    };
    auto generated = pattern(8, 8, 3, srgb_symmetric);
    for (auto& value : generated.values<float>()) value = std::clamp(value, -1.F, 1.F);
    CHECK((decoded(encoded(generated, ImageFormat::png)) == converted(generated, srgb8)));
    CHECK((decoded(encoded(generated, ImageFormat::exr)) == converted(generated, linear_light)));
    CHECK((decoded(encoded(generated, ImageFormat::tiff)) == converted(generated, linear_light)));
    CHECK((decoded(encoded(pattern(8, 8, 3, srgb16), ImageFormat::png)).format() == srgb16));
    CHECK((decoded(encoded(pattern(8, 8, 3, srgb16), ImageFormat::jpeg)).format() == srgb8));

    const auto as_colour = decoded(encoded(ramp(1), ImageFormat::webp));
    REQUIRE(as_colour.channels() == 3);
    for (std::size_t i = 0; i < 64 * 48 * 3; ++i)
        CHECK(std::abs(as_colour.values<std::uint8_t>()[i] - ramp(1).values<std::uint8_t>()[i / 3]) <= 4);

    refused(pattern(8, 8, 4, srgb8), {.format = ImageFormat::jpeg});
    refused(pattern(8, 8, 2, srgb8), {.format = ImageFormat::jpeg});
    refused(pattern(8, 8, 1, data8), {.format = ImageFormat::jpeg});
    refused(pattern(8, 8, 3, data8), {.format = ImageFormat::webp});
    refused(pattern(8, 8, 1, data_float), {.format = ImageFormat::png});
    refused(pattern(8, 8, 5, data8), {.format = ImageFormat::png});
    refused(pattern(8, 8, 5, data_float), {.format = ImageFormat::exr});
    refused(pattern(8, 8, 3, srgb8), {.format = ImageFormat::jpeg, .quality = 0});
    refused(pattern(8, 8, 3, srgb8), {.format = ImageFormat::jpeg, .quality = 101});
    refused({}, {.format = ImageFormat::png});
    CHECK_THROWS_MATCHES(encode_image(pattern(2, 2, 3, srgb8), {}), Error, is_error(Errc::invalid_argument, "format"));
    for (const auto format : all_formats) {
        auto holed = pattern(8, 8, 3, linear_light);
        holed.values<float>()[3 * (8 * 5 + 2) + 1] = std::numeric_limits<float>::quiet_NaN();
        CHECK_THROWS_MATCHES(encoded(holed, format), Error,
                             is_error(Errc::invalid_argument, "pixel (2, 5), channel 1"));
    }
}

TEST_CASE("alpha is straight in an image and associated in float files", "[io][image]") {
    Image image(1, 1, 4, linear_light);
    std::ranges::copy(std::array{0.5F, 2.F, 0.25F, 0.5F}, image.values<float>().begin());
    for (const auto format : {ImageFormat::exr, ImageFormat::tiff}) {
        const auto file = encoded(image, format);
        CHECK((decoded(file) == image));
        const auto stored = decode_image(file, "picture", {.data = true}).image;
        CHECK_THAT((std::vector<float>(stored.values<float>().begin(), stored.values<float>().end())),
                   Catch::Equals(std::vector{0.25F, 1.F, 0.125F, 0.5F}));
    }
    Image glass(16, 16, 4, srgb8);
    for (std::size_t i = 0; i < 256; ++i)
        std::ranges::copy(std::array<std::uint8_t, 4>{200, 150, 100, 16}, &glass.values<std::uint8_t>()[4 * i]);
    CHECK(worst_difference(decoded(encoded(glass, ImageFormat::webp)), glass) <= 4);
    // The same from a lossless file, whose alpha is inside. Its writer divides by alpha in linear light.
    const auto half = [](std::uint8_t colour) {
        return std::lround(255 * srgb_from_linear(linear_from_srgb(static_cast<float>(colour) / 255) * 255 / 128));
    };
    for (std::size_t i = 0; i < 256; ++i)
        std::ranges::copy(std::array<std::uint8_t, 4>{120, 90, 60, 128}, &glass.values<std::uint8_t>()[4 * i]);
    const auto lossless = decoded(foreign_file("webp", glass, OIIO::TypeDesc::UINT8,
                                               [](auto& spec) { spec.attribute("Compression", "lossless"); }));
    REQUIRE(lossless.channels() == 4);
    for (const auto& [c, colour] : {std::pair{0, 120}, {1, 90}, {2, 60}})
        CHECK(std::abs(lossless.values<std::uint8_t>()[static_cast<std::size_t>(c)] -
                       half(static_cast<std::uint8_t>(colour))) <= 4);
    CHECK(lossless.values<std::uint8_t>()[3] == 128);
    Image bytes(1, 1, 4, srgb8);
    std::ranges::copy(std::array<std::uint8_t, 4>{100, 50, 25, 128}, bytes.values<std::uint8_t>().begin());
    const auto associated = foreign_file("tiff", bytes, OIIO::TypeDesc::UINT8, [](OIIO::ImageSpec&) {});
    const auto straight = decoded(associated);
    for (const auto& [c, value] : {std::pair{0, 100}, {1, 50}, {2, 25}})  // x * 255 / 128, rounded
        CHECK(straight.values<std::uint8_t>()[static_cast<std::size_t>(c)] == std::lround(value * 255.0 / 128.0));
}

TEST_CASE("photos come as RGB when asked for, transparent parts white", "[io][image]") {
    const ImageReadOptions rgb{.channels = Channels::rgb};
    const auto grey = decoded(encoded(pattern(4, 3, 1, srgb8), ImageFormat::png), rgb);
    REQUIRE(grey.channels() == 3);
    for (std::size_t i = 0; i < 36; ++i)
        CHECK(grey.values<std::uint8_t>()[i] == pattern(4, 3, 1, srgb8).values<std::uint8_t>()[i / 3]);

    Image cut_out(3, 1, 4, srgb8);
    std::ranges::copy(std::array<std::uint8_t, 12>{10, 20, 30, 0, 10, 20, 30, 255, 100, 0, 255, 51},
                      cut_out.values<std::uint8_t>().begin());
    const auto over_white = decoded(encoded(cut_out, ImageFormat::png), rgb);
    const std::vector<std::uint8_t> expected{255, 255, 255, 10, 20, 30, 224, 204, 255};  // 0.2 x + 0.8 * 255
    CHECK(std::ranges::equal(over_white.values<std::uint8_t>(), expected));

    const auto wide = decoded(encoded(pattern(4, 3, 2, srgb16), ImageFormat::png), rgb);
    CHECK(wide.format() == srgb16);
    CHECK(wide.channels() == 3);
    CHECK((decoded(encoded(pattern(4, 3, 3, linear_light), ImageFormat::exr), rgb) == pattern(4, 3, 3, linear_light)));
    CHECK_THROWS_MATCHES(decoded(encoded(pattern(4, 3, 5, data8), ImageFormat::tiff), rgb), Error,
                         is_error(Errc::bad_file, "channels"));
    CHECK_THROWS_MATCHES(decode_image({}, "picture", {.channels = Channels::rgb, .data = true}), Error,
                         is_error(Errc::invalid_argument));
}

TEST_CASE("the format is told by the content, never by the name", "[io][image]") {
    const TemporaryFolder folder;
    for (const auto format : all_formats) {
        for (const char* extension : {".png", ".jpg", ".exr", ".gif", ""}) {
            const auto path = folder / ("picture" + std::string(extension));
            write_file(path, sample_file(format), Overwrite::yes);
            CHECK(read_image(path).format == format);
        }
        const auto file = sample_file(format);
        CHECK(detected_format(std::span(file).first(12)) == format);
    }
    using namespace std::string_view_literals;
    for (const auto& [bytes, what] :
         std::map<std::string_view, std::string>{{"GIF89a......"sv, "GIF"},
                                                 {"BM.........."sv, "BMP"},
                                                 {"\0\0\0\x18"
                                                  "ftypheic...."sv,
                                                  "HEIC"},
                                                 {"\0\0\0\x18"
                                                  "ftypavif...."sv,
                                                  "AVIF"},
                                                 {"version https://git-lfs.github.com/spec/v1"sv, "Git LFS"},
                                                 {"<!DOCTYPE html>"sv, "HTML"},
                                                 {"plain text"sv, "something else"},
                                                 {""sv, "an empty file"},
                                                 {"RIFF....WAVE"sv, "something else"}}) {
        INFO(what);
        CHECK_FALSE(detected_format(as_bytes(bytes)));
        CHECK_THROWS_MATCHES(decode_image(as_bytes(bytes), "me.jpg"), Error,
                             is_error(Errc::bad_file, "me.jpg: expected a PNG, JPEG, WebP, TIFF or EXR picture"));
        CHECK_THROWS_MATCHES(decode_image(as_bytes(bytes), "me.jpg"), Error, is_error(Errc::bad_file, what));
    }
}

TEST_CASE("a file to be written has its format from its extension or from the options", "[io][image]") {
    for (const auto& [path, format] : std::map<std::string, ImageFormat>{{"a.png", ImageFormat::png},
                                                                         {"a.JPG", ImageFormat::jpeg},
                                                                         {"a.jpeg", ImageFormat::jpeg},
                                                                         {"a.webp", ImageFormat::webp},
                                                                         {"a.tif", ImageFormat::tiff},
                                                                         {"b.png/a.tiff", ImageFormat::tiff},
                                                                         {"a.png.exr", ImageFormat::exr}})
        CHECK(format_for(path) == format);
    for (const auto* path : {"a", "a.gif", "a.png.bak", ".png"})
        CHECK_THROWS_MATCHES(format_for(path), Error, is_error(Errc::invalid_argument, path));

    const TemporaryFolder folder;
    const auto path = folder / "picture.png";
    write_image(path, pattern(4, 4, 3, srgb8));
    CHECK(read_image(path).format == ImageFormat::png);
    CHECK_THROWS_MATCHES(write_image(path, pattern(4, 4, 3, srgb8)), Error, is_error(Errc::io_failure, path.string()));
    write_image(path, pattern(2, 2, 3, srgb8), {.format = ImageFormat::tiff, .overwrite = Overwrite::yes});
    CHECK(read_image(path).format == ImageFormat::tiff);
    CHECK_THROWS_MATCHES(write_image(folder / "none" / "a.png", pattern(2, 2, 3, srgb8)), Error,
                         is_error(Errc::io_failure, "none"));
    CHECK_THROWS_MATCHES(write_image("/proc/self/a.png", pattern(2, 2, 3, srgb8)), Error,
                         is_error(Errc::io_failure, "a.png"));
    CHECK_THROWS_MATCHES(read_image(folder / "missing.png"), Error, is_error(Errc::io_failure, "missing.png"));
    CHECK_THROWS_MATCHES(read_image(folder.path()), Error, is_error(Errc::io_failure, folder.path().string()));
}

TEST_CASE("writing an image survives every fault of the disk", "[io][image]") {
    check_writer_is_safe(
        [](const std::filesystem::path& path, Overwrite overwrite) {
            write_image(path, pattern(64, 64, 3, srgb8), {.overwrite = overwrite});
        },
        "picture.png");
}

TEST_CASE("equal pictures give equal bytes without a date or the name of a program", "[io][image]") {
    for (const auto format : all_formats) {
        const auto file = sample_file(format);
        INFO(name(format));
        CHECK(file == sample_file(format));
        const auto text = as_text(file);
        for (const auto* trace : {"OpenImageIO", "oiio", "capDate", "Software", ":20"})
            CHECK(text.find(trace) == text.npos);
    }
}

TEST_CASE("every cut of a file is refused", "[io][image]") {
    for (const auto format : all_formats) {
        for (const auto& metadata : {ImageMetadata{}, provenance("abc", "CC0")}) {
            const auto file = encode_image(format == ImageFormat::jpeg  ? pattern(13, 11, 3, srgb8)
                                           : format == ImageFormat::exr ? pattern(13, 37, 4, linear_light)
                                                                        : pattern(13, 11, 4, srgb8),
                                           {.format = format, .metadata = metadata});
            INFO(name(format) << ", " << file.size() << " bytes");
            REQUIRE(accepted(file));
            for (std::size_t size = 0; size < file.size(); ++size) {
                INFO("cut to " << size);
                if (accepted({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)})) FAIL_CHECK("accepted");
            }
        }
    }
    const auto progressive =
        jpeg_file({.blocks_across = 2, .blocks = {{10, 20, 30}, {40, 50, 60}}, .progressive = true});
    REQUIRE(accepted(progressive));
    for (std::size_t size = 0; size < progressive.size(); ++size)
        if (accepted({progressive.begin(), progressive.begin() + static_cast<std::ptrdiff_t>(size)})) FAIL_CHECK(size);
}

TEST_CASE("a JPEG whose pixels stop early is refused, not filled with grey", "[io][image]") {
    const auto file = encoded(pattern(64, 64, 3, srgb8), ImageFormat::jpeg);
    for (std::size_t missing = 3; missing < file.size() / 2; missing += 97) {
        FileBytes patched(file.begin(), file.end() - static_cast<std::ptrdiff_t>(missing));
        while (patched.back() == std::byte{0xFF}) patched.pop_back();
        append(patched, "\xFF\xD9");
        INFO(missing << " bytes before the end");
        CHECK_FALSE(accepted(patched));
    }
    FileBytes padded(file.begin(), file.end() - 2);  // what some cameras do
    append(padded, std::string_view("\0\0\0\0\xFF\xD9 and a trailer", 20));
    CHECK((decoded(padded) == decoded(file)));
}

TEST_CASE("no flipped byte does more than be refused or change the picture", "[io][image]") {
    for (const auto format : all_formats) {
        const auto file = sample_file(format);
        std::size_t refused = 0;
        for (std::size_t at = 0; at < file.size(); ++at) {
            for (const unsigned flip : {0xFFU, 0x01U, 0x80U}) {
                auto flipped = file;
                flipped[at] ^= static_cast<std::byte>(flip);
                refused += accepted(flipped) ? 0 : 1;
            }
        }
        INFO(name(format) << ": " << refused << " of " << 3 * file.size());
        CHECK(refused > 0);
        if (format == ImageFormat::png) CHECK(refused == 3 * file.size());
    }
}

TEST_CASE("sizes beyond the limits are refused before there is room for them", "[io][image]") {
    using namespace std::string_view_literals;
    std::map<std::string, FileBytes> liars;
    liars["PNG 2^31 - 1"] = png_file({.width = 0x7FFFFFFF, .height = 0x7FFFFFFF, .rows = "\0\0"s});
    liars["PNG without its data"] = png_file({.width = 16384, .height = 16384, .rows = std::string(64, '\0')});
    liars["PNG of no width"] = png_file({.width = 0, .rows = std::string(64, '\0')});
    const auto jpeg = jpeg_file({.blocks = {{1, 2, 3}}});
    const auto frame = as_text(jpeg).find("\xFF\xC0"sv);
    liars["JPEG 65535"] = replaced(jpeg, frame + 5, "\xFF\xFF\xFF\xFF"sv);
    liars["JPEG without its data"] = replaced(jpeg, frame + 5, "\x30\x00\x30\x00"sv);
    liars["JPEG of no height"] = replaced(jpeg, frame + 5, "\0\0"sv);
    const auto webp = foreign_file("webp", pattern(8, 8, 3, srgb8), OIIO::TypeDesc::UINT8,
                                   [](auto& spec) { spec.attribute("Compression", "lossless"); });
    liars["lossless WebP 16384"] = replaced(webp, 21, "\xFF\xFF\xFF\x0F"sv);
    const auto lossy = encoded(pattern(8, 8, 3, srgb8), ImageFormat::webp);
    liars["lossy WebP"] = replaced(lossy, 26, "\x00\x28\x00\x28"sv);
    const auto tiff = sample_file(ImageFormat::tiff);
    liars["TIFF 65535"] = replaced(replaced(tiff, 18, "\xFF\xFF"sv), 30, "\xFF\xFF"sv);
    liars["TIFF without its data"] = replaced(replaced(tiff, 18, "\x00\x28"sv), 30, "\x00\x28"sv);
    const auto exr = sample_file(ImageFormat::exr);
    for (const auto& [what, corner] : {std::pair{"EXR 2^31 - 1", "\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F"sv},
                                       std::pair{"EXR without its data", "\xFF\x1F\0\0\xFF\x1F\0\0"sv},
                                       std::pair{"EXR of negative size", "\0\0\0\x80\0\0\0\x80"sv}}) {
        auto changed = exr;
        for (const auto* window : {"dataWindow", "displayWindow"})
            changed = replaced(changed, as_text(changed).find(window) + std::strlen(window) + 1 + 6 + 4 + 8, corner);
        liars[what] = changed;
    }
    for (const auto& [what, file] : liars) {
        INFO(what);
        CHECK(resident_growth([&] { CHECK_FALSE(accepted(file)); }) < std::uint64_t{16} << 20);
    }
}

TEST_CASE("limits can be lowered", "[io][image]") {
    const auto file = encoded(pattern(20, 10, 3, srgb8), ImageFormat::png);
    CHECK_NOTHROW(decoded(file, {.limits = {.max_side = 20, .max_channels = 3, .max_bytes = 600}}));
    CHECK_THROWS_MATCHES(decoded(file, {.limits = {.max_side = 19}}), Error, is_error(Errc::bad_file, "20 x 10"));
    CHECK_THROWS_MATCHES(decoded(file, {.limits = {.max_channels = 2}}), Error, is_error(Errc::bad_file, "channels"));
    CHECK_THROWS_MATCHES(decoded(file, {.limits = {.max_bytes = 599}}), Error, is_error(Errc::bad_file, "599"));
    const auto grey = encoded(pattern(20, 10, 1, srgb8), ImageFormat::png);
    CHECK_THROWS_MATCHES(decoded(grey, {.channels = Channels::rgb, .limits = {.max_bytes = 599}}), Error,
                         is_error(Errc::bad_file, "599"));
    // 3 x 16384 x 16384 bytes are more than 512 MiB.
    CHECK_THROWS_MATCHES(decoded(png_file({.width = 16384, .height = 16384, .colour_type = 2, .rows = "x"}),
                                 {.limits = {.max_bytes = std::numeric_limits<std::uint64_t>::max()}}),
                         Error, is_error(Errc::bad_file, "536870912"));
}

TEST_CASE("photos are turned upright as EXIF says", "[io][image]") {
    // One letter a pixel. EXIF: what the first row and the first column of the file are in the upright picture.
    const std::map<int, std::string> upright_of{{1, "ab/cd/ef"}, {2, "ba/dc/fe"}, {3, "fe/dc/ba"}, {4, "ef/cd/ab"},
                                                {5, "ace/bdf"},  {6, "eca/fdb"},  {7, "fdb/eca"},  {8, "bdf/ace"}};
    const auto letters = [](const Image& image, std::int64_t step) {
        std::string text;
        for (std::int64_t y = 0; y < image.height(); y += step) {
            if (y > 0) text += '/';
            for (std::int64_t x = 0; x < image.width(); x += step)
                text += static_cast<char>(image.row<std::uint8_t>(y)[static_cast<std::size_t>(x * image.channels())]);
        }
        return text;
    };
    for (const auto& [orientation, expected] : upright_of) {
        for (const auto order : {std::endian::little, std::endian::big}) {
            INFO("orientation " << orientation);
            const auto exif = exif_with_orientation(static_cast<std::uint16_t>(orientation), order);
            const auto exif_text = std::string(as_text(exif));
            const auto jpeg = jpeg_file({.blocks_across = 2,
                                         .blocks_down = 3,
                                         .blocks = {{'a'}, {'b'}, {'c'}, {'d'}, {'e'}, {'f'}},
                                         .segments = jpeg_segment(0xE1, std::string("Exif\0\0", 6) + exif_text)});
            CHECK(letters(decoded(jpeg), 8) == expected);

            const std::string rows("\0ab\0cd\0ef", 9);
            CHECK(letters(decoded(png_file({.width = 2, .height = 3, .rows = rows, .before = {{"eXIf", exif_text}}})),
                          1) == expected);

            const std::string pixels = "abcdef";
            const Bytes strip = as_bytes(pixels);
            CHECK(letters(decoded(tiff_file(order,
                                            {{.tag = 256, .numbers = {2}},
                                             {.tag = 257, .numbers = {3}},
                                             {.tag = 258, .numbers = {8}},
                                             {.tag = 262, .numbers = {1}},
                                             {.tag = 273},
                                             {.tag = 274, .numbers = {static_cast<std::uint32_t>(orientation)}},
                                             {.tag = 279, .numbers = {6}}},
                                            {&strip, 1}, 273)),
                          1) == expected);
        }
    }
    Image image(2, 3, 1, srgb8);  // lossy: six greys far apart
    for (std::size_t i = 0; i < 6; ++i) image.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(20 + 40 * i);
    auto webp =
        encode_image(image, {.format = ImageFormat::webp, .quality = 100, .metadata = ImageMetadata{{"k", "v"}}});
    const auto exif = exif_with_orientation(6, std::endian::little);
    const auto place = as_text(webp).find("EXIF");
    webp.resize(place + 4);
    append(webp, static_cast<std::uint32_t>(exif.size()), std::endian::little);
    append(webp, exif);
    const auto riff_size = static_cast<char>(webp.size() - 8);
    auto turned = decoded(replaced(webp, 4, {&riff_size, 1}));
    for (auto& value : turned.values<std::uint8_t>()) value = static_cast<std::uint8_t>('a' + value / 40);
    CHECK(letters(turned, 1) == "eca/fdb");

    for (const int nonsense : {0, 9, 65535}) {
        const auto broken = exif_with_orientation(static_cast<std::uint16_t>(nonsense), std::endian::little);
        CHECK(letters(decoded(png_file({.width = 2,
                                        .height = 3,
                                        .rows = std::string("\0ab\0cd\0ef", 9),
                                        .before = {{"eXIf", std::string(as_text(broken))}}})),
                      1) == "ab/cd/ef");
    }
}

TEST_CASE("grey, palettes, transparency and few bits of PNG are resolved", "[io][image]") {
    const auto bytes = [](const Image& image) {
        const auto values = image.values<std::uint8_t>();
        return std::vector<int>(values.begin(), values.end());
    };
    using V = std::vector<int>;
    CHECK(bytes(decoded(png_file({.width = 4, .bits = 1, .rows = "\0\xA0"s}))) == V{255, 0, 255, 0});
    CHECK(bytes(decoded(png_file({.width = 4, .bits = 2, .rows = "\0\x1B"s}))) == V{0, 85, 170, 255});
    CHECK(bytes(decoded(png_file({.width = 2, .bits = 4, .rows = "\0\x1F"s}))) == V{17, 255});
    const std::string palette("\1\2\3\4\5\6", 6);
    CHECK(bytes(decoded(png_file({.width = 2,
                                  .bits = 8,
                                  .colour_type = 3,
                                  .rows = std::string("\0\1\0", 3),
                                  .before = {{"PLTE", palette}}}))) == V{4, 5, 6, 1, 2, 3});
    CHECK(bytes(decoded(png_file({.width = 2,
                                  .bits = 1,
                                  .colour_type = 3,
                                  .rows = "\0\x40"s,
                                  .before = {{"PLTE", palette}, {"tRNS", "\x80"}}}))) == V{1, 2, 3, 128, 4, 5, 6, 255});
    CHECK(bytes(decoded(png_file(
              {.width = 2, .rows = std::string("\0\7\x8", 3), .before = {{"tRNS", std::string("\0\7", 2)}}}))) ==
          V{7, 0, 8, 255});
    // Adam7 sends (0, 0), then column 1 of row 0, then row 1.
    CHECK(bytes(decoded(png_file(
              {.width = 2, .height = 2, .interlaced = 1, .rows = std::string("\0\1\0\2\0\3\4", 7)}))) == V{1, 2, 3, 4});
    CHECK_FALSE(accepted(png_file({.width = 2, .bits = 8, .colour_type = 3, .rows = std::string("\0\1\0", 3)})));
    CHECK_FALSE(accepted(png_file({.bits = 3, .rows = std::string("\0\1", 2)})));
    CHECK_FALSE(accepted(png_file({.rows = std::string("\0\1", 2), .before = {{"CgBI", "1234"}}})));
    CHECK(accepted(png_file({.rows = std::string("\0\1", 2), .before = {{"prVt", "anything"}, {"tIME", "broken"}}})));
}

TEST_CASE("grey, YCbCr, RGB and CMYK JPEG are resolved", "[io][image]") {
    const auto first = [](const FileBytes& file) {
        const auto image = decoded(file);
        const auto values = image.values<std::uint8_t>();
        return std::vector<int>(values.begin(), values.begin() + image.channels());
    };
    using V = std::vector<int>;
    const auto adobe = [](char transform) {
        return jpeg_segment(0xEE, std::string("Adobe\0\x64\0\0\0\0", 11) + transform);
    };
    for (const bool progressive : {false, true}) {
        CHECK(first(jpeg_file({.blocks = {{77}}, .progressive = progressive})) == V{77});
        CHECK(first(jpeg_file({.blocks = {{77, 128, 128}}, .progressive = progressive})) == V{77, 77, 77});
        // BT.601, full range: 1.402 and 1.772 times what the chroma is off its middle.
        CHECK(first(jpeg_file({.blocks = {{100, 128, 178}}, .progressive = progressive})) == V{170, 64, 100});
        CHECK(first(jpeg_file({.blocks = {{10, 20, 30}}, .progressive = progressive, .segments = adobe(0)})) ==
              V{10, 20, 30});
        // Adobe stores 255 - ink: (1 - c) (1 - k).
        CHECK(first(jpeg_file({.blocks = {{255, 128, 0, 255}}, .progressive = progressive, .segments = adobe(0)})) ==
              V{255, 128, 0});
        CHECK(first(jpeg_file({.blocks = {{255, 128, 0, 51}}, .progressive = progressive, .segments = adobe(0)})) ==
              V{51, 26, 0});
        // Its YCCK holds the ink itself, as the complement of the RGB that YCC stands for.
        CHECK(first(jpeg_file({.blocks = {{77, 128, 128, 255}}, .progressive = progressive, .segments = adobe(2)})) ==
              V{178, 178, 178});
    }
}

TEST_CASE("files of other programs are read whatever their layout", "[io][image]") {
    const auto integers = pattern(70, 40, 3, srgb8);
    for (const auto* compression : {"none", "lzw", "zip", "packbits"})
        for (const bool tiled : {false, true})
            for (const auto* planes : {"contig", "separate"}) {
                INFO(compression << (tiled ? ", tiled, " : ", ") << planes);
                CHECK((decoded(foreign_file("tiff", integers, OIIO::TypeDesc::UINT8, [&](OIIO::ImageSpec& spec) {
                           spec.attribute("compression", compression);
                           spec.attribute("planarconfig", planes);
                           if (tiled) spec.tile_width = spec.tile_height = 16;
                       })) == integers));
            }
    const auto floats = pattern(70, 40, 3, linear_light);
    for (const auto* compression : {"none", "rle", "zips", "zip", "piz"})
        for (const bool tiled : {false, true}) {
            INFO(compression << (tiled ? ", tiled" : ""));
            const auto change = [&](OIIO::ImageSpec& spec) {
                spec.attribute("compression", compression);
                if (tiled) spec.tile_width = spec.tile_height = 32;
            };
            CHECK((decoded(foreign_file("openexr", floats, OIIO::TypeDesc::FLOAT, change)) == floats));
            const auto half = decoded(foreign_file("openexr", floats, OIIO::TypeDesc::HALF, change));
            for (std::size_t i = 0; i < 70 * 40 * 3; ++i)
                CHECK(half.values<float>()[i] == Approx(floats.values<float>()[i]).epsilon(0x1p-11).margin(1e-7));
        }
    for (const auto* compression : {"pxr24", "b44", "dwaa"})
        CHECK_THROWS_MATCHES(decoded(foreign_file("openexr", floats, OIIO::TypeDesc::FLOAT,
                                                  [&](auto& spec) { spec.attribute("compression", compression); })),
                             Error, is_error(Errc::bad_file, "lossy"));
    CHECK_THROWS_MATCHES(decoded(foreign_file("tiff", integers, OIIO::TypeDesc::UINT8,
                                              [](auto& spec) { spec.attribute("compression", "jpeg"); })),
                         Error, is_error(Errc::bad_file, "photometric interpretation 6"));
    CHECK_THROWS_MATCHES(decoded(foreign_file("tiff", integers, OIIO::TypeDesc::UINT32, [](auto&) {})), Error,
                         is_error(Errc::bad_file, "32 bit"));
    CHECK_THROWS_MATCHES(decoded(foreign_file("openexr", floats, OIIO::TypeDesc::FLOAT,
                                              [](auto& spec) {
                                                  spec.channelnames = {"U", "V", "W"};
                                              })),
                         Error, is_error(Errc::bad_file, "U, V, W"));
    if (const auto path = golden("fenerf/synthetic-image.png")) {
        const auto file = read_image(*path);
        CHECK(file.image.width() == 512);
        CHECK(file.image.height() == 512);
        CHECK(file.image.format() == srgb8);
    }
}

TEST_CASE("text travels with every format and nothing is added to it", "[io][image]") {
    const ImageMetadata texts{{"Description", "synthetic, made with cameo"},
                              {"Model", std::string(64, 'a')},
                              {"seed", "7"},
                              {"author.name", "J\xC3\xBCrgen \xE2\x80\x9C\\\"\n\t"},
                              {"a key with spaces", ""}};
    for (const auto format : all_formats) {
        INFO(name(format));
        const auto image = pattern(6, 5, 3, format == ImageFormat::exr ? linear_light : srgb8);
        const auto with = encode_image(image, {.format = format, .metadata = texts});
        CHECK(decode_image(with, "picture").metadata == texts);
        CHECK((decoded(with) == decoded(encoded(image, format))));
        CHECK(decode_image(encoded(image, format), "picture").metadata.empty());
        CHECK(with == encode_image(image, {.format = format, .metadata = texts}));

        for (const ImageMetadata& bad :
             {ImageMetadata{{"", "x"}}, ImageMetadata{{" x", "x"}}, ImageMetadata{{"two  spaces", "x"}},
              ImageMetadata{{"\xC3\xBC", "x"}}, ImageMetadata{{std::string(80, 'k'), "x"}},
              ImageMetadata{{"key", "\xFF"}}, ImageMetadata{{"key", std::string("a\0b", 3)}},
              ImageMetadata{{"key", std::string(40000, 'x')}}})
            CHECK_THROWS_MATCHES(encode_image(image, {.format = format, .metadata = bad}), Error,
                                 is_error(Errc::invalid_argument, "metadata"));
    }
    const auto exr = pattern(2, 2, 3, linear_light);
    CHECK_THROWS_MATCHES(encode_image(exr, {.format = ImageFormat::exr, .metadata = {{"dataWindow", "x"}}}), Error,
                         is_error(Errc::invalid_argument, "dataWindow"));
    const ImageMetadata long_key{{std::string(79, 'k'), "x"}};
    CHECK(decode_image(encode_image(exr, {.format = ImageFormat::exr, .metadata = long_key}), "picture").metadata ==
          long_key);
}

TEST_CASE("provenance says synthetic, by which model and under which licence", "[io][image]") {
    CHECK(provenance("", "") == ImageMetadata{{"Description", "synthetic, made with cameo"}});
    CHECK(provenance("hash", "CC0-1.0") ==
          ImageMetadata{{"Description", "synthetic, made with cameo"}, {"Licence", "CC0-1.0"}, {"Model", "hash"}});
    // PNG's own layout: length, type, keyword, NUL, text, checksum, in front of the pixels.
    const auto file =
        encode_image(pattern(2, 2, 3, srgb8), {.format = ImageFormat::png, .metadata = provenance("", "")});
    const std::string_view chunk("\0\0\0\x26tEXtDescription\0synthetic, made with cameo", 46);
    const auto place = as_text(file).find(chunk);
    REQUIRE(place != std::string_view::npos);
    CHECK(place < as_text(file).find("IDAT"));
    CHECK(place == 8 + 25);
}

TEST_CASE("foreign text is taken where it is legible and never spoils the picture", "[io][image]") {
    const auto metadata_of = [](const FileBytes& file) { return decode_image(file, "picture").metadata; };
    const auto png = [](std::string_view type, const std::string& data) {
        return png_file({.rows = std::string("\0\1", 2), .before = {{type, data}}});
    };
    CHECK(metadata_of(png("tEXt", std::string("Author\0J\xFCrgen", 13))) == ImageMetadata{{"Author", "J\xC3\xBCrgen"}});
    CHECK(metadata_of(png("iTXt", std::string("T\0\0\0de\0Titel\0\xC3\xBC", 15))) == ImageMetadata{{"T", "\xC3\xBC"}});
    CHECK(metadata_of(png("iTXt", std::string("T\0\1\0\0\0packed", 12))).empty());
    CHECK(metadata_of(png("zTXt", std::string("T\0\0packed", 9))).empty());
    CHECK(metadata_of(png("iTXt", std::string("T\0\0\0", 4))).empty());
    CHECK(metadata_of(png("tEXt", "no end")).empty());
    CHECK(metadata_of(png("eXIf", "II")).empty());

    const auto jpeg = [](const std::string& segments) { return jpeg_file({.blocks = {{9}}, .segments = segments}); };
    const auto exif = tiff_file(std::endian::big, {{.tag = 270, .text = "holiday"}});
    CHECK(metadata_of(jpeg(jpeg_segment(0xE1, std::string("Exif\0\0", 6) + std::string(as_text(exif))))) ==
          ImageMetadata{{"ImageDescription", "holiday"}});
    CHECK(
        metadata_of(jpeg(jpeg_segment(0xE1, "http://ns.adobe.com/xap/1.0/") + jpeg_segment(0xFE, "comment"))).empty());
    CHECK(decode_image(jpeg(jpeg_segment(0xE2, std::string("ICC_PROFILE\0\1\1...", 17))), "picture").has_icc_profile);
    CHECK(decode_image(png("iCCP", "broken"), "picture").has_icc_profile);
    for (const auto* text : {"{\"a\": 1}", "{\"a\"", "{\"a\":\"b\",\"a\":\"c\"}"}) {
        const auto other = tiff_file(std::endian::little, {{.tag = 270, .text = text}});
        CHECK(metadata_of(png("eXIf", std::string(as_text(other)))) == ImageMetadata{{"ImageDescription", text}});
    }
}

TEST_CASE("numbers that are not finite are refused by their place", "[io][image]") {
    const std::array<float, 6> values{0, 1, 2, 3, std::numeric_limits<float>::infinity(), 5};
    const Bytes strip = std::as_bytes(std::span(values));
    CHECK_THROWS_MATCHES(decoded(tiff_file(std::endian::little,
                                           {{.tag = 256, .numbers = {2}},
                                            {.tag = 257, .numbers = {3}},
                                            {.tag = 258, .numbers = {32}},
                                            {.tag = 262, .numbers = {1}},
                                            {.tag = 273},
                                            {.tag = 279, .numbers = {24}},
                                            {.tag = 339, .numbers = {3}}},
                                           {&strip, 1}, 273)),
                         Error, is_error(Errc::bad_file, "inf at pixel (0, 2), channel 0"));
}

TEST_CASE("hostile JPEG and WebP structures are refused", "[io][image]") {
    const auto one = jpeg_file({.blocks = {{9}}});
    const auto scan = as_text(one).find("\xFF\xDA");
    FileBytes many(one.begin(), one.end() - 2);
    for (int i = 0; i < 150; ++i)
        many.insert(many.end(), one.begin() + static_cast<std::ptrdiff_t>(scan), one.end() - 2);
    append(many, "\xFF\xD9");
    CHECK_THROWS_MATCHES(decoded(many), Error, is_error(Errc::bad_file, "scans"));

    const auto arithmetic = replaced(one, as_text(one).find("\xFF\xC0"), "\xFF\xC9");
    CHECK_THROWS_MATCHES(decoded(arithmetic), Error, is_error(Errc::bad_file, "marker 201"));
    FileBytes nested = one;
    append(nested, one);
    CHECK((decoded(nested) == decoded(one)));  // what follows the picture is not looked at

    auto animation = encode_image(pattern(4, 4, 3, srgb8), {.format = ImageFormat::webp, .metadata = {{"k", "v"}}});
    const auto place = as_text(animation).find("EXIF");
    CHECK_THROWS_MATCHES(decoded(replaced(animation, place, "ANIM")), Error, is_error(Errc::bad_file, "animation"));
}

TEST_CASE("pictures are read and written from many threads at once", "[io][image]") {
    std::map<ImageFormat, FileBytes> files;
    for (const auto format : all_formats) files[format] = sample_file(format, 40, 30);
    std::vector<int> wrong(8, 0);
    {
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t < wrong.size(); ++t)
            threads.emplace_back([&, t] {
                for (int round = 0; round < 10; ++round)
                    for (const auto& [format, file] : files) {
                        const auto cut = FileBytes(file.begin(), file.end() - 1);
                        if (sample_file(format, 40, 30) != file) ++wrong[t];
                        if (decode_image(file, "picture").format != format) ++wrong[t];
                        try {
                            (void)decode_image(cut, "picture");
                            ++wrong[t];
                        } catch (const Error&) {
                        }
                    }
            });
        for (auto& thread : threads) thread.join();
    }
    CHECK(std::ranges::count(wrong, 0) == 8);
}

TEST_CASE("nothing is printed, whatever the file", "[io][image]") {
    const TemporaryFolder folder;
    const auto path = folder / "printed";
    std::array<int, 2> saved{};
    const auto log = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    REQUIRE(log >= 0);
    for (const int stream : {1, 2}) {
        saved[static_cast<std::size_t>(stream - 1)] = ::dup(stream);
        ::dup2(log, stream);
    }
    auto padded = sample_file(ImageFormat::jpeg);
    padded.insert(padded.end() - 2, 4, std::byte{0});
    (void)decode_image(padded, "picture");
    for (const auto format : all_formats) {
        const auto file = sample_file(format);
        for (std::size_t at = 0; at < file.size(); at += 3) {
            auto flipped = file;
            flipped[at] ^= std::byte{0x55};
            try {
                (void)decode_image(flipped, "picture");
            } catch (const Error&) {
            }
        }
    }
    for (const int stream : {1, 2}) {
        ::dup2(saved[static_cast<std::size_t>(stream - 1)], stream);
        ::close(saved[static_cast<std::size_t>(stream - 1)]);
    }
    ::close(log);
    CHECK(text_of(path).empty());
}
