// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/npy.hpp>

#include <filesystem>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>
#include "io/npy_format.hpp"
#include "support/error_message.hpp"
#include "support/failing_disk.hpp"
#include "support/memory.hpp"
#include "support/stored_tensors.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using namespace cameo::io;
using support::error_of;
using support::TemporaryFolder;
using support::values_of;

namespace fs = std::filesystem;

namespace {

const fs::path by_numpy = fs::path(CAMEO_SOURCE_DIR) / "test/fuzz/seeds/npy";

StoredTensor parse(const std::string& file) {
    const auto owner = std::make_shared<const std::string>(file);
    return parse_npy(std::as_bytes(std::span(*owner)), owner, "a.npy");
}

std::string refusal(const std::string& file) {
    auto message = error_of(Errc::bad_file, [&] { (void)parse(file); });
    CHECK_THAT(message, Catch::StartsWith("a.npy: expected "));
    return message;
}

/// A file of format 1.0 with this text as header and this many zeros as data.
std::string file_of(const std::string& dictionary, std::size_t data_size) {
    const auto size = dictionary.size() + 1;
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(size & 0xffu) + static_cast<char>(size >> 8u) +
           dictionary + "\n" + std::string(data_size, '\0');
}

std::string dictionary(const std::string& descr, const std::string& shape, const std::string& order = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

template <class T>
std::vector<T> counting(std::size_t count) {
    std::vector<T> values(count);
    std::iota(values.begin(), values.end(), T{0});
    return values;
}

std::string written(const StoredTensor& tensor) {
    const TemporaryFolder folder;
    write_npy(folder / "a.npy", tensor);
    return support::text_of(folder / "a.npy");
}

}  // namespace

TEST_CASE("arrays that NumPy wrote are read in whatever order, byte order and version", "[io][npy]") {
    const std::vector<std::int64_t> shape{2, 3, 4};
    for (const auto* name : {"c_order.npy", "fortran_order.npy", "big_endian.npy"}) {
        INFO(name);
        const auto tensor = read_npy(by_numpy / name);
        CHECK(tensor.dtype == DType::f32);
        CHECK(tensor.shape == shape);
        CHECK(values_of<float>(tensor) == counting<float>(24));
    }
    const auto swapped = read_npy(by_numpy / "big_endian_fortran.npy");
    CHECK(swapped.dtype == DType::f64);
    CHECK(swapped.shape == shape);
    CHECK(values_of<double>(swapped) == counting<double>(24));
    CHECK(values_of<std::int16_t>(read_npy(by_numpy / "version_2.npy")) == counting<std::int16_t>(24));
    CHECK(values_of<std::int64_t>(read_npy(by_numpy / "version_3.npy")) == counting<std::int64_t>(24));
}

TEST_CASE("scalars, empty arrays, booleans, halves and bytes of NumPy are read", "[io][npy]") {
    CHECK(read_npy(by_numpy / "scalar.npy").shape.empty());
    CHECK(values_of<double>(read_npy(by_numpy / "scalar.npy")) == std::vector<double>{2.5});
    const auto empty = read_npy(by_numpy / "empty.npy");
    CHECK(empty.dtype == DType::f16);
    CHECK(empty.shape == std::vector<std::int64_t>{0, 3});
    CHECK(empty.byte_size() == 0);
    const auto booleans = read_npy(by_numpy / "bool.npy");
    CHECK(booleans.dtype == DType::boolean);
    CHECK(values_of<std::uint8_t>(booleans) == std::vector<std::uint8_t>{1, 0, 1});
    const auto halves = read_npy(by_numpy / "half.npy");
    CHECK(halves.dtype == DType::f16);
    CHECK(values_of<std::uint16_t>(halves) == std::vector<std::uint16_t>{0x3c00, 0xb800});
    CHECK(values_of<std::uint8_t>(read_npy(by_numpy / "bytes.npy")) == counting<std::uint8_t>(5));
}

TEST_CASE("arrays that are none of numbers are refused by name of what they are", "[io][npy]") {
    const auto message = [](const char* name) {
        return error_of(Errc::bad_file, [&] { (void)read_npy(by_numpy / name); });
    };
    CHECK_THAT(message("object.npy"), Catch::Contains("object.npy") && Catch::Contains("Python objects"));
    CHECK_THAT(message("structured.npy"), Catch::Contains("one of structures"));
    CHECK_THAT(message("unsupported.npy"), Catch::Contains("'<u4'"));
    CHECK_THAT(message("complex.npy"), Catch::Contains("'<c8'"));
    CHECK_THAT(message("text.npy"), Catch::Contains("'<U6'"));
}

TEST_CASE("an array in C order is a view of the file, any other a copy in C order", "[io][npy]") {
    CHECK(read_npy(by_numpy / "c_order.npy").source->contiguous().size() == 96);
    const auto file = file_of(dictionary("<f4", "(1, 24)", "True"), 96);  // the order of a row makes no difference
    const auto owner = std::make_shared<const std::string>(file);
    const auto bytes = std::as_bytes(std::span(*owner));
    CHECK(parse_npy(bytes, owner, "a.npy").source->contiguous().data() == bytes.data() + bytes.size() - 96);
}

TEST_CASE("element [i, j, k] of a Fortran array lies at i + 2 j + 6 k", "[io][npy]") {
    auto file = file_of(dictionary("<i4", "(2, 3, 4)", "True"), 0);
    for (std::int32_t at = 0; at < 24; ++at) file += std::string(reinterpret_cast<const char*>(&at), 4);
    const auto values = values_of<std::int32_t>(parse(file));
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 3; ++j)
            for (int k = 0; k < 4; ++k)
                CHECK(values[static_cast<std::size_t>(12 * i + 4 * j + k)] == i + 2 * j + 6 * k);
}

