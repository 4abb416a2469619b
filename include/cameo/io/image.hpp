// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

// Pictures are decoded by OpenImageIO and the libraries below it. Debian 12's OpenImageIO 2.4 gets no security fixes
// upstream any more: where files of strangers are read, build against 3.1. cameo lends a hand: it walks every file
// itself first, refuses what is cut short, lies about its size or needs a rarely used feature, and hands the decoder
// only those parts that make up pixels, never EXIF, XMP, IPTC, ICC or other pages.

/// The kinds of picture files. Which one a file is, is told by its first bytes, never by its name.
enum class ImageFormat : std::uint8_t {
    png,   ///< 1 to 16 bit, all colour types, interlaced too; not an animation's later frames
    jpeg,  ///< baseline and progressive Huffman, 8 bit, grey, RGB or CMYK; after the first picture nothing is read
    webp,  ///< stills, read lossy or lossless, written lossy; an animation is refused
    tiff,  ///< grey or RGB, u8, u16 or f32; plain, LZW, deflate or PackBits; first page; not BigTIFF
    exr,   ///< one part, one level, half or float, compressed without loss; channels R, G, B, A or Y, A. See io/exr.hpp
};

/// "PNG". Threads: all functions of this header may be called from many threads at once.
[[nodiscard]] CAMEO_API std::string_view name(ImageFormat format) noexcept;

/// Told by the first bytes, 12 of which suffice; empty for anything else.
[[nodiscard]] CAMEO_API std::optional<ImageFormat> detected_format(std::span<const std::byte> head) noexcept;

/// Told by the extension, for files to be written.
/// Errors   invalid_argument: none of .png .jpg .jpeg .webp .tif .tiff .exr
[[nodiscard]] CAMEO_API ImageFormat format_for(const std::filesystem::path& path);

/// Text that travels with a picture, by key. Keys: 1 to 79 letters, digits and . _ - : or single spaces inside; values
/// UTF-8 without NUL; 32 KiB together. PNG holds each as a text chunk, EXR as an attribute (UTF-8 in both); JPEG, WebP
/// and TIFF hold all as one JSON object in EXIF's ImageDescription.
using ImageMetadata = std::map<std::string, std::string>;

/// What every picture made by a model should carry: that it is synthetic, and by what model under which licence.
/// An empty argument is left out.
[[nodiscard]] CAMEO_API ImageMetadata provenance(std::string_view model_hash, std::string_view licence);

/// Bounds that are checked before any pixel is decoded. They can be lowered, not raised.
struct ImageLimits {
    std::int64_t max_side = Image::max_side;
    std::int64_t max_channels = Image::max_channels;
    std::uint64_t max_bytes = std::uint64_t{512} << 20;  ///< of decoded pixels; a file may have 1 MiB more
};

/// Which channels a picture is read with.
enum class Channels : std::uint8_t {
    as_stored,  ///< 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; a palette is resolved
    rgb,        ///< always 3: grey is repeated, and what shows through alpha is white
};

struct ImageReadOptions {
    Channels channels = Channels::as_stored;
    bool data = false;  ///< the numbers are no colours (depth, ids): read as stored, with Encoding::data
    ImageLimits limits{};
};

/// A picture and what its file says of it.
struct ImageFile {
    Image image;
    ImageFormat format = ImageFormat::png;
    ImageMetadata metadata;        ///< of a foreign file what is legible; "ImageDescription" is EXIF's
    bool has_icc_profile = false;  ///< then the colours may be meant for another space than sRGB, see read_image()
};

/// Reads a picture, upright: EXIF's orientation is applied.
/// Units    u8 and u16: sRGB, full scale; f32: linear light, unbounded. Palettes and fewer than 8 bits become u8, half
///          becomes f32; CMYK becomes RGB by the plain rule (1 - ink) (1 - black), without a profile. Alpha is
///          straight, whatever the file has; read_exr() gives it as stored
/// Errors   bad_file: not one of the formats above, cut short, damaged, beyond the limits, a NaN or an infinity;
///          io_failure; out_of_memory. Each names the file
/// Quirk    ICC profiles and gamma chunks are not applied: numbers count as sRGB, as in the programs that the published
///          models were trained with. A photo in Display P3 comes out a little less saturated
[[nodiscard]] CAMEO_API ImageFile read_image(const std::filesystem::path& path, const ImageReadOptions& options = {});

/// The same from memory; `subject` names the picture in messages.
[[nodiscard]] CAMEO_API ImageFile decode_image(std::span<const std::byte> bytes, std::string_view subject,
                                               const ImageReadOptions& options = {});

struct ImageWriteOptions {
    std::optional<ImageFormat> format{};  ///< default: by the path's extension
    int quality = 95;                     ///< of JPEG (without chroma subsampling) and WebP; 1 to 100
    ImageMetadata metadata{};             ///< see provenance(); nothing is added
    Overwrite overwrite = Overwrite::no;
};

/// Writes a picture; equal arguments give equal bytes (no dates, no host).
/// Units    what the format cannot hold is converted as by converted(). Colour in floats becomes srgb8 in PNG, JPEG and
///          WebP and linear light in TIFF; all colour does so in EXR; u16 becomes u8 in JPEG and WebP, grey becomes RGB
///          in WebP. Alpha is expected straight; EXR and float TIFF get it associated, as they must
/// Errors   invalid_argument: what would be lost silently (alpha in JPEG; data in JPEG or WebP; float data in PNG), a
///          NaN or an infinity, an option outside its range; those of AtomicFile
/// Quirk    an alpha that is opaque everywhere is dropped by WebP
CAMEO_API void write_image(const std::filesystem::path& path, const Image& image,
                           const ImageWriteOptions& options = {});

/// The same into memory. Errors: also invalid_argument: no format
[[nodiscard]] CAMEO_API std::vector<std::byte> encode_image(const Image& image, const ImageWriteOptions& options);

}  // namespace cameo::io
