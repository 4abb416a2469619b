// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/safetensors.hpp>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/digest.hpp>
#include <cameo/io/file.hpp>
#include <cameo/io/finite.hpp>
#include "support/error_message.hpp"
#include "support/failing_disk.hpp"
#include "support/memory.hpp"
#include "support/stored_tensors.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using namespace cameo::io;
using support::error_of;
using support::TemporaryFolder;

namespace fs = std::filesystem;

namespace {

/// A file with this header as it stands and this many zeros as data.
std::string file_of(const std::string& header, std::size_t data_size = 0) {
    std::string file(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(header.size() >> (8 * i));
    return file + header + std::string(data_size, '\0');
}

StateDict parse(const std::string& file, const SafetensorsOptions& options = {}) {
    const auto owner = std::make_shared<const std::string>(file);
    return parse_safetensors(std::as_bytes(std::span(*owner)), owner, "model.safetensors", options);
}

std::string refusal(const std::string& file, const SafetensorsOptions& options = {}) {
    auto message = error_of(Errc::bad_file, [&] { (void)parse(file, options); });
    CHECK_THAT(message, Catch::StartsWith("model.safetensors"));
    return message;
}

/// A file of ours, as text.
std::string written(const StateDict& tensors) {
    const TemporaryFolder folder;
    write_safetensors(folder / "a", tensors);
    return support::text_of(folder / "a");
}

std::size_t header_size_of(const std::string& file) {
    return 8 + static_cast<unsigned char>(file[0]) + 256u * static_cast<unsigned char>(file[1]);
}

StateDict sample() {
    auto tensors = support::one_of_each_type();
    tensors.metadata["format"] = "pt";
    tensors.metadata["cameo"] = R"({"architecture": {"name": "eg3d", "planes": 3}, "note": "caf\u00e9 \"quoted\""})";
    return tensors;
}

}  // namespace

TEST_CASE("tensors of every type come back as they were written", "[io][safetensors]") {
    const TemporaryFolder folder;
    const auto tensors = sample();
    const auto digest = write_safetensors(folder / "a.safetensors", tensors);
    const auto read = read_safetensors(folder / "a.safetensors");
    support::check_equal(read, tensors);
    CHECK(read.metadata.at("format") == "pt");
    CHECK(digest_of(read) == digest);
    const auto ours = nlohmann::json::parse(read.metadata.at("cameo"));
    CHECK(ours["format_version"] == 1);
    CHECK(ours["architecture"]["planes"] == 3);
    CHECK(ours["note"] == "caf\xc3\xa9 \"quoted\"");
    for (const auto& entry : read.entries())  // nothing was copied
        CHECK(entry.tensor.source->contiguous().size() == entry.tensor.byte_size());
}

TEST_CASE("tensors that come in pieces and whole give the same file", "[io][safetensors]") {
    const auto whole = sample();
    StateDict pieces;
    pieces.metadata = whole.metadata;
    for (const auto& [name, tensor] : whole.entries())
        pieces.add(name, {tensor.dtype, tensor.shape, std::make_shared<support::PiecewiseSource>(read_bytes(tensor))});
    CHECK(written(pieces) == written(whole));
}

TEST_CASE("a file that was read is written again byte for byte", "[io][safetensors]") {
    const auto first = written(sample());
    CHECK(written(parse(first)) == first);
}

TEST_CASE("the data of our files begin at a multiple of 64 bytes, after spaces", "[io][safetensors]") {
    for (int length = 1; length < 70; length += 3) {
        StateDict tensors;
        tensors.add(std::string(static_cast<std::size_t>(length), 'n'),
                    support::stored<float>(DType::f32, {1}, {1.0f}));
        const auto file = written(tensors);
        CHECK(header_size_of(file) % 64 == 0);
        CHECK(file.size() == header_size_of(file) + 4);
    }
}

TEST_CASE("a file without tensors or metadata is legal", "[io][safetensors]") {
    CHECK(parse(file_of("{}")).size() == 0);
    CHECK(parse(written({})).size() == 0);
    CHECK(digest_of(parse(written({}))).has_value());
}