TEST_CASE("headers as other programs and older versions write them are read", "[io][npy]") {
    for (const std::string text : {
             "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
             "{'shape': (2L, 3L), 'fortran_order': False, 'descr': '<f4', }",
             "{\"descr\":\"=f4\",\"fortran_order\":False,\"shape\":(2,3,)}",
             "  { 'descr' : '|f4' ,'fortran_order':False , 'shape' : ( 2 , 3 ) , }      ",
             "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3), }\n\n",
         }) {
        INFO(text);
        CHECK(parse(file_of(text, 24)).shape == std::vector<std::int64_t>{2, 3});
    }
    CHECK(parse(file_of(dictionary("?", "(3,)"), 3)).dtype == DType::boolean);
    CHECK(parse(file_of(dictionary(">u1", "(3,)"), 3)).dtype == DType::u8);
    CHECK(parse(file_of(dictionary("<f4", "()"), 4)).shape.empty());
}

TEST_CASE("every type that NumPy has comes back as it was written", "[io][npy]") {
    const auto all = support::one_of_each_type();
    for (const auto& [name, tensor] : all.entries()) {
        INFO(name);
        if (tensor.dtype == DType::bf16) {
            CHECK_THAT(error_of(Errc::invalid_argument, [&t = tensor] { (void)written(t); }),
                       Catch::Contains("got BF16"));
            continue;
        }
        const auto file = written(tensor);
        const auto read = parse(file);
        CHECK(read.dtype == tensor.dtype);
        CHECK(read.shape == tensor.shape);
        CHECK((read_bytes(read) == read_bytes(tensor)));
        CHECK((file.size() - tensor.byte_size()) % 64 == 0);
    }
}

TEST_CASE("what is written is what NumPy writes", "[io][npy]") {
    CHECK(written(support::stored(DType::f32, {2, 3, 4}, counting<float>(24))) ==
          support::text_of(by_numpy / "c_order.npy"));
    CHECK(written(support::stored<double>(DType::f64, {}, {2.5})) == support::text_of(by_numpy / "scalar.npy"));
    CHECK(written(support::stored<std::uint8_t>(DType::boolean, {3}, {1, 0, 1})) ==
          support::text_of(by_numpy / "bool.npy"));
}

