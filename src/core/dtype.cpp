// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/dtype.hpp>

#include <array>

namespace cameo {
namespace {

struct Row {
    DType dtype;
    std::size_t size;
    std::string_view name;
};

constexpr std::array rows{
    Row{DType::f64, 8, "F64"}, Row{DType::f32, 4, "F32"},      Row{DType::f16, 2, "F16"}, Row{DType::bf16, 2, "BF16"},
    Row{DType::i64, 8, "I64"}, Row{DType::i32, 4, "I32"},      Row{DType::i16, 2, "I16"}, Row{DType::i8, 1, "I8"},
    Row{DType::u8, 1, "U8"},   Row{DType::boolean, 1, "BOOL"},
};

}  // namespace

std::size_t size_of(DType dtype) noexcept { return rows[static_cast<std::size_t>(dtype)].size; }

std::string_view name_of(DType dtype) noexcept { return rows[static_cast<std::size_t>(dtype)].name; }

std::optional<DType> dtype_named(std::string_view name) noexcept {
    for (const auto& row : rows)
        if (row.name == name) return row.dtype;
    return std::nullopt;
}

}  // namespace cameo
