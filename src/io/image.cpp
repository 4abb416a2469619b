// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/image.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <utility>

#include "io/image_decode.hpp"
#include "io/image_oiio.hpp"
#include "io/name.hpp"

namespace cameo::io {
namespace {

constexpr std::array extensions{
    std::pair{".png", ImageFormat::png},   std::pair{".jpg", ImageFormat::jpeg}, std::pair{".jpeg", ImageFormat::jpeg},
    std::pair{".webp", ImageFormat::webp}, std::pair{".tif", ImageFormat::tiff}, std::pair{".tiff", ImageFormat::tiff},
    std::pair{".exr", ImageFormat::exr},
};

/// By number of channels.
constexpr std::array<std::string_view, 4> exr_names{"Y", "YA", "RGB", "RGBA"};

/// Calls `change` with the numbers in their own type.
template <class Change>
void with_values(Image& image, Change change) {
    switch (image.format().type) {
        case PixelType::u8:
            return change(image.values<std::uint8_t>());
        case PixelType::u16:
            return change(image.values<std::uint16_t>());
        case PixelType::f32:
            return change(image.values<float>());
    }
}

template <class T>
constexpr T white = std::integral<T> ? std::numeric_limits<T>::max() : T{1};

template <class T>
T rounded(double value) {
    if constexpr (std::integral<T>) value = std::floor(std::clamp(value, 0.0, static_cast<double>(white<T>)) + 0.5);
    return static_cast<T>(value);
}

enum class Association { associate, separate };

/// Multiplies colours by alpha, or divides them; where alpha is 0 division leaves them alone.
void associate(Image& image, Association direction) {
    with_values(image, [&]<class T>(std::span<T> values) {
        const auto channels = static_cast<std::size_t>(image.channels());
        for (std::size_t start = 0; start < values.size(); start += channels) {
            const auto alpha = static_cast<double>(values[start + channels - 1]) / static_cast<double>(white<T>);
            if (direction == Association::separate && alpha == 0.0) continue;
            for (auto& value : values.subspan(start, channels - 1)) {
                const auto colour = static_cast<double>(value);
                value = rounded<T>(direction == Association::associate ? colour * alpha : colour / alpha);
            }
        }
    });
}

/// Three channels, with straight alpha blended over white in the numbers as they are, which is what browsers do.
Image as_rgb(Image image, std::string_view subject, const ImageLimits& limits) {
    if (image.channels() == 3) return image;
    ImageHeader header;
    header.width = image.width();
    header.height = image.height();
    header.channels = 3;
    header.type = image.format().type;
    check_size(header, subject, limits);
    Image result(image.width(), image.height(), 3, image.format());
    with_values(image, [&]<class T>(std::span<T> from) {
        const auto to = result.values<T>();
        const auto channels = from.size() / (to.size() / 3);
        for (std::size_t i = 0; i < to.size() / 3; ++i) {
            const auto pixel = from.subspan(i * channels, channels);
            for (std::size_t c = 0; c < 3; ++c) {
                const auto colour = pixel[channels < 3 ? 0 : c];
                const auto alpha =
                    channels % 2 == 0 ? static_cast<double>(pixel.back()) / static_cast<double>(white<T>) : 1.0;
                to[3 * i + c] = alpha == 1.0 ? colour
                                             : rounded<T>(alpha * static_cast<double>(colour) +
                                                          (1.0 - alpha) * static_cast<double>(white<T>));
            }
        }
    });
    return result;
}

[[noreturn]] void refuse_to_write(ImageFormat format, const std::string& expected, const std::string& got) {
    throw Error(Errc::invalid_argument, std::string(name(format)) + ": expected " + expected + ", got " + got);
}

/// What the image becomes in a file of the format.
PixelFormat stored_format(ImageFormat format, const Image& image) {
    const auto& from = image.format();
    const auto is_float = from.type == PixelType::f32, is_data = from.encoding == Encoding::data;
    switch (format) {
        case ImageFormat::jpeg:
        case ImageFormat::webp:
            if (is_data) refuse_to_write(format, "colours, since its compression changes numbers", to_string(from));
            return srgb8;
        case ImageFormat::png:
            if (is_data && is_float) refuse_to_write(format, "data of 8 or 16 bit", to_string(from));
            if (is_data) return from;
            return from.type == PixelType::u16 ? srgb16 : srgb8;
        case ImageFormat::tiff:
            if (is_data) return from;
            return is_float ? linear_light : from.type == PixelType::u16 ? srgb16 : srgb8;
        case ImageFormat::exr:
            return is_data ? data_float : linear_light;
    }
    refuse_to_write(format, "a known format", "another number");
}

/// OpenImageIO 2.4 divides WebP's colours by alpha whatever it is told, so each gets a file of its own first.
std::vector<std::byte> encode_webp(const Image& image, int quality) {
    Image colours(image.width(), image.height(), 3, srgb8), alphas(image.width(), image.height(), 4, srgb8);
    const auto from = image.values<std::uint8_t>();
    const auto channels = static_cast<std::size_t>(image.channels());
    const auto has_alpha = channels % 2 == 0;
    auto colour = colours.values<std::uint8_t>().begin();
    for (std::size_t i = 0; i < from.size() / channels; ++i) {
        const auto pixel = from.subspan(i * channels, channels);
        for (std::size_t c = 0; c < 3; ++c) *colour++ = pixel[channels < 3 ? 0 : c];
        if (has_alpha) alphas.values<std::uint8_t>()[4 * i + 3] = pixel.back();
    }
    const Packing packing{.quality = quality};
    auto file = encode_pixels(ImageFormat::webp, colours, packing);
    return has_alpha ? webp_with_alpha(file, encode_pixels(ImageFormat::webp, alphas, packing)) : file;
}

std::vector<std::byte> encode(const Image& image, ImageFormat format, const ImageWriteOptions& options) {
    if (image.empty()) refuse_to_write(format, "an image with pixels", "an empty one");
    if (options.quality < 1 || options.quality > 100)
        refuse_to_write(format, "a quality of 1 to 100", std::to_string(options.quality));
    const auto is_data = image.format().encoding == Encoding::data;
    const auto has_alpha = !is_data && image.channels() <= 4 && image.channels() % 2 == 0;
    if (format == ImageFormat::jpeg && (has_alpha || image.channels() > 3))
        refuse_to_write(format, "1 or 3 channels, since it has no alpha", std::to_string(image.channels()));
    if (format != ImageFormat::tiff && image.channels() > 4)
        refuse_to_write(format, "at most 4 channels", std::to_string(image.channels()));
    check_metadata(options.metadata);
    check_finite(image, name(format), Errc::invalid_argument);

    auto stored = converted(image, stored_format(format, image));
    if (has_alpha && stored.format().type == PixelType::f32) associate(stored, Association::associate);
    if (format == ImageFormat::webp)
        return with_metadata(format, encode_webp(stored, options.quality), options.metadata);
    std::vector<PackedChannel> exr_channels;
    if (format == ImageFormat::exr)
        for (const char c : exr_names.at(static_cast<std::size_t>(stored.channels() - 1)))
            exr_channels.push_back({std::string(1, c)});
    const Packing packing{.quality = options.quality, .exr_channels = exr_channels};
    return with_metadata(format, encode_pixels(format, stored, packing), options.metadata);
}

}  // namespace

std::string_view name(ImageFormat format) noexcept {
    switch (format) {
        case ImageFormat::png:
            return "PNG";
        case ImageFormat::jpeg:
            return "JPEG";
        case ImageFormat::webp:
            return "WebP";
        case ImageFormat::tiff:
            return "TIFF";
        case ImageFormat::exr:
            return "EXR";
    }
    return "image";
}

std::optional<ImageFormat> detected_format(std::span<const std::byte> head) noexcept {
    const auto text = as_text(head);
    if (text.starts_with("\x89PNG\r\n\x1a\n")) return ImageFormat::png;
    if (text.starts_with("\xFF\xD8\xFF")) return ImageFormat::jpeg;
    if (text.starts_with("RIFF") && text.size() >= 12 && text.substr(8, 4) == "WEBP") return ImageFormat::webp;
    for (const std::string_view mark : {std::string_view("II*\0", 4), std::string_view("MM\0*", 4),
                                        std::string_view("II+\0", 4), std::string_view("MM\0+", 4)})
        if (text.starts_with(mark)) return ImageFormat::tiff;
    if (text.starts_with("v/1\x01")) return ImageFormat::exr;
    return std::nullopt;
}

ImageFormat format_for(const std::filesystem::path& path) {
    const auto extension = lower_extension(path);
    for (const auto& [known, format] : extensions)
        if (extension == known) return format;
    throw Error(Errc::invalid_argument,
                path.string() + ": expected the extension .png, .jpg, .jpeg, .webp, .tif, .tiff or .exr, got \"" +
                    extension + "\"");
}

ImageMetadata provenance(std::string_view model_hash, std::string_view licence) {
    ImageMetadata metadata{{"Description", "synthetic, made with cameo"}};
    if (!model_hash.empty()) metadata.emplace("Model", model_hash);
    if (!licence.empty()) metadata.emplace("Licence", licence);
    return metadata;
}

ImageFile decode_image(std::span<const std::byte> bytes, std::string_view subject, const ImageReadOptions& options) {
    if (options.data && options.channels != Channels::as_stored)
        throw Error(Errc::invalid_argument,
                    "image reading: expected data with the channels as stored, got Channels::rgb");
    auto stored = decode_stored(bytes, subject, options.limits, options.data);
    const auto& header = stored.header;
    if (!options.data && header.alpha == Alpha::associated) associate(stored.image, Association::separate);
    auto image = upright(std::move(stored.image), header.orientation);
    if (options.channels == Channels::rgb) {
        if (image.format().encoding == Encoding::data)
            refuse(subject, "a picture with 1 to 4 channels", std::to_string(image.channels()));
        image = as_rgb(std::move(image), subject, options.limits);
    }
    return {.image = std::move(image),
            .format = stored.format,
            .metadata = std::move(stored.header.metadata),
            .has_icc_profile = header.has_icc_profile};
}

ImageFile read_image(const std::filesystem::path& path, const ImageReadOptions& options) {
    return decode_image(read_picture_file(path, options.limits), path.string(), options);
}

void write_image(const std::filesystem::path& path, const Image& image, const ImageWriteOptions& options) {
    const auto format = options.format ? *options.format : format_for(path);
    write_file(path, encode(image, format, options), options.overwrite);
}

std::vector<std::byte> encode_image(const Image& image, const ImageWriteOptions& options) {
    if (!options.format) throw Error(Errc::invalid_argument, "image encoding: expected a format, got none");
    return encode(image, *options.format, options);
}

}  // namespace cameo::io