TEST_CASE("a header that lies or is no header is refused without memory being spent", "[io][npy]") {
    const auto growth = support::resident_growth([] {
        for (const std::string shape : {"(9223372036854775807,)",
                                        "(9223372036854775808,)",
                                        "(18446744073709551617,)",
                                        "(-1,)",
                                        "(4294967296, 4294967296)",
                                        "(0, 4294967296, 4294967296)",
                                        "(3)",
                                        "(,)",
                                        "(1,,2)",
                                        "(1 2)",
                                        "3",
                                        "[3]",
                                        "(1.0,)",
                                        "(True,)",
                                        "('1',)",
                                        "(",
                                        "(3",
                                        "()",
                                        "(2,)",
                                        "(4,)",
                                        "(1, 1, 1, 1, 1, 1, 1, 1, 3)",
                                        "None",
                                        "(3+0,)",
                                        "(0x3,)",
                                        "(3LL,)"}) {
            INFO(shape);
            refusal(file_of(dictionary("<f4", shape), 12));
            refusal(file_of(dictionary("<f4", shape, "True"), 12));
        }
        for (const std::string descr :
             {"<f5", "", "<", "f", "<f44", "<f-4", "<V2", "O", "<M8[ns]", "f4f4", "<S0", "\\u0041"}) {
            INFO(descr);
            refusal(file_of(dictionary(descr, "(3,)"), 12));
        }
        for (const std::string text :
             {"", "{}", "{", "}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False}",
              "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}",
              "{'descr': '<f4', 'fortran_order': false, 'shape': (3,)}",
              "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
              "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
              "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x",
              "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}}",
              "{'descr': '<f4', 'fortran_order': False 'shape': (3,)}",
              "{'descr': '<f4', 'fortran_order': False, 'shape': (3,),,}",
              "{,'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
              "{'descr': '<f4\", 'fortran_order': False, 'shape': (3,)}",
              "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (3,)}",
              "dict(descr='<f4', fortran_order=False, shape=(3,))"}) {
            INFO(text);
            refusal(file_of(text, 12));
        }
        const auto sound = file_of(dictionary("<f4", "(3,)"), 12);
        for (std::size_t size = 0; size < sound.size(); ++size) refusal(sound.substr(0, size));
        refusal(sound + '\0');
        refusal("PK\x03\x04 another format altogether");
        refusal(std::string("\x93NUMPY\x00\x00", 8) + sound.substr(8));
        refusal(std::string("\x93NUMPY\x04\x00", 8) + sound.substr(8));
        refusal(std::string("\x93NUMPY\x01\x01", 8) + sound.substr(8));
        refusal(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12) + sound.substr(12));
        refusal(std::string("\x93NUMPY\x02\x00\x01\x00\x01\x00", 12) + std::string(70'000, ' '));
    });
    CHECK(growth < 16u << 20u);
    CHECK(parse(file_of(dictionary("<f4", "(3,)"), 12)).numel() == 3);  // the form itself is sound
}

TEST_CASE("a file of NumPy cut anywhere is refused, flipped anywhere it does no harm", "[io][npy]") {
    const auto file = support::text_of(by_numpy / "fortran_order.npy");
    for (std::size_t size = 0; size < file.size(); ++size) refusal(file.substr(0, size));
    for (std::size_t place = 0; place < file.size(); ++place)
        for (int flip = 1; flip < 256; ++flip) {
            auto damaged = file;
            damaged[place] = static_cast<char>(damaged[place] ^ flip);
            try {
                const auto tensor = parse(damaged);
                CHECK(read_bytes(tensor).size() <= 96);
            } catch (const Error& error) {
                CHECK(error.code() == Errc::bad_file);
            }
        }
}

TEST_CASE("booleans of NumPy other than 0 and 1 are refused", "[io][npy]") {
    auto file = support::text_of(by_numpy / "bool.npy");
    file.back() = 7;
    CHECK_THAT(refusal(file), Catch::Contains("flat index 2"));
}

TEST_CASE("the header of an array of objects is read as far as its data", "[io][npy]") {
    const auto file = read_file(by_numpy / "object.npy", 1 << 20);
    const auto size = npy_header_size(std::span(file).first(npy_prefix_size), "object.npy");
    CHECK(size == 128);
    const auto header = parse_npy_header(std::span(file).first(size), "object.npy");
    CHECK(header.descr == "|O");
    CHECK(header.shape == std::vector<std::int64_t>{2});
    CHECK_FALSE(header.fortran_order);
}

TEST_CASE("shapes that no reader takes are not written", "[io][npy]") {
    const TemporaryFolder folder;
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>(9, 1), {-1}, {std::int64_t{1} << 62, 1 << 20}})
        error_of(Errc::invalid_argument, [&] {
            write_npy(folder / "a", {DType::f32, shape, memory_source(std::vector<std::byte>(4))});
        });
    CHECK_THAT(error_of(Errc::bad_file,
                        [&] {
                            write_npy(folder / "a", {DType::u8, {4}, memory_source(std::vector<std::byte>(5))});
                        }),
               Catch::Contains("expected 4 bytes, found 5"));
    CHECK(support::names_in(folder.path()).empty());
}

TEST_CASE("a .npy file is written completely or not at all", "[io][npy]") {
    const auto tensor = support::stored(DType::f32, {300, 100}, counting<float>(30'000));
    support::check_writer_is_safe(
        [&](const fs::path& path, Overwrite overwrite) { write_npy(path, tensor, overwrite); }, "array.npy");
}