TEST_CASE("the digest is SHA-256 of the file with the digest's digits zeroed", "[io][safetensors]") {
    auto file = written(sample());
    const auto digest = digest_of(parse(file)).value();
    const auto place = file.find(digest);
    REQUIRE(place != std::string::npos);
    file.replace(place, 64, 64, '0');
    Sha256 sha;
    sha.update(std::as_bytes(std::span(file)));
    CHECK(hex(sha.finish()) == digest);
}

TEST_CASE("other programs' files are read with or without metadata", "[io][safetensors]") {
    // As the reference implementation writes them: no padding or padding to 8, tensors in any order of the header.
    const auto read = parse(file_of(R"({"b":{"dtype":"F32","shape":[2,2],"data_offsets":[8,24]},)"
                                    R"("a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}   )",
                                    24));
    REQUIRE(read.size() == 2);
    CHECK(read.entries()[0].name == "a");
    CHECK(read.entries()[1].name == "b");
    CHECK(read.at("b").shape == std::vector<std::int64_t>{2, 2});
    CHECK_FALSE(digest_of(read).has_value());
    CHECK(parse(file_of(R"({"__metadata__":{"format":"pt"}})")).metadata.at("format") == "pt");
}

TEST_CASE("a file of ours cut anywhere is refused", "[io][safetensors]") {
    auto tensors = sample();
    tensors.add("large", support::stored(DType::u8, {5000}, std::vector<std::uint8_t>(5000, 3)));
    const auto file = written(tensors);
    for (std::size_t i = 0; i < 1000; ++i) {
        const auto size = (file.size() - 1) * i / 999;
        INFO("cut to " << size << " of " << file.size());
        for (const bool verify : {true, false}) refusal(file.substr(0, size), {.verify_digest = verify});
    }
    refusal(file + '\0');
}

TEST_CASE("a file of ours with any flipped byte is refused", "[io][safetensors]") {
    const auto file = written(sample());
    for (std::size_t place = 0; place < file.size(); ++place)
        for (const int flip : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
            auto damaged = file;
            damaged[place] = static_cast<char>(damaged[place] ^ flip);
            INFO("byte " << place << " xor " << flip << ": " << damaged.substr(place < 30 ? 0 : place - 30, 60));
            refusal(damaged);
        }
}

TEST_CASE("a damaged file of ours is read where the digest is not to be verified", "[io][safetensors]") {
    auto file = written(sample());
    file.back() ^= 1;
    CHECK_THAT(refusal(file), Catch::Contains("digest: expected ") && Catch::Contains(", found "));
    CHECK(parse(file, {.verify_digest = false}).size() == sample().size());
}

TEST_CASE("metadata that claim to be ours must be complete", "[io][safetensors]") {
    const auto with = [](const nlohmann::json& ours) {
        return file_of(nlohmann::json{{"__metadata__", {{"cameo", ours.dump()}}}}.dump());
    };
    const std::string zeros(64, '0');
    CHECK_THAT(refusal(with({{"format_version", 1}})), Catch::Contains("expected a digest, found none"));
    CHECK_THAT(refusal(with({{"digest", zeros}})), Catch::Contains("expected a format_version"));
    CHECK_THAT(refusal(with({{"format_version", 2}, {"digest", zeros}})),
               Catch::Contains("expected format_version 1, found '2'"));
    refusal(with({{"format_version", "1"}, {"digest", zeros}}));
    refusal(with({{"format_version", 1}, {"digest", 7}}));
    refusal(with({{"format_version", 1}, {"digest", std::string(64, 'A')}}));
    refusal(with({{"format_version", 1}, {"digest", std::string(63, 'a')}}));
    refusal(with(nlohmann::json::array()));
    refusal(file_of(R"({"__metadata__":{"cameo":"not JSON"}})"));
    CHECK_THAT(refusal(with({{"format_version", 1}, {"digest", zeros}})), Catch::Contains("digest: expected 0000"));
    CHECK_THAT(refusal(with({{"format_version", 1}, {"digest", zeros}, {"parent", zeros}})),
               Catch::Contains("once in the header"));
}

