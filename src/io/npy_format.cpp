// SPDX-License-Identifier: Apache-2.0
#include "io/npy_format.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <new>
#include <utility>

#include <cameo/core/error.hpp>
#include "io/name.hpp"
#include "io/tensor_checks.hpp"

namespace cameo::io {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t max_dictionary_size = 64 << 10;
constexpr std::size_t header_alignment = 64;

[[noreturn]] void refuse(std::string_view subject, const std::string& expected, const std::string& found) {
    throw Error(Errc::bad_file, std::string(subject) + ": expected " + expected + ", found " + found);
}

std::vector<std::byte> room_for(std::size_t size) {
    try {
        return std::vector<std::byte>(size);
    } catch (const std::bad_alloc&) {
        throw Error(Errc::out_of_memory, "array: expected room for " + std::to_string(size) + " bytes, got none");
    }
}

struct TypeRow {
    DType dtype;
    std::string_view descr;  // as NumPy writes it
};

constexpr std::array type_rows{
    TypeRow{DType::f64, "<f8"}, TypeRow{DType::f32, "<f4"}, TypeRow{DType::f16, "<f2"},
    TypeRow{DType::i64, "<i8"}, TypeRow{DType::i32, "<i4"}, TypeRow{DType::i16, "<i2"},
    TypeRow{DType::i8, "|i1"},  TypeRow{DType::u8, "|u1"},  TypeRow{DType::boolean, "|b1"},
};

bool is_byte_order(char mark) noexcept { return mark == '<' || mark == '>' || mark == '=' || mark == '|'; }

/// "|b1" from any of "|b1", "<b1", "b1", "?": the mark does not matter here.
std::optional<DType> dtype_of(std::string_view descr) noexcept {
    if (!descr.empty() && is_byte_order(descr.front())) descr.remove_prefix(1);
    if (descr == "?") return DType::boolean;
    for (const auto& row : type_rows)
        if (row.descr.substr(1) == descr) return row.dtype;
    return std::nullopt;
}

/// Reads the literal of a Python dictionary with the three keys that numpy.lib.format writes, and nothing else of
/// Python.
class DictionaryParser {
  public:
    DictionaryParser(std::string_view text, std::string_view subject) : text_(text), subject_(subject) {}

    NpyHeader parse() {
        NpyHeader header;
        bool has_descr = false, has_order = false, has_shape = false;
        const auto once = [&](bool& seen, std::string_view key) {
            if (std::exchange(seen, true)) refuse(subject_, "each key of the header once", in_quotes(key) + " twice");
        };
        expect('{');
        while (!accept('}')) {
            const auto key = parse_text();
            expect(':');
            if (key == "descr") {
                once(has_descr, key);
                if (peek() == '[') refuse(subject_, "an array of numbers", "one of structures");
                header.descr = parse_text();
            } else if (key == "fortran_order") {
                once(has_order, key);
                header.fortran_order = parse_bool();
            } else if (key == "shape") {
                once(has_shape, key);
                header.shape = parse_shape();
            } else {
                refuse(subject_, "a header of descr, fortran_order and shape", in_quotes(key));
            }
            if (accept(',')) continue;
            expect('}');
            break;
        }
        skip_space();
        if (!text_.empty()) refuse_syntax();
        if (!has_descr || !has_order || !has_shape)
            refuse(subject_, "a header of descr, fortran_order and shape", "fewer keys");
        return header;
    }

  private:
    void skip_space() { text_.remove_prefix(std::min(text_.find_first_not_of(" \n\t\r"), text_.size())); }

    char peek() {
        skip_space();
        return text_.empty() ? '\0' : text_.front();
    }

    bool accept(char wanted) {
        if (peek() != wanted) return false;
        text_.remove_prefix(1);
        return true;
    }

    void expect(char wanted) {
        if (!accept(wanted)) refuse_syntax();
    }

    [[noreturn]] void refuse_syntax() const {
        refuse(subject_, "a NumPy header", "another text at " + in_quotes(text_.substr(0, 20)));
    }

    std::string parse_text() {
        const char quote = peek();
        if (quote != '\'' && quote != '"') refuse_syntax();
        const auto end = text_.find(quote, 1);
        const auto text = text_.substr(1, end == text_.npos ? 0 : end - 1);
        if (end == text_.npos || text.find_first_of("\\\n") != text.npos) refuse_syntax();
        text_.remove_prefix(end + 1);
        return std::string(text);
    }

    bool parse_bool() {
        skip_space();
        for (const auto& [word, value] : {std::pair<std::string_view, bool>("True", true), {"False", false}})
            if (text_.starts_with(word)) {
                text_.remove_prefix(word.size());
                return value;
            }
        refuse_syntax();
    }

    std::vector<std::int64_t> parse_shape() {
        std::vector<std::int64_t> shape;
        bool comma = true;
        expect('(');
        while (!accept(')')) {
            if (!comma) refuse_syntax();
            shape.push_back(parse_size());
            if (shape.size() > max_rank) refuse(subject_, "a shape of at most 8 sizes", "more");
            comma = accept(',');
        }
        if (shape.size() == 1 && !comma) refuse_syntax();  // "(3)" is a number
        return shape;
    }

    std::int64_t parse_size() {
        skip_space();
        std::int64_t size = 0;
        const auto [end, fault] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
        if (fault == std::errc::result_out_of_range || size < 0)
            refuse(subject_, "sizes from 0 to 2^63 - 1", in_quotes(text_.substr(0, 24)));
        if (fault != std::errc{}) refuse_syntax();
        text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
        if (text_.starts_with('L')) text_.remove_prefix(1);  // Python 2 wrote its long integers so
        return size;
    }

