// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/npz.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/finite.hpp>
#include "io/npy_format.hpp"
#include "support/error_message.hpp"
#include "support/failing_disk.hpp"
#include "support/golden.hpp"
#include "support/memory.hpp"
#include "support/raw_zip.hpp"
#include "support/stored_tensors.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using namespace cameo::io;
using support::error_of;
using support::raw_zip;
using support::RawMember;
using support::TemporaryFolder;
using support::values_of;

namespace fs = std::filesystem;

namespace {

const fs::path by_numpy = fs::path(CAMEO_SOURCE_DIR) / "test/fuzz/seeds/npz";

StateDict parse(const std::string& file) {
    const auto owner = std::make_shared<const std::string>(file);
    return parse_npz(std::as_bytes(std::span(*owner)), owner, "a.npz");
}

std::string refusal(const std::string& file) {
    auto message = error_of(Errc::bad_file, [&] { (void)parse(file); });
    CHECK_THAT(message, Catch::StartsWith("a.npz: "));
    return message;
}

std::string npy(const std::string& descr, const std::vector<std::int64_t>& shape, const std::string& data) {
    return compose_npy_header(descr, shape) + data;
}

RawMember deflated(const std::string& name, const std::string& data) {
    return {.name = name,
            .data = support::raw_deflated(data),
            .method = 8,
            .size = static_cast<std::uint32_t>(data.size()),
            .crc = support::crc_of(data)};
}

/// All that write_npz() can hold.
StateDict sample() {
    StateDict tensors;
    const auto all = support::one_of_each_type();
    for (const auto& [name, tensor] : all.entries())
        if (tensor.dtype != DType::bf16) tensors.add("nested/" + name, tensor);
    tensors.metadata = {{"camera", "caf\xc3\xa9 \xf0\x9f\x98\x80 \xe2\x82\xac"}, {"empty text", ""}};
    return tensors;
}

}  // namespace

TEST_CASE("archives that NumPy wrote are read, text and all", "[io][npz]") {
    std::vector<float> counting(24);
    std::iota(counting.begin(), counting.end(), 0.0f);
    const auto read = read_npz(by_numpy / "compressed.npz");
    REQUIRE(read.size() == 5);
    CHECK(read.at("a").shape == std::vector<std::int64_t>{2, 3, 4});
    CHECK(values_of<float>(read.at("a")) == counting);
    CHECK(values_of<float>(read.at("f")) == counting);  // Fortran order
    CHECK(read.at("e").dtype == DType::i32);            // big-endian
    CHECK(values_of<std::int32_t>(read.at("e")) == std::vector<std::int32_t>(counting.begin(), counting.end()));
    CHECK(read.at("z").shape == std::vector<std::int64_t>{0, 2});
    CHECK(values_of<std::uint8_t>(read.at("m")) == std::vector<std::uint8_t>{1, 0});
    CHECK(read.metadata.at("text") == "caf\xc3\xa9 \xf0\x9f\x98\x80");
    CHECK(read.metadata.at("raw") == "abc");
    CHECK(nlohmann::json::parse(read.metadata.at("texts")) == nlohmann::json{"one", "", "three"});

    const auto stored = read_npz(by_numpy / "stored.npz");
    CHECK(values_of<float>(stored.at("a")) == counting);
    CHECK(values_of<std::int64_t>(stored.at("s")) == std::vector<std::int64_t>{7});
}

TEST_CASE("tensors and texts come back as they were written, deflated or not", "[io][npz]") {
    const TemporaryFolder folder;
    const auto compression = GENERATE(Compression::none, Compression::deflate);
    const auto tensors = sample();
    write_npz(folder / "a.npz", tensors, compression);
    write_npz(folder / "b.npz", tensors, compression);
    const auto read = read_npz(folder / "a.npz");
    support::check_equal(read, tensors);
    CHECK(read.metadata == tensors.metadata);
    CHECK(support::text_of(folder / "a.npz") == support::text_of(folder / "b.npz"));
}

