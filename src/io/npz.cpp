// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/npz.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <cameo/core/error.hpp>
#include "io/json.hpp"
#include "io/name.hpp"
#include "io/npy_format.hpp"
#include "io/tensor_checks.hpp"
#include "io/zip.hpp"

namespace cameo::io {
namespace {

constexpr std::string_view ending = ".npy";
constexpr std::uint64_t max_text_size = std::uint64_t{8} << 20;

[[noreturn]] void refuse(std::string_view subject, const std::string& expected, const std::string& found) {
    throw Error(Errc::bad_file, std::string(subject) + ": expected " + expected + ", found " + found);
}

std::string subject_of(const ZipArchive& archive, const ZipMember& member) {
    return archive.subject() + ": member " + in_quotes(member.name);
}

/// The data of one member, inflated anew for every stream().
class MemberSource final : public TensorSource {
  public:
    MemberSource(std::shared_ptr<const ZipArchive> archive, const ZipMember& member, std::size_t header_size,
                 const NpyLayout& layout, std::vector<std::int64_t> shape)
        : archive_(std::move(archive)),
          member_(&member),
          header_size_(header_size),
          layout_(layout),
          shape_(std::move(shape)) {}

    std::span<const std::byte> contiguous() const noexcept override { return {}; }

    void stream(const ByteSink& sink) const override {
        if (!layout_.as_stored()) {
            const auto bytes = archive_->read_all(*member_, member_->size);
            const auto data = std::span(bytes).subspan(header_size_);
            check(data, 0);
            sink(rearranged(data, layout_, shape_));
            return;
        }
        const auto reader = archive_->read(*member_);
        reader->skip(header_size_);
        std::vector<std::byte> buffer(
            static_cast<std::size_t>(std::min<std::uint64_t>(member_->size - header_size_ + 1, 1u << 18u)));
        std::uint64_t done = 0;
        while (const auto count = reader->read(buffer)) {
            const auto run = std::span<const std::byte>(buffer).first(count);
            check(run, done);
            sink(run);
            done += count;
        }
    }

  private:
    void check(std::span<const std::byte> run, std::uint64_t first) const {
        if (layout_.dtype == DType::boolean) check_booleans(run, first, subject_of(*archive_, *member_));
    }

    std::shared_ptr<const ZipArchive> archive_;
    const ZipMember* member_;
    std::size_t header_size_;
    NpyLayout layout_;
    std::vector<std::int64_t> shape_;
};

void append_utf8(std::string& text, std::uint32_t point, std::string_view subject) {
    const auto put = [&](std::uint32_t lead, unsigned shift, std::uint32_t mask) {
        text += static_cast<char>(lead | (point >> shift & mask));
    };
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) refuse(subject, "text", "no character of Unicode");
    if (point < 0x80) {
        put(0, 0, 0x7f);
    } else if (point < 0x800) {
        put(0xc0, 6, 0x1f);
        put(0x80, 0, 0x3f);
    } else if (point < 0x10000) {
        put(0xe0, 12, 0x0f);
        put(0x80, 6, 0x3f);
        put(0x80, 0, 0x3f);
    } else {
        put(0xf0, 18, 0x07);
        put(0x80, 12, 0x3f);
        put(0x80, 6, 0x3f);
        put(0x80, 0, 0x3f);
    }
}

/// One element of a text array, without the NULs that fill it up.
std::string text_of(std::span<const std::byte> element, const NpyText& type, std::string_view subject) {
    std::string text;
    if (!type.unicode) {
        text.assign(reinterpret_cast<const char*>(element.data()), element.size());
    } else {
        for (std::size_t i = 0; i < element.size(); i += 4) {
            std::uint32_t point = 0;
            for (std::size_t k = 0; k < 4; ++k)
                point |= std::to_integer<std::uint32_t>(element[i + (type.swapped ? 3 - k : k)]) << (8 * k);
            append_utf8(text, point, subject);
        }
    }
    text.erase(text.find_last_not_of('\0') + 1);
    if (!is_utf8(text)) refuse(subject, "text in UTF-8", "other bytes");
    return text;
}

std::string texts_of(std::span<const std::byte> data, const NpyText& type, bool one, std::string_view subject) {
    const auto size = type.length * (type.unicode ? 4 : 1);
    if (one) return text_of(data, type, subject);
    auto texts = nlohmann::json::array();
    for (; !data.empty(); data = data.subspan(size)) texts.push_back(text_of(data.first(size), type, subject));
    return texts.dump();
}

class Reader {
  public:
    explicit Reader(std::shared_ptr<const ZipArchive> archive) : archive_(std::move(archive)) {}

    StateDict read() {
        if (archive_->members().size() > max_tensors)
            refuse(archive_->subject(), "at most " + std::to_string(max_tensors) + " members",
                   std::to_string(archive_->members().size()));
        for (const auto& member : archive_->members()) read(member);
        return std::move(result_);
    }

