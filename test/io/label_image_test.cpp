// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/label_image.hpp>

#include <array>
#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "image_samples.hpp"
#include "support/errors.hpp"
#include "support/failing_disk.hpp"
#include "support/golden.hpp"

using namespace cameo;
using namespace cameo::io;
using namespace cameo::support;

namespace {

LabelMap every_label(std::size_t count) {
    LabelMap map(static_cast<std::int64_t>(count), 2);
    for (std::size_t i = 0; i < 2 * count; ++i) map.labels()[i] = static_cast<FaceLabel>(i * 5 % count);
    return map;
}

std::vector<int> numbers(const LabelMap& map) {
    std::vector<int> result;
    for (const auto label : map.labels()) result.push_back(static_cast<int>(label));
    return result;
}

LabelMap decoded(const FileBytes& file, const LabelReadOptions& options = {}) {
    return decode_label_image(file, "mask", options);
}

void check_refused(const FileBytes& file, const std::string& part, const LabelReadOptions& options = {}) {
    CHECK_THROWS_MATCHES(decoded(file, options), Error, is_error(Errc::bad_file, part));
    CHECK_THROWS_MATCHES(decoded(file, options), Error, is_error(Errc::bad_file, "mask: "));
}

}  // namespace

TEST_CASE("labels come back from ids and from colours", "[io][labels]") {
    const TemporaryFolder folder;
    for (const auto count : {generator_label_count, label_count}) {
        const auto map = every_label(count);
        write_label_image(folder / "ids.png", map, {.overwrite = Overwrite::yes});
        write_label_preview(folder / "colours.png", map, {.overwrite = Overwrite::yes});
        CHECK((read_label_image(folder / "ids.png", {.allowed = count}) == map));
        CHECK((read_label_image(folder / "colours.png", {.allowed = count}) == map));
    }
    // What other programs of the field see: one channel, 8 bits, the ids themselves.
    const auto ids = read_image(folder / "ids.png").image;
    CHECK(ids.channels() == 1);
    CHECK(ids.values<std::uint8_t>()[1] == 5);
    const auto colours = read_image(folder / "colours.png").image;
    CHECK(colours.channels() == 3);
    CHECK(std::ranges::equal(colours.values<std::uint8_t>().subspan(3, 3), info(FaceLabel::r_eye).colour));

    write_label_image(folder / "marked.png", every_label(3), {.metadata = provenance("hash", "CC0-1.0")});
    CHECK(read_image(folder / "marked.png").metadata == provenance("hash", "CC0-1.0"));
    CHECK_THROWS_MATCHES(write_label_image(folder / "marked.png", every_label(3)), Error, is_error(Errc::io_failure));
}

TEST_CASE("a mask drawn for this project is read as it was drawn", "[io][labels]") {
    const auto path = golden("fenerf/synthetic-mask.png");
    if (!path) return;
    const auto map = read_label_image(*path);
    CHECK(map.width() == 512);
    CHECK(map.height() == 512);
    const auto stored = read_image(*path, {.data = true}).image;
    CHECK(std::ranges::equal(map.labels(), stored.values<std::uint8_t>(), {},
                             [](FaceLabel label) { return static_cast<std::uint8_t>(label); }));
}

TEST_CASE("ids of few bits are the ids and not shades", "[io][labels]") {
    CHECK(numbers(decoded(png_file({.width = 4, .bits = 1, .rows = std::string("\0\xA0", 2)}))) ==
          std::vector{1, 0, 1, 0});
    CHECK(numbers(decoded(png_file({.width = 4, .bits = 2, .rows = std::string("\0\x1B", 2)}))) ==
          std::vector{0, 1, 2, 3});
    CHECK(numbers(decoded(png_file({.width = 2, .bits = 4, .rows = std::string("\0\x1F", 2)}))) == std::vector{1, 15});
    CHECK(numbers(decoded(png_file({.width = 2, .rows = std::string("\0\x12\1", 3)}))) == std::vector{18, 1});
}

TEST_CASE("a palette is matched by its colours", "[io][labels]") {
    const auto colour = [](FaceLabel label) {
        const auto& rgb = info(label).colour;
        return std::string(rgb.begin(), rgb.end());
    };
    const auto palette = colour(FaceLabel::hair) + colour(FaceLabel::background) + colour(FaceLabel::skin);
    const auto file = png_file(
        {.width = 3, .bits = 8, .colour_type = 3, .rows = std::string("\0\0\1\2", 4), .before = {{"PLTE", palette}}});
    CHECK(numbers(decoded(file)) == std::vector{13, 0, 1});
}

