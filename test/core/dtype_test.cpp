// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/dtype.hpp>

#include <catch2/catch.hpp>

using namespace cameo;

TEST_CASE("every element type has the size and the name of the safetensors format", "[core][dtype]") {
    struct Row {
        DType dtype;
        std::size_t size;
        std::string_view name;
    };
    const auto row = GENERATE(Row{DType::f64, 8, "F64"}, Row{DType::f32, 4, "F32"}, Row{DType::f16, 2, "F16"},
                              Row{DType::bf16, 2, "BF16"}, Row{DType::i64, 8, "I64"}, Row{DType::i32, 4, "I32"},
                              Row{DType::i16, 2, "I16"}, Row{DType::i8, 1, "I8"}, Row{DType::u8, 1, "U8"},
                              Row{DType::boolean, 1, "BOOL"});
    CHECK(size_of(row.dtype) == row.size);
    CHECK(name_of(row.dtype) == row.name);
    CHECK(dtype_named(row.name) == row.dtype);
}

TEST_CASE("a name that is not on the list is no element type", "[core][dtype]") {
    CHECK_FALSE(dtype_named("f32"));
    CHECK_FALSE(dtype_named("F8_E4M3"));
    CHECK_FALSE(dtype_named(""));
}
