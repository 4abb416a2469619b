// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/image.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using support::is_error;

namespace {

/// One row, one channel, holding every 8-bit value in order.
Image every_byte() {
    Image image(256, 1, 1, srgb8);
    const auto values = image.values<std::uint8_t>();
    std::iota(values.begin(), values.end(), std::uint8_t{0});
    return image;
}

template <class T>
Image one_pixel(T value, PixelFormat format, std::int64_t channels = 1) {
    Image image(1, 1, channels, format);
    std::ranges::fill(image.values<T>(), value);
    return image;
}

}  // namespace

TEST_CASE("an image keeps what it was made with, zero at first", "[core][image]") {
    Image image(5, 3, 4, srgb_symmetric);
    CHECK(image.width() == 5);
    CHECK(image.height() == 3);
    CHECK(image.channels() == 4);
    CHECK(image.format() == srgb_symmetric);
    CHECK(image.values<float>().size() == 60);
    CHECK(image.bytes().size() == 240);
    CHECK(std::ranges::count(image.values<float>(), 0.F) == 60);
    image.row<float>(2)[19] = 7;
    CHECK(image.values<float>()[59] == 7);
    CHECK(Image().empty());
    CHECK(Image() == Image());
}

TEST_CASE("sizes, formats and rows that cannot be are refused", "[core][image]") {
    CHECK_THROWS_MATCHES(Image(0, 1, 1, srgb8), Error, is_error(Errc::invalid_argument, "got 0 x 1"));
    CHECK_THROWS_MATCHES(Image(16385, 1, 1, srgb8), Error, is_error(Errc::invalid_argument, "16384"));
    CHECK_THROWS_MATCHES(Image(1, 1, 65, srgb8), Error, is_error(Errc::invalid_argument, "65"));
    CHECK_THROWS_MATCHES(Image(1, -1, 1, srgb8), Error, is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(Image(1, 1, 1, {PixelType::u8, Encoding::srgb, ValueRange::unit}), Error,
                         is_error(Errc::invalid_argument, "u8 srgb [0, 1]"));
    CHECK_THROWS_MATCHES(Image(1, 1, 1, {PixelType::f32, Encoding::srgb, ValueRange::full_scale}), Error,
                         is_error(Errc::invalid_argument, "f32"));
    const Image image(2, 2, 3, srgb8);
    CHECK_THROWS_MATCHES(image.row<std::uint8_t>(2), Error, is_error(Errc::invalid_argument, "row"));
    CHECK_THROWS_MATCHES(image.values<float>(), Error, is_error(Errc::invalid_argument, "expected f32 pixels, got u8"));
}

TEST_CASE("trap 30: the 8-bit rule is clamp(127.5 x + 128), truncated", "[core][image]") {
    const auto byte = [](float x) {
        return int{converted(one_pixel(x, srgb_symmetric), srgb8).values<std::uint8_t>()[0]};
    };
    CHECK(byte(-1) == 0);
    CHECK(byte(-1.7F) == 0);
    CHECK(byte(0) == 128);
    CHECK(byte(-0.001F) == 127);
    CHECK(byte(1) == 255);
    CHECK(byte(3) == 255);
    CHECK(byte(0.996F) == 254);
    CHECK(byte(0.9961F) == 255);
}

TEST_CASE("every 8-bit value survives the way to [-1, 1] and back", "[core][image]") {
    const auto bytes = every_byte();
    const auto floats = converted(bytes, srgb_symmetric);
    for (int i = 0; i < 256; ++i)
        CHECK(floats.values<float>()[static_cast<std::size_t>(i)] == static_cast<float>(i) / 127.5F - 1);
    CHECK(converted(floats, srgb8) == bytes);
}

TEST_CASE("every 8-bit value survives the way through any wider format", "[core][image]") {
    const auto wider = GENERATE(as<PixelFormat>(), srgb16, srgb_unit, linear_light,
                                PixelFormat{PixelType::u16, Encoding::linear, ValueRange::full_scale});
    INFO(to_string(wider));
    CHECK(converted(converted(every_byte(), wider), srgb8) == every_byte());
}

TEST_CASE("16 bits hold 8 bits times 257", "[core][image]") {
    const auto wide = converted(every_byte(), srgb16);
    for (int i = 0; i < 256; ++i) CHECK(wide.values<std::uint16_t>()[static_cast<std::size_t>(i)] == 257 * i);
}

TEST_CASE("the sRGB curve meets its published points and is continuous", "[core][image]") {
    CHECK(srgb_from_linear(0) == 0);
    CHECK(srgb_from_linear(1) == Approx(1));
    CHECK(linear_from_srgb(0.5F) == Approx(0.21404114));
    CHECK(srgb_from_linear(0.18F) == Approx(0.46135613));
    CHECK(srgb_from_linear(0.00313081F) == Approx(srgb_from_linear(0.00313079F)).epsilon(1e-4));
    CHECK(linear_from_srgb(0.0404501F) == Approx(linear_from_srgb(0.0404499F)).epsilon(1e-4));
    CHECK(srgb_from_linear(-0.18F) == -srgb_from_linear(0.18F));
    for (float x = -0.5F; x < 4; x += 0.01F) CHECK(linear_from_srgb(srgb_from_linear(x)) == Approx(x).margin(1e-6));
}

TEST_CASE("alpha keeps its value when colour changes its curve", "[core][image]") {
    const auto channels = GENERATE(2, 4);
    const auto linear = converted(one_pixel(std::uint8_t{128}, srgb8, channels), linear_light);
    const auto values = linear.values<float>();
    CHECK(values.back() == Approx(128 / 255.0));
    CHECK(values.front() == Approx(0.2158605));
}

TEST_CASE("light without an upper bound is clamped, not stretched", "[core][image]") {
    CHECK(converted(one_pixel(7.5F, linear_light), srgb8).values<std::uint8_t>()[0] == 255);
    CHECK(converted(one_pixel(-2.F, linear_light), srgb8).values<std::uint8_t>()[0] == 0);
    CHECK(converted(one_pixel(7.5F, linear_light), linear_light).values<float>()[0] == 7.5F);
}

TEST_CASE("a number that is none is refused with its place", "[core][image]") {
    Image image(3, 2, 3, srgb_symmetric);
    const auto bad = GENERATE(as<float>(), NAN, INFINITY);
    image.row<float>(1)[2 * 3 + 1] = bad;
    CHECK_THROWS_MATCHES(converted(image, srgb8), Error, is_error(Errc::invalid_argument, "x 2, y 1"));
}

TEST_CASE("colour does not become data", "[core][image]") {
    CHECK_THROWS_MATCHES(converted(every_byte(), data8), Error, is_error(Errc::invalid_argument, "data"));
    CHECK_THROWS_MATCHES(converted(Image(1, 1, 1, data_float), srgb8), Error, is_error(Errc::invalid_argument, "data"));
    CHECK(converted(one_pixel(std::uint8_t{51}, data8), data_float).values<float>()[0] == Approx(0.2));
}

TEST_CASE("mirroring turns rows around and undoes itself", "[core][image]") {
    Image image(3, 2, 2, srgb16);
    const auto values = image.values<std::uint16_t>();
    std::iota(values.begin(), values.end(), std::uint16_t{1});
    const auto other = mirrored(image);
    const std::vector<std::uint16_t> expected{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8};
    CHECK(std::ranges::equal(other.values<std::uint16_t>(), expected));
    CHECK(mirrored(other) == image);
    CHECK(mirrored(Image()).empty());
}
