// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/image.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <type_traits>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

using Storage = std::variant<std::vector<std::uint8_t>, std::vector<std::uint16_t>, std::vector<float>>;

std::string_view word(PixelType type) { return type == PixelType::u8 ? "u8" : type == PixelType::u16 ? "u16" : "f32"; }

std::string_view word(Encoding encoding) {
    return encoding == Encoding::srgb ? "srgb" : encoding == Encoding::linear ? "linear" : "data";
}

std::string_view word(ValueRange range) {
    switch (range) {
        case ValueRange::full_scale:
            return "full scale";
        case ValueRange::unit:
            return "[0, 1]";
        case ValueRange::symmetric:
            return "[-1, 1]";
        case ValueRange::unbounded:
            return "unbounded";
    }
    return "?";
}

template <class T>
constexpr PixelType pixel_type = std::is_same_v<T, std::uint8_t>    ? PixelType::u8
                                 : std::is_same_v<T, std::uint16_t> ? PixelType::u16
                                                                    : PixelType::f32;

void check_format(const PixelFormat& format) {
    if ((format.type == PixelType::f32) == (format.range == ValueRange::full_scale))
        throw Error(Errc::invalid_argument,
                    "image: expected integers with full scale or f32 with another range, got " + to_string(format));
}

Storage allocate(std::size_t count, PixelType type) {
    try {
        switch (type) {
            case PixelType::u8:
                return std::vector<std::uint8_t>(count);
            case PixelType::u16:
                return std::vector<std::uint16_t>(count);
            case PixelType::f32:
                break;
        }
        return std::vector<float>(count);
    } catch (const std::bad_alloc&) {
        throw Error(Errc::out_of_memory, "image: expected room for " + std::to_string(count) + " numbers, got none");
    }
}

/// Between numbers as stored and numbers with black at 0 and white at 1.
template <class T>
struct Level {
    static constexpr float top = static_cast<float>(std::numeric_limits<T>::max());
    static constexpr float half = top / 2;

    static float to_unit(T value, ValueRange) { return static_cast<float>(value) / top; }
    static float to_symmetric(T value) { return static_cast<float>(value) / half - 1; }
    static T from_unit(float value, ValueRange) { return static_cast<T>(std::clamp(value * top + 0.5F, 0.F, top)); }
    static T from_symmetric(float value) { return static_cast<T>(std::clamp(value * half + (half + 0.5F), 0.F, top)); }
};

template <>
struct Level<float> {
    static float to_unit(float value, ValueRange range) {
        return range == ValueRange::symmetric ? (value + 1) / 2 : value;
    }
    static float to_symmetric(float value) { return value; }
    static float from_unit(float value, ValueRange range) {
        if (range == ValueRange::symmetric) return std::clamp(value * 2 - 1, -1.F, 1.F);
        return range == ValueRange::unit ? std::clamp(value, 0.F, 1.F) : value;
    }
    static float from_symmetric(float value) { return std::clamp(value, -1.F, 1.F); }
};

template <class From, class To>
To convert_value(From value, ValueRange from, ValueRange to, float (*curve)(float) noexcept) {
    // The published rules go straight between bytes and [-1, 1]; a detour through [0, 1] would cost the last bit.
    if (curve == nullptr && from == ValueRange::symmetric && std::is_integral_v<To>)
        return Level<To>::from_symmetric(static_cast<float>(value));
    if (curve == nullptr && to == ValueRange::symmetric && std::is_integral_v<From>)
        return static_cast<To>(Level<From>::to_symmetric(value));
    const auto unit = Level<From>::to_unit(value, from);
    return Level<To>::from_unit(curve == nullptr ? unit : curve(unit), to);
}

[[noreturn]] void throw_not_finite(std::size_t place, const Image& image) {
    const auto pixel = static_cast<std::int64_t>(place) / image.channels();
    throw Error(Errc::invalid_argument, "image: expected finite numbers, got NaN or infinity at x " +
                                            std::to_string(pixel % image.width()) + ", y " +
                                            std::to_string(pixel / image.width()));
}

template <class From, class To>
void convert(std::span<const From> from, std::span<To> to, const Image& image, ValueRange target,
             float (*curve)(float) noexcept) {
    const auto range = image.format().range;
    const auto channels = static_cast<std::size_t>(image.channels());
    const auto has_alpha = channels == 2 || channels == 4;
    for (std::size_t i = 0; i < from.size(); ++i) {
        if constexpr (std::is_same_v<From, float>)
            if (!std::isfinite(from[i])) throw_not_finite(i, image);
        const auto is_alpha = has_alpha && i % channels == channels - 1;
        to[i] = convert_value<From, To>(from[i], range, target, is_alpha ? nullptr : curve);
    }
}

}  // namespace

std::string to_string(const PixelFormat& format) {
    return std::string(word(format.type)) + " " + std::string(word(format.encoding)) + " " +
           std::string(word(format.range));
}