TEST_CASE("ids and colours that mean nothing are refused by their place", "[io][labels]") {
    check_refused(png_file({.width = 2, .height = 2, .rows = std::string("\0\0\1\0\2\x13", 6)}), "1");
    CHECK_NOTHROW(decoded(png_file({.rows = std::string("\0\x14", 2)}), {.allowed = label_count}));
    check_refused(png_file({.rows = std::string("\0\x15", 2)}), "21", {.allowed = label_count});
    check_refused(png_file({.rows = std::string("\0\5", 2)}), "5", {.allowed = 5});

    const auto painted = [](std::string rgb) {
        return png_file({.width = 2, .colour_type = 2, .rows = std::string("\0\0\0\0", 4) + std::move(rgb)});
    };
    const auto& skin = info(FaceLabel::skin).colour;
    auto near_skin = std::string(skin.begin(), skin.end());
    near_skin[1] = static_cast<char>(near_skin[1] ^ 1);
    check_refused(painted(near_skin), "at pixel (1, 0)");
    check_refused(painted(near_skin), "(" + std::to_string(skin[0]) + ", " + std::to_string(skin[1] ^ 1));
    CHECK(numbers(decoded(painted(near_skin), {.nearest_colour = true})) == std::vector{0, 1});
    check_refused(painted("\1\1\1"), "a mask of ids has one channel");
    const auto& beyond = info(FaceLabel::face_mask).colour;
    check_refused(painted({beyond.begin(), beyond.end()}), "palette of 19 labels");
    CHECK(numbers(decoded(painted({beyond.begin(), beyond.end()}), {.allowed = label_count})) == std::vector{0, 19});
}

TEST_CASE("labels must be opaque and of 8 bits", "[io][labels]") {
    check_refused(png_file({.width = 2, .colour_type = 4, .rows = std::string("\0\1\xFF\1\x80", 5)}),
                  "alpha 128 at pixel (1, 0)");
    CHECK(numbers(decoded(png_file({.width = 2, .colour_type = 4, .rows = std::string("\0\1\xFF\2\xFF", 5)}))) ==
          std::vector{1, 2});
    check_refused(png_file({.colour_type = 6, .rows = std::string("\0\0\0\0\0", 5)}), "alpha 0");
    CHECK(numbers(decoded(png_file({.colour_type = 6, .rows = std::string("\0\0\0\0\xFF", 5)}))) == std::vector{0});
    check_refused(encoded(pattern(2, 2, 1, data16), ImageFormat::png), "16 bit");
}

TEST_CASE("only PNG holds labels", "[io][labels]") {
    for (const auto format : {ImageFormat::jpeg, ImageFormat::webp}) {
        check_refused(sample_file(format), std::string(name(format)));
        check_refused(sample_file(format), "compression invents labels");
    }
    for (const auto format : {ImageFormat::tiff, ImageFormat::exr})
        check_refused(sample_file(format), "labels as a PNG picture");
    const TemporaryFolder folder;
    for (const auto* file : {"mask.jpg", "mask.webp", "mask.tif", "mask.exr"}) {
        CHECK_THROWS_MATCHES(write_label_image(folder / file, every_label(2)), Error,
                             is_error(Errc::invalid_argument, file));
        CHECK_THROWS_MATCHES(write_label_preview(folder / file, every_label(2)), Error,
                             is_error(Errc::invalid_argument, file));
    }
    CHECK_THROWS_MATCHES(write_label_image(folder / "mask.png", {}), Error, is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(decoded(sample_file(ImageFormat::png), {.allowed = 0}), Error,
                         is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(decoded(sample_file(ImageFormat::png), {.allowed = label_count + 1}), Error,
                         is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(read_label_image(folder / "mask.png"), Error, is_error(Errc::io_failure, "mask.png"));
}

TEST_CASE("every cut and every flipped byte of a mask is refused", "[io][labels]") {
    const auto file = encoded(ids(every_label(19)), ImageFormat::png);
    for (std::size_t size = 0; size < file.size(); ++size)
        check_refused({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)}, "");
    for (std::size_t at = 0; at < file.size(); ++at) {
        auto flipped = file;
        flipped[at] ^= std::byte{0x20};
        check_refused(flipped, "");
    }
}

TEST_CASE("writing a mask survives every fault of the disk", "[io][labels]") {
    check_writer_is_safe(
        [](const std::filesystem::path& path, Overwrite overwrite) {
            write_label_image(path, every_label(19), {.overwrite = overwrite});
        },
        "mask.png");
}