  private:
    void read(const ZipMember& member) {
        const auto subject = subject_of(*archive_, member);
        if (!member.name.ends_with(ending) || member.name.size() == ending.size())
            refuse(subject, "a NumPy array, NAME.npy", "another member");
        auto name = member.name.substr(0, member.name.size() - ending.size());

        const auto reader = archive_->read(member);
        std::vector<std::byte> start(npy_prefix_size);
        start.resize(reader->read(start));
        const auto header_size = npy_header_size(start, subject);
        if (header_size > member.size)
            refuse(subject, "a NumPy header of " + std::to_string(header_size) + " bytes", "the member's end");
        const auto done = start.size();
        start.resize(std::max(header_size, done));  // a header of format 1.0 may be shorter than the longest prefix
        reader->read_exactly(std::span(start).subspan(done));
        auto header = parse_npy_header(std::span(start).first(header_size), subject);

        if (const auto text = text_type(header.descr)) {
            result_.metadata.emplace(std::move(name), read_text(member, header_size, header, *text, subject));
            return;
        }
        const auto layout = layout_of(header, subject);
        if (layout.byte_size != member.size - header_size)
            refuse(subject, std::to_string(layout.byte_size) + " bytes of data",
                   std::to_string(member.size - header_size));
        auto source = std::make_shared<MemberSource>(archive_, member, header_size, layout, header.shape);
        result_.add(std::move(name), {layout.dtype, std::move(header.shape), std::move(source)});
    }

    std::string read_text(const ZipMember& member, std::size_t header_size, const NpyHeader& header,
                          const NpyText& type, const std::string& subject) {
        const auto count = byte_size_of(DType::u8, header.shape);
        const auto size = member.size - header_size;
        const auto element = type.length * (type.unicode ? 4u : 1u);
        const bool fits = type.length <= max_text_size && count && *count <= max_text_size &&
                          size == *count * element && size <= max_text_size - texts_size_;
        if (!fits || (element == 0 && *count > 1))
            refuse(subject, "at most 8 MiB of text, as much as its shape says", std::to_string(size) + " bytes");
        texts_size_ += size;
        const auto bytes = archive_->read_all(member, member.size);
        return texts_of(std::span(bytes).subspan(header_size), type, *count == 1, subject);
    }

    std::shared_ptr<const ZipArchive> archive_;
    StateDict result_;
    std::uint64_t texts_size_ = 0;
};

std::vector<std::byte> npy_bytes(const StoredTensor& tensor, std::string_view descr, const std::string& subject) {
    const auto header = compose_npy_header(descr, tensor.shape);
    const auto start = std::as_bytes(std::span(header));
    std::vector<std::byte> bytes;
    bytes.reserve(header.size() + static_cast<std::size_t>(tensor.byte_size()));
    bytes.assign(start.begin(), start.end());
    stream_exactly(tensor, subject,
                   [&](std::span<const std::byte> run) { bytes.insert(bytes.end(), run.begin(), run.end()); });
    return bytes;
}

/// A text of UTF-8 as NumPy's "<U", whose length is a part of its type.
std::vector<std::byte> npy_bytes(std::string_view text) {
    std::vector<std::byte> data;
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<std::uint8_t>(text[i]);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
        for (std::size_t k = 1; k < length; ++k) point = point << 6u | (static_cast<std::uint8_t>(text[i + k]) & 0x3fu);
        for (unsigned k = 0; k < 4; ++k) data.push_back(static_cast<std::byte>(point >> (8 * k)));
        i += length;
    }
    if (data.empty()) data.resize(4);  // NumPy has no type of length 0
    const auto header = compose_npy_header("<U" + std::to_string(data.size() / 4), {});
    const auto start = std::as_bytes(std::span(header));
    data.insert(data.begin(), start.begin(), start.end());
    return data;
}

}  // namespace

StateDict read_npz(const std::filesystem::path& path) { return Reader(ZipArchive::open(path)).read(); }

StateDict parse_npz(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string_view subject) {
    return Reader(ZipArchive::open(bytes, std::move(owner), std::string(subject))).read();
}

void write_npz(const std::filesystem::path& path, const StateDict& tensors, Compression compression,
               Overwrite overwrite) {
    const auto writer = ZipWriter::create(path, overwrite);
    const auto way = compression == Compression::deflate ? ZipCompression::deflated : ZipCompression::stored;
    for (const auto& [name, tensor] : tensors.entries()) {
        const auto subject = path.string() + ": tensor " + in_quotes(name);
        const auto descr = descr_of(tensor.dtype);
        if (!descr || !byte_size_of(tensor.dtype, tensor.shape))
            throw Error(Errc::invalid_argument, subject + ": expected a type that NumPy has and at most " +
                                                    std::to_string(max_rank) + " dimensions, got " +
                                                    std::string(name_of(tensor.dtype)) + " of " +
                                                    std::to_string(tensor.shape.size()));
        writer->add(
            name + std::string(ending),
            [&tensor = tensor, descr = *descr, subject] { return npy_bytes(tensor, descr, subject); }, way);
    }
    for (const auto& [key, text] : tensors.metadata) {
        if (!is_utf8(text))
            throw Error(Errc::invalid_argument,
                        path.string() + ": metadata " + in_quotes(key) + ": expected UTF-8, got other bytes");
        writer->add(
            key + std::string(ending), [&text = text] { return npy_bytes(text); }, way);
    }
    writer->commit();
}

}  // namespace cameo::io