TEST_CASE("a header that lies is refused without memory being spent", "[io][safetensors]") {
    const auto tensor = [](const std::string& shape, const std::string& offsets, const std::string& dtype = "\"F32\"") {
        return "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
    };
    const std::vector<std::pair<std::string, std::size_t>> lies = {
        {tensor("[9223372036854775808]", "[0,4]"), 4},
        {tensor("[9223372036854775807]", "[0,4]"), 4},
        {tensor("[4611686018427387904]", "[0,0]"), 0},  // times 4 bytes: 2^64
        {tensor("[4294967296,4294967296]", "[0,0]"), 0},
        {tensor("[0,4294967296,4294967296]", "[0,0]"), 0},
        {tensor("[4294967296,4294967296,0]", "[0,0]"), 0},
        {tensor("[2305843009213693951]", "[0,9223372036854775804]"), 16},
        {tensor("[-1]", "[0,4]"), 4},
        {tensor("[1.0]", "[0,4]"), 4},
        {tensor("[1e0]", "[0,4]"), 4},
        {tensor("[\"1\"]", "[0,4]"), 4},
        {tensor("[true]", "[0,4]"), 4},
        {tensor("1", "[0,4]"), 4},
        {tensor("null", "[0,4]"), 4},
        {tensor("[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4},
        {tensor("[1]", "[-4,0]"), 4},
        {tensor("[1]", "[4,0]"), 4},
        {tensor("[1]", "[0,8]"), 4},
        {tensor("[1]", "[4,8]"), 4},
        {tensor("[1]", "[4,8]"), 8},  // a hole in front
        {tensor("[1]", "[0,4]"), 8},  // bytes of nobody behind
        {tensor("[1]", "[0,4]"), 3},
        {tensor("[1]", "[0,5]"), 5},
        {tensor("[1]", "[18446744073709551612,18446744073709551616]"), 4},
        {tensor("[1]", "[18446744073709551612,0]"), 4},
        {tensor("[1]", "[0]"), 4},
        {tensor("[1]", "[0,4,4]"), 4},
        {tensor("[1]", "4"), 4},
        {tensor("[1]", "[0,4]", "\"C64\""), 4},
        {tensor("[1]", "[0,4]", "\"U32\""), 4},
        {tensor("[1]", "[0,4]", "\"f32\""), 4},
        {tensor("[1]", "[0,4]", "7"), 4},
        {R"({"a":{"dtype":"F32","shape":[1]}})", 4},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})", 4},
        {R"({"a":{"dtype":"F32","shape":[1],"offsets":[0,4]}})", 4},
        {R"({"a":[]})", 0},
        {R"({"a":null})", 0},
        {R"({"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4},
        {R"({"a\u0000b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4},
        {R"({"a\u001b[2J":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4},
        {"{\"" + std::string(513, 'n') + "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
        {"{\"a\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
        // two tensors: a hole between, an overlap, the same bytes, the same name
        {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})",
         4},
        {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
         4},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
         4},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
         4},
        {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
         4},
        {R"({"__metadata__":{"a":1}})", 0},
        {R"({"__metadata__":{"a":null}})", 0},
        {R"({"__metadata__":[]})", 0},
        {R"({"__metadata__":{"a":"1","a":"2"}})", 0},
        {" {}", 0},
        {"{}\n", 0},
        {"{}\t", 0},
        {"{} {}", 0},
        {"[]", 0},
        {"", 0},
        {"    ", 0},
        {std::string("{}\0", 3), 0},
    };
    const auto growth = support::resident_growth([&] {
        for (const auto& [header, data_size] : lies) {
            INFO(header << " with " << data_size << " bytes");
            refusal(file_of(header, data_size));
        }
        const auto announce = [](std::uint64_t size) {
            std::string file(16, ' ');
            for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(size >> (8 * i));
            return file;
        };
        for (const std::uint64_t size : {std::uint64_t{9}, std::uint64_t{8} << 20u, (std::uint64_t{8} << 20u) + 1,
                                         std::uint64_t{1} << 63u, ~std::uint64_t{0}, ~std::uint64_t{7}})
            refusal(announce(size));
        for (std::size_t size = 0; size < 8; ++size) refusal(std::string(size, '\1'));
    });
    CHECK(growth < 16u << 20u);
    CHECK(parse(file_of(tensor("[1]", "[0,4]"), 4)).size() == 1);  // the form itself is sound
    CHECK(parse(file_of(tensor("[]", "[0,4]"), 4)).at("a").numel() == 1);
    CHECK(parse(file_of(tensor("[1,1,1,1,1,1,1,1]", "[0,4]"), 4)).size() == 1);
}

