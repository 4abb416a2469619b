// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/io/image.hpp>

#include "io/image_bytes.hpp"

namespace cameo::io {

/// How colour and alpha are stored together.
enum class Alpha : std::uint8_t { none, straight, associated };

/// One channel of an EXR file.
struct ExrChannel {
    std::string name;
    bool is_integer = false;  ///< 32-bit ids, which float cannot hold
};

/// What a picture file says of itself, checked against its bytes and the limits before a decoder sees any of them.
struct ImageHeader {
    std::int64_t width = 0, height = 0;
    std::int64_t channels = 0;  ///< as decoded: palettes and CMYK are RGB
    PixelType type = PixelType::u8;
    int bits = 8;  ///< of one number in the file; PNG has 1, 2 and 4 too, spread to 8 by the decoder
    Alpha alpha = Alpha::none;
    int orientation = 1;  ///< EXIF's, 1 to 8
    bool has_icc_profile = false;
    ImageMetadata metadata;
    std::vector<ExrChannel> exr_channels;  ///< of EXR only; `channels` is their number
    std::vector<std::byte> pixels;         ///< a file of the same format with nothing but the picture: for the decoder
    std::vector<std::byte> opaque_pixels;  ///< of WebP with alpha only: the same without it
};

/// Errors   bad_file: cut short, contradictory, beyond the limits, or with a feature that is not read
[[nodiscard]] ImageHeader inspect(ImageFormat format, Bytes file, std::string_view subject, const ImageLimits& limits);
[[nodiscard]] ImageHeader inspect_png(Bytes file, std::string_view subject, const ImageLimits& limits);
[[nodiscard]] ImageHeader inspect_jpeg(Bytes file, std::string_view subject, const ImageLimits& limits);
[[nodiscard]] ImageHeader inspect_webp(Bytes file, std::string_view subject, const ImageLimits& limits);
[[nodiscard]] ImageHeader inspect_tiff(Bytes file, std::string_view subject, const ImageLimits& limits);
[[nodiscard]] ImageHeader inspect_exr(Bytes file, std::string_view subject, const ImageLimits& limits);

/// The bytes of a picture that an encoder made, without what it added by itself (dates, its name) and with `metadata`.
[[nodiscard]] std::vector<std::byte> with_metadata(ImageFormat format, Bytes file, const ImageMetadata& metadata);
[[nodiscard]] std::vector<std::byte> png_with_metadata(Bytes file, const ImageMetadata& metadata);
[[nodiscard]] std::vector<std::byte> jpeg_with_metadata(Bytes file, const ImageMetadata& metadata);
[[nodiscard]] std::vector<std::byte> webp_with_metadata(Bytes file, const ImageMetadata& metadata);
[[nodiscard]] std::vector<std::byte> tiff_with_metadata(Bytes file, const ImageMetadata& metadata);
[[nodiscard]] std::vector<std::byte> exr_with_metadata(Bytes file, const ImageMetadata& metadata);

/// One WebP picture with the colours of one and the alpha of another of the same size.
[[nodiscard]] std::vector<std::byte> webp_with_alpha(Bytes colours, Bytes alpha);

/// Errors   bad_file: width, height, channels or their product outside the limits
void check_size(const ImageHeader& header, std::string_view subject, const ImageLimits& limits);

/// Errors   bad_file: `packed` bytes cannot hold what the header promises, even if every one stands for `ratio` of it
void check_promise(const ImageHeader& header, std::uint64_t packed, std::uint64_t ratio, std::string_view subject);

/// How many bytes deflate can make of one.
inline constexpr std::uint64_t deflate_ratio = 1032;

/// Errors   invalid_argument: keys or values that image.hpp does not allow
void check_metadata(const ImageMetadata& metadata);

/// Takes over what is a legible text of acceptable length; the first of equal keys counts. What strangers write into
/// their files never makes a picture unreadable.
void add_foreign(ImageMetadata& metadata, std::string_view key, std::string_view value);

/// All pairs as one text, for formats with room for one: {"key":"value"}. A text that is not of ours becomes the value
/// of "ImageDescription".
[[nodiscard]] std::string description_text(const ImageMetadata& metadata);
void add_description(ImageMetadata& metadata, std::string_view text);

/// EXIF data: read, orientation and description only; written, the description only. Never an error.
void read_exif(Bytes exif, ImageHeader& header);
[[nodiscard]] std::vector<std::byte> exif_of(std::string_view description);

}  // namespace cameo::io
