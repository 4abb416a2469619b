// SPDX-License-Identifier: Apache-2.0
#include "io/zip.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>
#include "support/error_message.hpp"
#include "support/failing_disk.hpp"
#include "support/memory.hpp"
#include "support/raw_zip.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using namespace cameo::io;
using support::error_of;
using support::raw_deflated;
using support::raw_zip;
using support::RawMember;
using support::TemporaryFolder;

namespace {

std::shared_ptr<const ZipArchive> open(const std::string& bytes) {
    const auto owner = std::make_shared<const std::string>(bytes);
    return ZipArchive::open(std::as_bytes(std::span(*owner)), owner, "a.zip");
}

std::string refusal(const std::string& bytes) {
    auto message = error_of(Errc::bad_file, [&] { (void)open(bytes); });
    CHECK_THAT(message, Catch::StartsWith("a.zip: "));
    return message;
}

std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string content(const ZipArchive& archive, const std::string& name) {
    const auto* const member = archive.find(name);
    REQUIRE(member);
    return as_text(archive.read_all(*member, 1 << 30));
}

std::string refused_content(const std::string& bytes) {
    const auto archive = open(bytes);
    return error_of(Errc::bad_file, [&] { (void)archive->read_all(archive->members()[0], 1 << 30); });
}

RawMember deflated(const std::string& name, const std::string& data) {
    RawMember member{.name = name, .data = raw_deflated(data), .method = 8};
    member.size = static_cast<std::uint32_t>(data.size());
    member.crc = support::crc_of(data);
    return member;
}

std::function<std::vector<std::byte>()> text(const std::string& data) {
    return [data] {
        const auto bytes = std::as_bytes(std::span(data));
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
}

std::string long_text() {
    std::string result;
    for (int i = 0; i < 60'000; ++i) result += std::to_string(i * 7919 % 1009);
    return result;
}

}  // namespace

TEST_CASE("stored and deflated members are read whole, in the archive's order", "[io][zip]") {
    const auto archive = open(raw_zip({{.name = "b/stored.txt", .data = "hello"},
                                       {.name = "b/"},
                                       deflated("a.txt", long_text()),
                                       {.name = "empty"},
                                       {.name = "caf\xc3\xa9"}}));
    REQUIRE(archive->members().size() == 4);  // folders are none
    CHECK(archive->members()[0].name == "b/stored.txt");
    CHECK(archive->members()[0].size == 5);
    CHECK(archive->members()[0].crc == support::crc_of("hello"));
    CHECK_FALSE(archive->members()[0].deflated);
    CHECK(archive->members()[1].deflated);
    CHECK(archive->members()[1].stored_size < archive->members()[1].size);
    CHECK(content(*archive, "b/stored.txt") == "hello");
    CHECK(content(*archive, "a.txt") == long_text());
    CHECK(content(*archive, "empty").empty());
    CHECK(archive->find("caf\xc3\xa9"));
    CHECK_FALSE(archive->find("b/"));
    CHECK_FALSE(archive->find("missing"));
}

TEST_CASE("an archive without members is legal", "[io][zip]") {
    CHECK(open(raw_zip({}))->members().empty());
    const TemporaryFolder folder;
    ZipWriter::create(folder / "empty.zip", Overwrite::no)->commit();
    CHECK(ZipArchive::open(folder / "empty.zip")->members().empty());
}

TEST_CASE("members can be read in pieces, skipped in, begun again, and by readers that outlive the archive",
          "[io][zip]") {
    auto archive = open(raw_zip({deflated("a", long_text()), {.name = "b", .data = long_text()}}));
    for (const auto& member : archive->members()) {
        const auto reader = archive->read(member);
        const auto other = archive->read(member);
        std::vector<std::byte> piece(1000);
        reader->skip(50'000);
        reader->read_exactly(piece);
        CHECK(as_text(piece) == long_text().substr(50'000, 1000));
        other->read_exactly(piece);
        CHECK(as_text(piece) == long_text().substr(0, 1000));
        CHECK_THAT(error_of(Errc::bad_file, [&] { other->skip(member.size); }), Catch::Contains("more bytes, found"));
    }
    const auto reader = archive->read(archive->members()[0]);
    archive.reset();
    std::vector<std::byte> all(2 * long_text().size());
    CHECK(reader->read(all) == long_text().size());
    CHECK(reader->read(all) == 0);
}

TEST_CASE("threads may read one archive at a time", "[io][zip]") {
    const auto archive = open(raw_zip({deflated("a", long_text()), {.name = "b", .data = long_text()}}));
    std::vector<std::thread> threads;
    std::atomic<int> equal = 0;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            for (int round = 0; round < 5; ++round)
                equal += as_text(archive->read_all(archive->members()[(i + round) % 2], 1 << 30)) == long_text();
        });
    for (auto& thread : threads) thread.join();
    CHECK(equal == 20);
}

TEST_CASE("names that lead out of a folder or nowhere are refused", "[io][zip]") {
    for (const std::string name : {"/etc/passwd", "../x", "a/../../x", "a/..", "..", "C:/x", "a\\b", "", "a\x1b[2J",
                                   "a\nb", "../", "/", "\xff\xfe"})
        CHECK_THAT(refusal(raw_zip({{.name = "fine"}, {.name = name}})), Catch::Contains("expected"));
    refusal(raw_zip({{.name = std::string(513, 'n')}}));
    CHECK_NOTHROW(open(raw_zip({{.name = std::string(512, 'n')}, {.name = "..a/b..c/..."}, {.name = "a:b"}})));
}

TEST_CASE("duplicates, links, devices, encryption and unknown methods are refused", "[io][zip]") {
    CHECK_THAT(refusal(raw_zip({{.name = "a"}, {.name = "a"}})), Catch::Contains("member 'a'"));
    CHECK_THAT(refusal(raw_zip({{.name = "a", .data = "b", .attributes = 0120777u << 16u}})),
               Catch::Contains("a link"));
    refusal(raw_zip({{.name = "a", .attributes = 0020666u << 16u}}));
    CHECK_NOTHROW(open(raw_zip({{.name = "a", .attributes = 0100644u << 16u}})));
    CHECK_THAT(refusal(raw_zip({{.name = "a", .data = std::string(20, 'x'), .flags = 0x801}})),
               Catch::Contains("encryption"));
    CHECK_THAT(refusal(raw_zip({{.name = "a", .data = "x", .method = 12}})), Catch::Contains("method 12"));
    refusal(raw_zip({{.name = "folder/", .data = "x"}}));
}

TEST_CASE("archives that swell are refused before anything is inflated", "[io][zip]") {
    const auto zeros = deflated("zeros", std::string(10 << 20, '\0'));
    CHECK(zeros.data.size() > (10u << 20u) / 1100);  // deflate's own limit is within ours
    CHECK_NOTHROW(open(raw_zip({zeros})));
    auto lie = zeros;
    lie.size = static_cast<std::uint32_t>(zeros.data.size()) * 1102;
    CHECK_THAT(refusal(raw_zip({lie})), Catch::Contains("at most 1100 bytes from one"));
    lie = {.name = "nothing", .method = 8};
    lie.size = 5;
    refusal(raw_zip({lie}));

    // Many members in one place, each honest for itself.
    auto shared = zeros;
    std::vector<RawMember> members{zeros};
    for (int i = 0; i < 50; ++i) {
        shared.name = "copy" + std::to_string(i);
        shared.offset = 0;
        shared.stored_size = static_cast<std::uint32_t>(zeros.data.size());
        shared.data.clear();
        members.push_back(shared);
    }
    CHECK_THAT(refusal(raw_zip(members)), Catch::Contains("bytes of its own"));

    // 17 members of 4 GiB less a little, each from 4 MiB.
    RawMember huge{.name = "", .data = std::string(4 << 20, 'x'), .method = 8, .size = 0xfffffffeu, .crc = 0};
    std::vector<RawMember> too_much;
    for (int i = 0; i < 17; ++i) {
        huge.name = std::to_string(i);
        too_much.push_back(huge);
    }
    CHECK_THAT(refusal(raw_zip(too_much)), Catch::Contains("at most 64 GiB in all"));
    too_much.pop_back();
    CHECK_NOTHROW(open(raw_zip(too_much)));
}

TEST_CASE("a member of another size or content than declared is refused when it is read", "[io][zip]") {
    auto member = deflated("a", long_text());
    member.size = *member.size - 1;
    CHECK_THAT(refused_content(raw_zip({member})), Catch::Contains("member 'a'"));
    member.size = *member.size + 2;
    refused_content(raw_zip({member}));
    member = deflated("a", long_text());
    member.crc = *member.crc ^ 1u;
    refused_content(raw_zip({member}));
    member = deflated("a", long_text());
    member.data[member.data.size() / 2] = static_cast<char>(member.data[member.data.size() / 2] ^ 0x10);
    refused_content(raw_zip({member}));
    member = {.name = "a", .data = "hello", .method = 8};  // not a deflate stream
    member.size = 5;
    refused_content(raw_zip({member}));
    member = {.name = "a", .data = "hello"};
    member.crc = 0;
    refused_content(raw_zip({member}));
    member = {.name = "a", .data = "hello"};
    member.size = 6;
    CHECK_THAT(refusal(raw_zip({member})), Catch::Contains("6 stored bytes"));
    member = {.name = "a", .data = "hello"};
    member.offset = 1u << 30u;
    CHECK(error_of(Errc::bad_file, [&] { (void)content(*open(raw_zip({member})), "a"); }).size() > 0);
}

TEST_CASE("a member larger than the reader has room for is refused", "[io][zip]") {
    const auto archive = open(raw_zip({{.name = "a", .data = "hello"}}));
    CHECK(archive->read_all(archive->members()[0], 5).size() == 5);
    CHECK_THAT(error_of(Errc::bad_file, [&] { (void)archive->read_all(archive->members()[0], 4); }),
               Catch::Contains("at most 4 bytes, found 5"));
}

TEST_CASE("an archive whose directory lies costs no memory", "[io][zip]") {
    const auto growth = support::resident_growth([] {
        const std::vector<RawMember> one{{.name = "a", .data = "hello"}};
        refusal(raw_zip(one, {.count = 0xfffe}));
        refusal(raw_zip(one, {.count = 2}));
        refusal(raw_zip(one, {.directory_size = 0x7fffffff}));
        refusal(raw_zip(one, {.directory_offset = 0xfffffffe}));
        refusal("");
        refusal("PK");
        refusal("no archive at all, but long enough to look for the end of one");

        // ZIP64: an end record that announces 2^40 members, and one with a directory of 2^63 bytes.
        using support::little_endian;
        for (const auto& [count, size] :
             {std::pair<std::uint64_t, std::uint64_t>{1ull << 40u, 46ull << 40u}, {1, 1ull << 63u}, {~0ull, ~0ull}}) {
            const std::string end64 = "PK\x06\x06" + little_endian(44, 8) + little_endian(45, 2) +
                                      little_endian(45, 2) + little_endian(0, 8) + little_endian(count, 8) +
                                      little_endian(count, 8) + little_endian(size, 8) + little_endian(0, 8);
            const std::string locator = "PK\x06\x07" + little_endian(0, 4) + little_endian(0, 8) + little_endian(1, 4);
            refusal(end64 + locator + "PK\x05\x06" + little_endian(0, 4) + little_endian(0xffffffff, 4) +
                    little_endian(0xffffffff, 4) + little_endian(0xffffffff, 4) + little_endian(0, 2));
        }
        auto bomb = deflated("a", std::string(1000, 'x'));
        bomb.stored_size = static_cast<std::uint32_t>(bomb.data.size());
        bomb.size = *bomb.stored_size * 1100;
        refused_content(raw_zip({bomb}));
    });
    CHECK(growth < 16u << 20u);
}

TEST_CASE("an archive cut anywhere is refused", "[io][zip]") {
    const auto archive = raw_zip({deflated("a", long_text()), {.name = "b", .data = long_text().substr(0, 3000)}});
    for (std::size_t i = 0; i < 1000; ++i) {
        const auto size = (archive.size() - 1) * i / 999;
        INFO("cut to " << size << " of " << archive.size());
        refusal(archive.substr(0, size));
    }
}

TEST_CASE("flipping any byte of an archive gives an error or the members' own content", "[io][zip]") {
    const auto archive = raw_zip({deflated("a", long_text().substr(0, 500)), {.name = "b", .data = "hello"}});
    int refused = 0;
    for (std::size_t place = 0; place < archive.size(); ++place)
        for (const int flip : {0x01, 0x10, 0x80, 0xff}) {
            auto damaged = archive;
            damaged[place] = static_cast<char>(damaged[place] ^ flip);
            try {
                const auto opened = open(damaged);
                for (const auto& member : opened->members()) {
                    const auto found = as_text(opened->read_all(member, 1 << 20));
                    CHECK((found == "hello" || found == long_text().substr(0, 500)));
                }
            } catch (const Error& error) {
                CHECK(error.code() == Errc::bad_file);
                ++refused;
            }
        }
    CHECK(refused > 1000);
}

TEST_CASE("a written archive is read back, and its bytes depend on its content alone", "[io][zip]") {
    const TemporaryFolder folder;
    const auto write = [&](const std::string& name) {
        const auto writer = ZipWriter::create(folder / name, Overwrite::no);
        writer->add("b/stored", text(long_text()), ZipCompression::stored);
        writer->add("a deflated", text(long_text()), ZipCompression::deflated);
        writer->add("empty", text(""), ZipCompression::deflated);
        writer->commit();
    };
    write("first.zip");
    write("second.zip");
    const auto archive = ZipArchive::open(folder / "first.zip");
    REQUIRE(archive->members().size() == 3);
    CHECK(archive->members()[0].name == "b/stored");
    CHECK_FALSE(archive->members()[0].deflated);
    CHECK(archive->members()[1].deflated);
    CHECK(content(*archive, "b/stored") == long_text());
    CHECK(content(*archive, "a deflated") == long_text());
    CHECK(content(*archive, "empty").empty());
    CHECK(support::text_of(folder / "first.zip") == support::text_of(folder / "second.zip"));
    // No forced ZIP64: 30 + 46 bytes and twice the name around each member.
    std::size_t expected = 22;
    for (const auto& member : archive->members()) expected += 76 + 2 * member.name.size() + member.stored_size;
    CHECK(support::text_of(folder / "first.zip").size() == expected);
}

TEST_CASE("the content of one member at a time is in memory, asked for once", "[io][zip]") {
    int made = 0;
    const TemporaryFolder folder;
    const auto writer = ZipWriter::create(folder / "a.zip", Overwrite::no);
    for (int i = 0; i < 20; ++i)
        writer->add(
            std::to_string(i),
            [&made] {
                ++made;
                return std::vector<std::byte>(4 << 20);
            },
            ZipCompression::stored);
    CHECK(made == 0);
    CHECK(support::resident_growth([&] { writer->commit(); }) < 16u << 20u);
    CHECK(made == 20);
}

TEST_CASE("names that a reader would refuse are not written", "[io][zip]") {
    const TemporaryFolder folder;
    const auto writer = ZipWriter::create(folder / "a.zip", Overwrite::no);
    for (const std::string name : {"", "../a", "/a", "a\\b", "a\nb"})
        error_of(Errc::invalid_argument, [&] { writer->add(name, text("x"), ZipCompression::stored); });
    writer->add("a", text("x"), ZipCompression::stored);
    error_of(Errc::invalid_argument, [&] { writer->add("a", text("y"), ZipCompression::stored); });
}

TEST_CASE("what a content throws comes out of commit(), and no archive appears", "[io][zip]") {
    const TemporaryFolder folder;
    {
        const auto writer = ZipWriter::create(folder / "a.zip", Overwrite::no);
        writer->add("a", text("x"), ZipCompression::stored);
        writer->add(
            "b", []() -> std::vector<std::byte> { throw std::out_of_range("no more pictures"); },
            ZipCompression::deflated);
        CHECK_THROWS_WITH(writer->commit(), "no more pictures");
    }
    CHECK(support::names_in(folder.path()).empty());
}

TEST_CASE("an archive is written completely or not at all", "[io][zip]") {
    support::check_writer_is_safe(
        [](const std::filesystem::path& path, Overwrite overwrite) {
            const auto writer = ZipWriter::create(path, overwrite);
            writer->add("a", text(long_text()), ZipCompression::stored);
            writer->add("b", text(long_text()), ZipCompression::deflated);
            writer->commit();
        },
        "pictures.zip");
}