    std::string_view text_;
    std::string_view subject_;
};

}  // namespace

std::size_t npy_header_size(std::span<const std::byte> prefix, std::string_view subject) {
    const std::string_view text(reinterpret_cast<const char*>(prefix.data()), prefix.size());
    if (!text.starts_with(magic)) refuse(subject, "a NumPy array (.npy)", "another file");
    const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(prefix[i]); };
    if (prefix.size() < 10) refuse(subject, "a NumPy header", "the file's end");
    const auto version = byte(6);
    if (version < 1 || version > 3 || byte(7) != 0)
        refuse(subject, "NumPy format 1.0, 2.0 or 3.0", std::to_string(version) + "." + std::to_string(byte(7)));
    if (version == 1) return 10 + byte(8) + 256 * byte(9);
    if (prefix.size() < npy_prefix_size) refuse(subject, "a NumPy header", "the file's end");
    const auto size = byte(8) + 256 * byte(9) + 65'536 * byte(10) + 16'777'216 * byte(11);
    if (size > max_dictionary_size)
        refuse(subject, "a NumPy header of at most 64 KiB", std::to_string(size) + " bytes");
    return npy_prefix_size + size;
}

NpyHeader parse_npy_header(std::span<const std::byte> header, std::string_view subject) {
    const std::size_t start = header[6] == std::byte{1} ? 10 : npy_prefix_size;
    return DictionaryParser({reinterpret_cast<const char*>(header.data()) + start, header.size() - start}, subject)
        .parse();
}

NpyLayout layout_of(const NpyHeader& header, std::string_view subject) {
    const std::string_view descr = header.descr;
    if (descr.ends_with('O'))
        refuse(subject, "an array of numbers", "one of Python objects, which only a program can rebuild");
    const auto dtype = dtype_of(descr);
    if (!dtype) refuse(subject, "an array of f8, f4, f2, i8, i4, i2, i1, u1 or b1", in_quotes(descr));
    const auto byte_size = byte_size_of(*dtype, header.shape);
    if (!byte_size) refuse(subject, "a shape whose bytes can be counted", "a larger one");
    const auto long_sides = std::ranges::count_if(header.shape, [](std::int64_t size) { return size > 1; });
    return {.dtype = *dtype,
            .byte_size = *byte_size,
            .swapped = descr.front() == '>' && size_of(*dtype) > 1,
            .transposed = header.fortran_order && long_sides > 1 && *byte_size > 0};
}

std::vector<std::byte> rearranged(std::span<const std::byte> data, const NpyLayout& layout,
                                  std::span<const std::int64_t> shape) {
    const auto size = size_of(layout.dtype);
    auto result = room_for(data.size());
    // Strides, in bytes of `data`, of the result's dimensions.
    std::array<std::size_t, max_rank> strides{};
    std::size_t stride = size;
    const auto rank = shape.size();
    for (std::size_t k = 0; k < rank; ++k) {
        const auto dimension = layout.transposed ? k : rank - 1 - k;
        strides[dimension] = stride;
        stride *= static_cast<std::size_t>(shape[dimension]);
    }
    std::array<std::int64_t, max_rank> index{};
    std::size_t from = 0;
    for (std::size_t to = 0; to < result.size(); to += size) {
        for (std::size_t i = 0; i < size; ++i) result[to + i] = data[from + (layout.swapped ? size - 1 - i : i)];
        for (std::size_t dimension = rank; dimension-- > 0;) {
            from += strides[dimension];
            if (++index[dimension] < shape[dimension]) break;
            from -= strides[dimension] * static_cast<std::size_t>(shape[dimension]);
            index[dimension] = 0;
        }
    }
    return result;
}

void check_booleans(std::span<const std::byte> values, std::uint64_t first, std::string_view subject) {
    if (const auto bad = first_bad_value(DType::boolean, values))
        refuse(subject, std::string(good_values(DType::boolean)),
               "another at flat index " + std::to_string(first + *bad));
}

std::optional<NpyText> text_type(std::string_view descr) noexcept {
    NpyText text;
    if (!descr.empty() && is_byte_order(descr.front())) {
        text.swapped = descr.front() == '>';
        descr.remove_prefix(1);
    }
    if (descr.size() < 2 || (descr.front() != 'U' && descr.front() != 'S')) return std::nullopt;
    text.unicode = descr.front() == 'U';
    const auto [end, fault] = std::from_chars(descr.data() + 1, descr.data() + descr.size(), text.length);
    if (fault != std::errc{} || end != descr.data() + descr.size()) return std::nullopt;
    return text;
}

std::string compose_npy_header(std::string_view descr, std::span<const std::int64_t> shape) {
    std::string sizes;
    for (const auto size : shape) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
    if (shape.size() == 1) sizes += ",";
    auto header = std::string(magic) + std::string("\x01\x00\x00\x00", 4) + "{'descr': '" + std::string(descr) +
                  "', 'fortran_order': False, 'shape': (" + sizes + "), }";
    const auto size = (header.size() + 1 + header_alignment - 1) / header_alignment * header_alignment;
    header.resize(size - 1, ' ');
    header += '\n';
    header[8] = static_cast<char>((size - 10) & 0xffu);
    header[9] = static_cast<char>((size - 10) >> 8u);
    return header;
}

std::optional<std::string_view> descr_of(DType dtype) noexcept {
    for (const auto& row : type_rows)
        if (row.dtype == dtype) return row.descr;
    return std::nullopt;
}

}  // namespace cameo::io
