// SPDX-License-Identifier: Apache-2.0
#include "io/image_oiio.hpp"

#include <OpenImageIO/filesystem.h>
#include <OpenImageIO/imageio.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

namespace cameo::io {
namespace {

const char* plugin(ImageFormat format) {
    switch (format) {
        case ImageFormat::png:
            return "png";
        case ImageFormat::jpeg:
            return "jpeg";
        case ImageFormat::webp:
            return "webp";
        case ImageFormat::tiff:
            return "tiff";
        case ImageFormat::exr:
            return "openexr";
    }
    return "";
}

OIIO::TypeDesc oiio_type(PixelType type) {
    return type == PixelType::u8    ? OIIO::TypeDesc::UINT8
           : type == PixelType::u16 ? OIIO::TypeDesc::UINT16
                                    : OIIO::TypeDesc::FLOAT;
}

/// A second wall behind our own checks. For the whole process, hence set once, and only ever lower than it was.
void set_limits() {
    [[maybe_unused]] static const bool done = [] {
        const auto lower = [](const char* limit, int to) {
            const auto now = OIIO::get_int_attribute(limit, 0);  // 0 is none
            if (now == 0 || now > to) OIIO::attribute(limit, to);
        };
        lower("limits:imagesize_MB", static_cast<int>(ImageLimits{}.max_bytes >> 20));
        lower("limits:channels", static_cast<int>(Image::max_channels));
        return true;
    }();
}

std::string one_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    while (text.ends_with(' ')) text.pop_back();
    return text;
}

[[noreturn]] void throw_no_plugin(ImageFormat format) {
    throw Error(Errc::internal, std::string(plugin(format)) + ": expected a plug-in of OpenImageIO, got \"" +
                                    one_line(OIIO::geterror()) + "\"");
}

/// A file of ours that a plug-in has opened.
class Decoder {
  public:
    Decoder(ImageFormat format, const ImageHeader& header, Bytes file, std::int64_t channels, std::string_view subject)
        : subject_(subject),
          proxy_(const_cast<std::byte*>(file.data()), file.size()),  // a reader: never written to
          input_(OIIO::ImageInput::create(plugin(format), false)) {
        if (!input_) throw_no_plugin(format);
        input_->threads(1);
        OIIO::ImageSpec wish;
        wish.attribute("oiio:UnassociatedAlpha", 1);  // numbers as stored
        const auto opened = input_->set_ioproxy(&proxy_) && input_->open(std::string(subject), spec_, wish);
        const auto words = input_->geterror();
        if (!opened) fail(words);
        if (spec_.width != header.width || spec_.height != header.height || spec_.nchannels != channels ||
            spec_.depth != 1)
            refuse(subject_, "a picture as its header promises", "another one");
    }

    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    /// OpenImageIO prints what nobody asked for.
    ~Decoder() { (void)input_->geterror(); }

    [[nodiscard]] const OIIO::ImageSpec& spec() const { return spec_; }

    /// Channels [first, last) of all pixels, interleaved.
    void read(int first, int last, OIIO::TypeDesc type, void* to) {
        if (!input_->read_image(0, 0, first, last, type, to)) fail(input_->geterror());
        // JPEG's decoder goes on after a complaint, with grey where data is missing. Harmless is this one alone, which
        // says that all pixels were there and more followed; some cameras pad.
        if (const auto words = input_->geterror();
            !words.empty() && words.find("extraneous bytes before marker 0xd9") == words.npos)
            fail(words);
    }

    /// One row: shows whether anything can be decoded, before room for all of it is made.
    void probe(std::vector<std::byte>& row, OIIO::TypeDesc type) {
        if (!input_->read_scanlines(0, 0, 0, 1, 0, 0, spec_.nchannels, type, row.data())) fail(input_->geterror());
    }

  private:
    [[noreturn]] void fail(const std::string& words) {
        const auto all = one_line(words + OIIO::geterror());
        refuse(subject_, "a whole picture", all.empty() ? "damaged data" : "damaged data (" + all + ")");
    }

    std::string_view subject_;
    OIIO::Filesystem::IOMemReader proxy_;
    std::unique_ptr<OIIO::ImageInput> input_;
    OIIO::ImageSpec spec_;
};

/// Calls `work` and gives what the libraries below throw our types, others as `code`.
template <class Work>
auto guarded(std::string_view subject, Errc code, Work work) {
    set_limits();
    try {
        return work();
    } catch (const Error&) {
        throw;
    } catch (const std::bad_alloc&) {
        throw Error(Errc::out_of_memory, std::string(subject) + ": expected memory for the picture, got none");
    } catch (const std::exception& error) {
        throw Error(
            code, std::string(subject) + ": expected a whole picture, found trouble (" + one_line(error.what()) + ")");
    }
}

void write(OIIO::ImageOutput& output, const OIIO::ImageSpec& spec, const Image& image,
           std::vector<unsigned char>& bytes) {
    OIIO::Filesystem::IOVecOutput proxy(bytes);
    output.threads(1);
    const auto done = output.set_ioproxy(&proxy) && output.open(std::string("picture.") + output.format_name(), spec) &&
                      output.write_image(oiio_type(image.format().type), image.bytes().data()) && output.close();
    const auto words = one_line(output.geterror());  // asked for even if all went well: TIFF complains of EXIF data
    if (!done)
        throw Error(Errc::internal,
                    std::string(output.format_name()) + ": expected encoded bytes, got \"" + words + "\"");
}

}  // namespace