TEST_CASE("a tensor of an archive can be streamed again, by many threads and inside of another's stream", "[io][npz]") {
    const TemporaryFolder folder;
    StateDict tensors;
    std::vector<std::int32_t> values(300'000);
    std::iota(values.begin(), values.end(), 0);
    tensors.add("a", support::stored(DType::i32, {300'000}, values));
    tensors.add("b", support::stored(DType::i32, {300'000}, values));
    write_npz(folder / "a.npz", tensors);
    const auto read = read_npz(folder / "a.npz");
    CHECK(read.at("a").source->contiguous().empty());
    std::atomic<int> equal = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] { equal += values_of<std::int32_t>(read.at(i % 2 ? "a" : "b")) == values; });
    for (auto& thread : threads) thread.join();
    CHECK(equal == 4);
    int runs = 0;
    read.at("a").source->stream([&](std::span<const std::byte>) {
        ++runs;
        CHECK((values_of<std::int32_t>(read.at("b")) == values));
    });
    CHECK(runs > 1);
}

TEST_CASE("members that are no arrays or lie about their arrays are refused by name", "[io][npz]") {
    const auto refused = [](const std::string& name, const std::string& data) {
        const auto message =
            refusal(raw_zip({{.name = "fine.npy", .data = npy("<f4", {1}, "1234")}, {.name = name, .data = data}}));
        CHECK_THAT(message, Catch::Contains("member '" + name + "'"));
        return message;
    };
    refused("readme.txt", "text");
    refused(".npy", npy("<f4", {1}, "1234"));
    refused("a.npy", "");
    refused("a.npy", "\x93NUMPY");
    refused("a.npy", npy("<f4", {1}, "1234").substr(0, 30));
    refused("a.npy", npy("<f4", {1}, "12345"));
    refused("a.npy", npy("<f4", {2}, "1234"));
    refused("a.npy", npy("<f4", {std::int64_t{1} << 62}, "1234"));
    CHECK_THAT(refused("a.npy", npy("|O", {}, "\x80\x02N.")), Catch::Contains("Python objects"));
    CHECK_THAT(refused("a.npy", npy("<c8", {1}, "12345678")), Catch::Contains("'<c8'"));
    refused("a.npy", npy("<U2", {1}, "1234"));
    refused("a.npy", npy("<U1", {}, std::string("\x00\xd8\x00\x00", 4)));  // a surrogate
    refused("a.npy", npy("<U1", {}, std::string("\x00\x00\x11\x00", 4)));  // beyond Unicode
    refused("a.npy", npy("|S2", {}, "\xff\xfe"));
    refused("a.npy", npy("<U0", {9}, ""));
    refused("a.npy", npy("<U99999999999", {1}, "1234"));
    refused("a.npy", npy("<U4611686018427387905", {1}, "1234"));  // times 4: 4
}

TEST_CASE("a damaged member is refused when it is streamed", "[io][npz]") {
    const auto data = npy("<f4", {1000}, std::string(4000, 'x'));
    auto member = deflated("a.npy", data);
    member.crc = *member.crc ^ 1u;
    const auto read = parse(raw_zip({member}));
    CHECK_THAT(error_of(Errc::bad_file, [&] { (void)read_bytes(read.at("a")); }),
               Catch::Contains("a.npz") && Catch::Contains("a.npy"));
    const auto booleans = parse(raw_zip({deflated("m.npy", npy("|b1", {3}, std::string("\x01\x00\x02", 3)))}));
    CHECK_THAT(error_of(Errc::bad_file, [&] { (void)read_bytes(booleans.at("m")); }),
               Catch::Contains("m.npy") && Catch::Contains("flat index 2"));
}

TEST_CASE("an archive of arrays cut at 1 000 places is refused", "[io][npz]") {
    const TemporaryFolder folder;
    write_npz(folder / "a.npz", sample());
    const auto file = support::text_of(folder / "a.npz");
    for (std::size_t i = 0; i < 1000; ++i) refusal(file.substr(0, (file.size() - 1) * i / 999));
}

TEST_CASE("flipping any byte of an archive of arrays does no harm", "[io][npz]") {
    const auto file = support::text_of(by_numpy / "compressed.npz");
    for (std::size_t place = 0; place < file.size(); ++place)
        for (const int flip : {0x01, 0x20, 0x80, 0xff}) {
            auto damaged = file;
            damaged[place] = static_cast<char>(damaged[place] ^ flip);
            try {
                const auto read = parse(damaged);
                for (const auto& entry : read.entries()) (void)read_bytes(entry.tensor);
            } catch (const Error& error) {
                CHECK(error.code() == Errc::bad_file);
            }
        }
}

TEST_CASE("reading an archive of large arrays keeps none of them in memory", "[io][npz]") {
    const TemporaryFolder folder;
    {
        StateDict tensors;
        tensors.add("w", support::stored(DType::u8, {40 << 20}, std::vector<std::uint8_t>(40 << 20, 3)));
        write_npz(folder / "a.npz", tensors);
    }
    std::uint64_t bytes = 0;
    const auto growth = support::resident_growth([&] {
        const auto read = read_npz(folder / "a.npz");
        read.at("w").source->stream([&](std::span<const std::byte> run) { bytes += run.size(); });
    });
    CHECK(bytes == 40u << 20u);
    CHECK(growth < 16u << 20u);
}

TEST_CASE("what NumPy has no type or name for is not written", "[io][npz]") {
    const TemporaryFolder folder;
    const auto check = [&](const StateDict& tensors) {
        error_of(Errc::invalid_argument, [&] { write_npz(folder / "a.npz", tensors); });
        CHECK(support::names_in(folder.path()).empty());
    };
    const auto one = [](const std::string& name, DType dtype, std::vector<std::int64_t> shape) {
        StateDict tensors;
        tensors.add(name, {dtype, std::move(shape), memory_source(std::vector<std::byte>(2))});
        return tensors;
    };
    check(one("a", DType::bf16, {1}));
    check(one("a", DType::f16, std::vector<std::int64_t>(9, 1)));
    check(one("../a", DType::f16, {1}));
    check(one("", DType::f16, {-1}));
    auto twice = one("a", DType::f16, {1});
    twice.metadata["a"] = "text of the same name";
    check(twice);
    StateDict no_text;
    no_text.metadata["a"] = "\xff";
    check(no_text);
    const StateDict short_one = one("a", DType::f32, {1});
    CHECK_THAT(error_of(Errc::bad_file, [&] { write_npz(folder / "a.npz", short_one); }),
               Catch::Contains("tensor 'a': expected 4 bytes, found 2"));
    CHECK(support::names_in(folder.path()).empty());
}

TEST_CASE("an archive of arrays is written completely or not at all", "[io][npz]") {
    auto tensors = sample();
    std::vector<std::int32_t> values(50'000);
    std::iota(values.begin(), values.end(), 0);
    tensors.add("large", support::stored(DType::i32, {50'000}, values));
    for (const auto compression : {Compression::none, Compression::deflate})
        support::check_writer_is_safe(
            [&](const fs::path& path, Overwrite overwrite) { write_npz(path, tensors, compression, overwrite); },
            "arrays.npz");
}

TEST_CASE("every golden archive is read, its arrays are whole and its numbers finite", "[io][npz]") {
    const auto folder = support::golden("");
    if (!folder) return;
    int archives = 0;
    for (const auto& file : fs::recursive_directory_iterator(*folder)) {
        if (file.path().extension() != ".npz") continue;
        ++archives;
        INFO(file.path().string());
        const auto read = read_npz(file.path());
        CHECK(read.size() > 0);
        for (const auto& [name, tensor] : read.entries()) {
            INFO(name);
            CHECK(read_bytes(tensor).size() == tensor.byte_size());
        }
    }
    CHECK(archives > 0);
}

TEST_CASE("golden arrays have the shapes and relations that their README states", "[io][npz]") {
    const auto path = support::golden("eg3d-ffhq-small.npz");
    if (!path) return;
    const auto read = read_npz(*path);
    require_finite(read, path->string());
    CHECK(read.at("z").shape == std::vector<std::int64_t>{1, 512});
    CHECK(read.at("ws").shape == std::vector<std::int64_t>{1, 14, 512});
    CHECK(read.at("planes_index").shape == std::vector<std::int64_t>{4096});
    const auto views = read.at("cameras").shape.at(0);
    CHECK(read.at("image").shape == std::vector<std::int64_t>{views, 3, 512, 512});
    CHECK(values_of<std::int64_t>(read.at("nrr")) == std::vector<std::int64_t>{read.at("image_raw").shape.at(2)});
    // A camera is a rotation, row-major with its translation, then intrinsics.
    const auto cameras = values_of<float>(read.at("cameras"));
    for (int view = 0; view < views; ++view) {
        const auto* const row = cameras.data() + 25 * view;
        for (int i = 0; i < 3; ++i)
            CHECK(std::hypot(row[4 * i], row[4 * i + 1], row[4 * i + 2]) == Approx(1.0).epsilon(1e-5));
        CHECK(row[15] == 1.0f);
    }
}
