// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <cameo/core/export.hpp>

namespace cameo {

/// How one channel of one pixel is stored. The order is that of Image's storage.
enum class PixelType : std::uint8_t { u8, u16, f32 };

/// What the numbers of a pixel mean. With 2 or 4 channels of colour the last one is alpha, which no curve touches.
enum class Encoding : std::uint8_t {
    srgb,    ///< colour through the sRGB curve: what screens, PNG and the generators speak
    linear,  ///< colour proportional to light: what EXR holds
    data,    ///< no colour at all: depth, normals, masks, labels
};

/// Between which numbers black and white lie.
enum class ValueRange : std::uint8_t {
    full_scale,  ///< 0 to the largest integer of the pixel type; for integers, and the only range of theirs
    unit,        ///< [0, 1]
    symmetric,   ///< [-1, 1]: what generators give and losses take
    unbounded,   ///< any finite number: light without an upper bound, metres
};

/// The three things that must be known before a pixel can be read; never guessed.
struct PixelFormat {
    PixelType type = PixelType::u8;
    Encoding encoding = Encoding::srgb;
    ValueRange range = ValueRange::full_scale;

    friend constexpr bool operator==(const PixelFormat&, const PixelFormat&) = default;
};

inline constexpr PixelFormat srgb8{PixelType::u8, Encoding::srgb, ValueRange::full_scale};
inline constexpr PixelFormat srgb16{PixelType::u16, Encoding::srgb, ValueRange::full_scale};
inline constexpr PixelFormat srgb_unit{PixelType::f32, Encoding::srgb, ValueRange::unit};
inline constexpr PixelFormat srgb_symmetric{PixelType::f32, Encoding::srgb, ValueRange::symmetric};
inline constexpr PixelFormat linear_light{PixelType::f32, Encoding::linear, ValueRange::unbounded};
inline constexpr PixelFormat data8{PixelType::u8, Encoding::data, ValueRange::full_scale};
inline constexpr PixelFormat data16{PixelType::u16, Encoding::data, ValueRange::full_scale};
inline constexpr PixelFormat data_float{PixelType::f32, Encoding::data, ValueRange::unbounded};

/// For messages: "f32 srgb [-1, 1]".
[[nodiscard]] CAMEO_API std::string to_string(const PixelFormat& format);

/// Pixels in host memory, row after row from the top, channels interleaved, nothing between them.
/// Shapes   height x width x channels; sides 1 to 16 384, channels 1 to 64; or empty, with all three zero
/// Threads  a value: const access from many threads at once
class CAMEO_API Image {
  public:
    static constexpr std::int64_t max_side = 16384;
    static constexpr std::int64_t max_channels = 64;

    /// No pixels.
    Image() = default;

    /// All numbers zero. Errors: invalid_argument: a size or a format that cannot be; out_of_memory
    Image(std::int64_t width, std::int64_t height, std::int64_t channels, PixelFormat format);

    [[nodiscard]] std::int64_t width() const noexcept { return width_; }
    [[nodiscard]] std::int64_t height() const noexcept { return height_; }
    [[nodiscard]] std::int64_t channels() const noexcept { return channels_; }
    [[nodiscard]] const PixelFormat& format() const noexcept { return format_; }
    [[nodiscard]] bool empty() const noexcept { return width_ == 0; }

    /// All numbers, height * width * channels of them. T is std::uint8_t, std::uint16_t or float.
    /// Errors: invalid_argument: the image holds another type
    template <class T>
    [[nodiscard]] std::span<T> values();
    template <class T>
    [[nodiscard]] std::span<const T> values() const;

    /// The numbers of row `y`, width * channels of them. Errors: invalid_argument: another type, or no such row
    template <class T>
    [[nodiscard]] std::span<T> row(std::int64_t y);
    template <class T>
    [[nodiscard]] std::span<const T> row(std::int64_t y) const;

    /// The same memory without its type, for readers and writers of files.
    [[nodiscard]] std::span<std::byte> bytes() noexcept;
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept;

    friend bool operator==(const Image&, const Image&) = default;

  private:
    template <class T>
    [[nodiscard]] const std::vector<T>& storage() const;
    [[nodiscard]] std::size_t row_offset(std::int64_t y) const;

    std::int64_t width_ = 0, height_ = 0, channels_ = 0;
    PixelFormat format_;
    std::variant<std::vector<std::uint8_t>, std::vector<std::uint16_t>, std::vector<float>> storage_;
};

extern template CAMEO_API std::span<std::uint8_t> Image::values();
extern template CAMEO_API std::span<std::uint16_t> Image::values();
extern template CAMEO_API std::span<float> Image::values();
extern template CAMEO_API std::span<const std::uint8_t> Image::values() const;
extern template CAMEO_API std::span<const std::uint16_t> Image::values() const;
extern template CAMEO_API std::span<const float> Image::values() const;
extern template CAMEO_API std::span<std::uint8_t> Image::row(std::int64_t);
extern template CAMEO_API std::span<std::uint16_t> Image::row(std::int64_t);
extern template CAMEO_API std::span<float> Image::row(std::int64_t);
extern template CAMEO_API std::span<const std::uint8_t> Image::row(std::int64_t) const;
extern template CAMEO_API std::span<const std::uint16_t> Image::row(std::int64_t) const;
extern template CAMEO_API std::span<const float> Image::row(std::int64_t) const;

/// The image in another format.
/// Between [-1, 1] and 8 bit these are the published rules, uint8(clamp(127.5 x + 128, 0, 255)), which truncates, and
/// x / 127.5 - 1, in float: together they return every 8-bit image. To integers from other ranges: the nearest.
/// Ranges are scaled, never stretched to the content; 1 of an unbounded range is white, or full scale for data. What
/// lies outside the target's range is clamped.
/// Errors   invalid_argument: colour to data or back (that is no conversion), a NaN or an infinity, naming its place
[[nodiscard]] CAMEO_API Image converted(const Image& image, const PixelFormat& target);

/// The sRGB curve (IEC 61966-2-1) and its inverse, continued as an odd function below zero; 1 is white.
[[nodiscard]] CAMEO_API float srgb_from_linear(float light) noexcept;
[[nodiscard]] CAMEO_API float linear_from_srgb(float value) noexcept;

/// The image mirrored left to right; mirror the camera with it (Camera::mirrored()).
[[nodiscard]] CAMEO_API Image mirrored(const Image& image);

}  // namespace cameo