Image decode_pixels(ImageFormat format, const ImageHeader& header, PixelFormat pixel_format, std::string_view subject) {
    return guarded(subject, Errc::bad_file, [&] {
        const auto type = oiio_type(header.type);
        const auto channels = static_cast<int>(header.channels);
        Decoder decoder(format, header, header.pixels, channels, subject);
        if (decoder.spec().format != type) refuse(subject, "numbers as the header promises", "others");
        if (format == ImageFormat::webp) {  // says nothing about its size until it is unpacked
            std::vector<std::byte> row(static_cast<std::size_t>(header.width * header.channels));
            decoder.probe(row, type);
        }
        Image image(header.width, header.height, channels, pixel_format);
        decoder.read(0, channels, type, image.bytes().data());
        if (!header.opaque_pixels.empty()) {
            // OpenImageIO 2.4 multiplies WebP's colours by alpha whatever it is asked, so they are read once more.
            Image colours(header.width, header.height, channels - 1, pixel_format);
            Decoder(format, header, header.opaque_pixels, channels - 1, subject)
                .read(0, channels - 1, type, colours.bytes().data());
            const auto from = std::as_const(colours).values<std::uint8_t>();
            const auto to = image.values<std::uint8_t>();
            for (std::size_t pixel = 0; pixel < to.size() / 4; ++pixel)
                std::ranges::copy(from.subspan(3 * pixel, 3), &to[4 * pixel]);
        }
        return image;
    });
}

Image decode_exr_channels(const ImageHeader& header, std::span<const std::string> names, PixelFormat pixel_format,
                          std::string_view subject) {
    return guarded(subject, Errc::bad_file, [&] {
        Decoder decoder(ImageFormat::exr, header, header.pixels, header.channels, subject);
        const auto& stored = decoder.spec().channelnames;
        std::vector<std::pair<int, std::size_t>> wanted;  // where it is stored, where it goes
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto place = std::ranges::find(stored, names[i]);
            if (place == stored.end()) refuse(subject, "EXR channel " + names[i], "none of that name");
            wanted.emplace_back(static_cast<int>(place - stored.begin()), i);
        }
        std::ranges::sort(wanted);

        Image image(header.width, header.height, static_cast<std::int64_t>(names.size()), pixel_format);
        const auto to = image.values<float>();
        std::vector<float> buffer;
        for (auto run = wanted.begin(); run != wanted.end();) {
            auto end = run + 1;
            while (end != wanted.end() && end->first == (end - 1)->first + 1) ++end;
            const auto in_run = static_cast<std::size_t>(end - run);
            buffer.resize(to.size() / names.size() * in_run);
            decoder.read(run->first, (end - 1)->first + 1, OIIO::TypeDesc::FLOAT, buffer.data());
            for (std::size_t k = 0; k < in_run; ++k)
                for (std::size_t pixel = 0; pixel < buffer.size() / in_run; ++pixel)
                    to[pixel * names.size() + run[static_cast<std::ptrdiff_t>(k)].second] = buffer[pixel * in_run + k];
            run = end;
        }
        return image;
    });
}

std::vector<std::byte> encode_pixels(ImageFormat format, const Image& image, const Packing& packing) {
    return guarded(plugin(format), Errc::internal, [&] {
        const auto output = OIIO::ImageOutput::create(plugin(format));
        if (!output) throw_no_plugin(format);
        OIIO::ImageSpec spec(static_cast<int>(image.width()), static_cast<int>(image.height()),
                             static_cast<int>(image.channels()), oiio_type(image.format().type));
        switch (format) {
            case ImageFormat::png:
                if (image.format().encoding == Encoding::srgb) spec.attribute("oiio:ColorSpace", "sRGB");
                break;
            case ImageFormat::jpeg:
                spec.attribute("Compression", "jpeg:" + std::to_string(packing.quality));
                spec.attribute("jpeg:subsampling", "4:4:4");
                break;
            case ImageFormat::webp:
                // Its "lossless" of 2.4 passes through YUV and is none.
                spec.attribute("Compression", "webp:" + std::to_string(packing.quality));
                break;
            case ImageFormat::tiff:
                spec.attribute("Compression", "zip");
                spec.attribute("tiff:write_exif", 0);  // else 2.4 makes files in memory that begin with EXIF
                break;
            case ImageFormat::exr:
                spec.attribute("Compression", "zip");
                for (std::size_t c = 0; c < packing.exr_channels.size(); ++c) {
                    const auto& channel = packing.exr_channels[c];
                    spec.channelnames[c] = channel.name;
                    spec.channelformats.emplace_back(channel.half ? OIIO::TypeDesc::HALF : OIIO::TypeDesc::FLOAT);
                }
                break;
        }
        const auto has_alpha =
            image.format().encoding != Encoding::data && image.channels() % 2 == 0 && image.channels() <= 4;
        if (format != ImageFormat::exr) spec.alpha_channel = has_alpha ? static_cast<int>(image.channels()) - 1 : -1;
        // Without this, OpenImageIO takes the numbers for associated and changes them.
        if (image.format().type != PixelType::f32) spec.attribute("oiio:UnassociatedAlpha", 1);

        std::vector<unsigned char> bytes;
        write(*output, spec, image, bytes);
        std::vector<std::byte> result(bytes.size());
        std::memcpy(result.data(), bytes.data(), bytes.size());
        return result;
    });
}

}  // namespace cameo::io