TEST_CASE("the refusal names file, tensor and fact", "[io][safetensors]") {
    CHECK(refusal(file_of(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8)) ==
          "model.safetensors: tensor 'w': expected 12 bytes for its shape, found 8");
    CHECK(refusal(file_of(R"({"w":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}})", 8)) ==
          "model.safetensors: tensor 'w': expected a known dtype, found '\"C64\"'");
    CHECK_THAT(refusal(file_of(R"({"w\u001b[2J":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4)),
               Catch::Contains("'w\\x1b[2J'"));  // no terminal is led astray
}

TEST_CASE("65 536 tensors are read and one more refused", "[io][safetensors]") {
    const auto file = [](int count) {
        std::string header = "{";
        for (int i = 0; i < count; ++i)
            header += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
        return file_of(header + "}");
    };
    CHECK(parse(file(65'536)).size() == 65'536);
    CHECK_THAT(refusal(file(65'537)), Catch::Contains("at most 65536 tensors, found 65537"));
}

TEST_CASE("booleans other than 0 and 1 are refused", "[io][safetensors]") {
    auto file = file_of(R"({"m":{"dtype":"BOOL","shape":[5],"data_offsets":[0,5]}})", 5);
    CHECK(parse(file).size() == 1);
    file[file.size() - 2] = 2;
    CHECK_THAT(refusal(file), Catch::Contains("'m'") && Catch::Contains("flat index 3"));
}

TEST_CASE("non-finite numbers are refused where that is asked for, by name and index", "[io][safetensors]") {
    constexpr std::size_t count = 3000;
    const auto place = GENERATE(as<std::size_t>(), 0, 1, 1023, 1024, 2047, 2999);
    const auto check = [&](DType dtype, auto lowest_of_exponent, const auto&... bad_patterns) {
        using Bits = decltype(lowest_of_exponent);
        const auto file_with = [&](const std::vector<Bits>& bits) {
            const auto size = std::to_string(sizeof(Bits) * count);
            auto file = file_of(R"({"w":{"dtype":")" + std::string(name_of(dtype)) + R"(","shape":[3000],)" +
                                R"("data_offsets":[0,)" + size + "]}}");
            const auto bytes = std::as_bytes(std::span(bits));
            return file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        };
        for (const auto bad : {static_cast<Bits>(bad_patterns)...}) {
            std::vector<Bits> bits(count, static_cast<Bits>(bad & ~lowest_of_exponent));  // finite, if only just
            CHECK_NOTHROW(parse(file_with(bits), {.require_finite = true}));
            bits[place] = bad;
            bits.back() = bad;
            const auto where =
                "tensor 'w': expected finite numbers, found another at flat index " + std::to_string(place);
            CHECK_NOTHROW(parse(file_with(bits)));
            CHECK_THAT(refusal(file_with(bits), {.require_finite = true}), Catch::EndsWith(where));

            StateDict pieces;
            pieces.add("fine", support::stored<float>(DType::f32, {1}, {1.0f}));
            pieces.add("w", {dtype, {count}, std::make_shared<support::PiecewiseSource>(support::bytes_of(bits))});
            CHECK_THAT(error_of(Errc::bad_file, [&] { require_finite(pieces, "model"); }), Catch::EndsWith(where));
        }
    };
    check(DType::f64, std::uint64_t{1} << 52u, 0x7ff0000000000000u, 0xfff0000000000000u, 0x7ff8000000000000u,
          0x7ff0000000000001u);
    check(DType::f32, std::uint32_t{1} << 23u, 0x7f800000u, 0xff800000u, 0x7fc00000u, 0x7f800001u);
    check(DType::f16, std::uint16_t{1u << 10u}, 0x7c00u, 0xfc00u, 0x7e00u, 0x7c01u);
    check(DType::bf16, std::uint16_t{1u << 7u}, 0x7f80u, 0xff80u, 0x7fc0u, 0x7f81u);
}

TEST_CASE("integers are finite whatever their bits", "[io][safetensors]") {
    StateDict tensors;
    tensors.add("i", support::stored<std::int64_t>(DType::i64, {2}, {-1, 0x7ff0000000000000}));
    CHECK_NOTHROW(parse(written(tensors), {.require_finite = true}));
}

TEST_CASE("what a reader would refuse is not written", "[io][safetensors]") {
    const TemporaryFolder folder;
    const auto check = [&](const StateDict& tensors) {
        error_of(Errc::invalid_argument, [&] { write_safetensors(folder / "a", tensors); });
        CHECK(support::names_in(folder.path()).empty());
    };
    const auto one = [](const std::string& name, std::vector<std::int64_t> shape) {
        StateDict tensors;
        tensors.add(name, {DType::u8, std::move(shape), memory_source(std::vector<std::byte>(1))});
        return tensors;
    };
    check(one("", {1}));
    check(one("\x01", {1}));
    check(one("\xff", {1}));
    check(one(std::string(513, 'n'), {1}));
    check(one("__metadata__", {1}));
    check(one("a", {1, 1, 1, 1, 1, 1, 1, 1, 1}));
    check(one("a", {-1}));
    check(one("a", {std::int64_t{1} << 62, 4}));
    const auto metadata = [](const std::string& key, const std::string& text) {
        StateDict tensors;
        tensors.metadata[key] = text;
        return tensors;
    };
    check(metadata("cameo", "no JSON"));
    check(metadata("cameo", "[]"));
    check(metadata("cameo", R"({"format_version": 2})"));
    check(metadata("copy", R"({"format_version": 1, "digest": "x"})"));
    check(metadata("key", "\xff"));
    check(metadata("key\xff", ""));
    check(metadata("key", std::string(8 << 20, 'x')));
}

TEST_CASE("a tensor whose source lied about its size is not written", "[io][safetensors]") {
    const TemporaryFolder folder;
    for (const std::size_t size : {3u, 5u}) {
        StateDict tensors;
        tensors.add("w", {DType::u8, {4}, memory_source(std::vector<std::byte>(size))});
        CHECK_THAT(error_of(Errc::bad_file, [&] { write_safetensors(folder / "a", tensors); }),
                   Catch::Contains("tensor 'w': expected 4 bytes, found " + std::to_string(size)));
        CHECK(support::names_in(folder.path()).empty());
    }
}

TEST_CASE("a safetensors file is written completely or not at all", "[io][safetensors]") {
    auto tensors = sample();
    tensors.add("large", support::stored(DType::u8, {150'000}, std::vector<std::uint8_t>(150'000, 3)));
    support::check_writer_is_safe(
        [&](const fs::path& path, Overwrite overwrite) { write_safetensors(path, tensors, overwrite); },
        "model.safetensors");
}

TEST_CASE("writing and reading a large tensor does not keep it in memory", "[io][safetensors]") {
    class Zeros final : public TensorSource {
      public:
        std::span<const std::byte> contiguous() const noexcept override { return {}; }
        void stream(const ByteSink& sink) const override {
            const std::vector<std::byte> run(1 << 16);
            for (int i = 0; i < 1024; ++i) sink(run);
        }
    };
    const TemporaryFolder folder;
    StateDict tensors;
    tensors.add("w", {DType::f32, {1024, 1 << 14}, std::make_shared<Zeros>()});
    CHECK(support::resident_growth([&] { write_safetensors(folder / "a", tensors); }) < 16u << 20u);
    CHECK(fs::file_size(folder / "a") > 64u << 20u);
    CHECK(read_safetensors(folder / "a", {.require_finite = true}).at("w").byte_size() == 64u << 20u);
}
