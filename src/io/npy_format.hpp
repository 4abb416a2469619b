// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/dtype.hpp>
#include <cameo/core/export.hpp>

namespace cameo::io {

/// What stands in front of the data of a .npy file.
struct NpyHeader {
    std::string descr;  ///< NumPy's name of the element type, such as "<f4", "|O" or "<U7"
    bool fortran_order = false;
    std::vector<std::int64_t> shape;  ///< no negative size; nothing else about it has been checked
};

/// The first bytes of a .npy file, enough for npy_header_size().
inline constexpr std::size_t npy_prefix_size = 12;

/// At which byte the data begin, from a file's first npy_prefix_size bytes (or all of a shorter file).
/// Errors   bad_file
[[nodiscard]] CAMEO_API std::size_t npy_header_size(std::span<const std::byte> prefix, std::string_view subject);

/// Reads all in front of the data, npy_header_size() bytes.
/// Errors   bad_file
[[nodiscard]] CAMEO_API NpyHeader parse_npy_header(std::span<const std::byte> header, std::string_view subject);

/// How the elements of an array of numbers become those of a tensor.
struct NpyLayout {
    DType dtype = DType::f32;
    std::uint64_t byte_size = 0;
    bool swapped = false;     ///< big-endian
    bool transposed = false;  ///< Fortran order, where that makes a difference

    [[nodiscard]] bool as_stored() const noexcept { return !swapped && !transposed; }
};

/// Errors   bad_file: a type that is not in DType, a shape that no reader takes
[[nodiscard]] CAMEO_API NpyLayout layout_of(const NpyHeader& header, std::string_view subject);

/// The data, all of them, in C order and little-endian. Errors: out_of_memory
[[nodiscard]] CAMEO_API std::vector<std::byte> rearranged(std::span<const std::byte> data, const NpyLayout& layout,
                                                          std::span<const std::int64_t> shape);

/// Errors   bad_file: a boolean that is neither 0 nor 1; `first` is the flat index of the first element
CAMEO_API void check_booleans(std::span<const std::byte> values, std::uint64_t first, std::string_view subject);

/// The length of a text type such as "<U7" or "|S7", in characters; empty for other types.
struct NpyText {
    bool unicode = false;  ///< UTF-32, else bytes
    bool swapped = false;
    std::size_t length = 0;
};
[[nodiscard]] CAMEO_API std::optional<NpyText> text_type(std::string_view descr) noexcept;

/// The header, format 1.0, of an array in C order, padded to a multiple of 64 bytes. Shapes have at most max_rank
/// sizes.
[[nodiscard]] CAMEO_API std::string compose_npy_header(std::string_view descr, std::span<const std::int64_t> shape);

/// NumPy's name of a type; empty for bf16, which it does not have.
[[nodiscard]] CAMEO_API std::optional<std::string_view> descr_of(DType dtype) noexcept;

}  // namespace cameo::io