Image::Image(std::int64_t width, std::int64_t height, std::int64_t channels, PixelFormat format)
    : width_(width), height_(height), channels_(channels), format_(format) {
    check_format(format);
    if (std::min(width, height) < 1 || std::max(width, height) > max_side || channels < 1 || channels > max_channels)
        throw Error(Errc::invalid_argument, "image: expected sides of 1 to " + std::to_string(max_side) +
                                                " pixels and 1 to " + std::to_string(max_channels) + " channels, got " +
                                                std::to_string(width) + " x " + std::to_string(height) + " with " +
                                                std::to_string(channels));
    storage_ = allocate(static_cast<std::size_t>(width * height * channels), format.type);
}

template <class T>
const std::vector<T>& Image::storage() const {
    if (const auto* values = std::get_if<std::vector<T>>(&storage_)) return *values;
    throw Error(Errc::invalid_argument, "image: expected " + std::string(word(pixel_type<T>)) + " pixels, got " +
                                            std::string(word(format_.type)));
}

std::size_t Image::row_offset(std::int64_t y) const {
    if (y < 0 || y >= height_)
        throw Error(Errc::invalid_argument,
                    "image: expected a row below " + std::to_string(height_) + ", got " + std::to_string(y));
    return static_cast<std::size_t>(y * width_ * channels_);
}

template <class T>
std::span<const T> Image::values() const {
    return storage<T>();
}
template <class T>
std::span<T> Image::values() {
    return const_cast<std::vector<T>&>(storage<T>());
}
template <class T>
std::span<const T> Image::row(std::int64_t y) const {
    return values<T>().subspan(row_offset(y), static_cast<std::size_t>(width_ * channels_));
}
template <class T>
std::span<T> Image::row(std::int64_t y) {
    return values<T>().subspan(row_offset(y), static_cast<std::size_t>(width_ * channels_));
}

template std::span<std::uint8_t> Image::values();
template std::span<std::uint16_t> Image::values();
template std::span<float> Image::values();
template std::span<const std::uint8_t> Image::values() const;
template std::span<const std::uint16_t> Image::values() const;
template std::span<const float> Image::values() const;
template std::span<std::uint8_t> Image::row(std::int64_t);
template std::span<std::uint16_t> Image::row(std::int64_t);
template std::span<float> Image::row(std::int64_t);
template std::span<const std::uint8_t> Image::row(std::int64_t) const;
template std::span<const std::uint16_t> Image::row(std::int64_t) const;
template std::span<const float> Image::row(std::int64_t) const;

std::span<std::byte> Image::bytes() noexcept {
    return std::visit([](auto& values) { return std::as_writable_bytes(std::span(values)); }, storage_);
}
std::span<const std::byte> Image::bytes() const noexcept {
    return std::visit([](const auto& values) { return std::as_bytes(std::span(values)); }, storage_);
}

Image converted(const Image& image, const PixelFormat& target) {
    check_format(target);
    if (image.format() == target || image.empty()) return image;
    const auto from = image.format().encoding;
    if (from != target.encoding && (from == Encoding::data || target.encoding == Encoding::data))
        throw Error(Errc::invalid_argument, "image: expected colour or data on both sides, got " +
                                                to_string(image.format()) + " to become " + to_string(target));
    float (*curve)(float) noexcept = nullptr;
    if (from != target.encoding) curve = from == Encoding::srgb ? linear_from_srgb : srgb_from_linear;

    Image result(image.width(), image.height(), image.channels(), target);
    const auto into = [&]<class From>(std::span<const From> values) {
        switch (target.type) {
            case PixelType::u8:
                return convert(values, result.values<std::uint8_t>(), image, target.range, curve);
            case PixelType::u16:
                return convert(values, result.values<std::uint16_t>(), image, target.range, curve);
            case PixelType::f32:
                return convert(values, result.values<float>(), image, target.range, curve);
        }
    };
    switch (image.format().type) {
        case PixelType::u8:
            into(image.values<std::uint8_t>());
            break;
        case PixelType::u16:
            into(image.values<std::uint16_t>());
            break;
        case PixelType::f32:
            into(image.values<float>());
            break;
    }
    return result;
}

float srgb_from_linear(float light) noexcept {
    const auto size = std::abs(light);
    const auto value = size <= 0.0031308F ? 12.92F * size : 1.055F * std::pow(size, 1 / 2.4F) - 0.055F;
    return std::copysign(value, light);
}

float linear_from_srgb(float value) noexcept {
    const auto size = std::abs(value);
    const auto light = size <= 0.04045F ? size / 12.92F : std::pow((size + 0.055F) / 1.055F, 2.4F);
    return std::copysign(light, value);
}

Image mirrored(const Image& image) {
    auto result = image;
    const auto pixel =
        image.empty() ? 0 : image.bytes().size() / static_cast<std::size_t>(image.width() * image.height());
    const auto row = pixel * static_cast<std::size_t>(image.width());
    for (std::size_t start = 0; start < image.bytes().size(); start += row)
        for (std::size_t x = 0; x < row; x += pixel)
            std::ranges::copy(image.bytes().subspan(start + x, pixel), &result.bytes()[start + row - pixel - x]);
    return result;
}

}  // namespace cameo
