// SPDX-License-Identifier: Apache-2.0
#include "io/torch_zip.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>
#include "io/pickle/tensor.hpp"
#include "support/errors.hpp"
#include "support/memory.hpp"
#include "support/pickle_writer.hpp"
#include "support/stored_tensors.hpp"

using namespace std::string_literals;
using namespace cameo::support;
using cameo::DType;
using cameo::Errc;
using cameo::Error;
using cameo::io::read_torch_zip;
using cameo::io::ZipArchive;
namespace pickle = cameo::io::pickle;

namespace {

pickle::Graph read(const std::string& file) {
    auto bytes = std::make_shared<std::vector<std::byte>>(bytes_of(std::vector<char>(file.begin(), file.end())));
    return read_torch_zip(ZipArchive::open(*bytes, bytes, "x.pt"));
}

pickle::Graph read(const std::vector<RawMember>& members) { return read(raw_zip(members)); }

void refuses(const std::vector<RawMember>& members, const std::string& part) {
    CHECK_THROWS_MATCHES(read(members), Error, is_error(Errc::bad_file, part));
}

std::string floats(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

const std::vector<StoredBytes> storages{{"0", floats({1, 2, 3, 4, 5, 6})}, {"1", floats({7, 8})}};

Py storage(const std::string& key, std::int64_t numel) {
    return Py::persistent(storage_id(DType::f32, key, numel, false));
}

Py state_dict() {
    return Py::built(Py::ordered_dict({{"a", tensor(storage("0", 6), {DType::f32, {2, 3}})},
                                       {"b", tensor(storage("1", 2), {DType::f32, {2}})},
                                       {"turned", tensor(storage("0", 6), {DType::f32, {3, 2}, {1, 3}})},
                                       {"part", tensor(storage("0", 6), {DType::f32, {3}, {1}, 2})},
                                       {"one", tensor(storage("1", 2), {DType::f32, {}, {}, 1})}}),
                     Py::dict({{"_metadata", Py::ordered_dict({})}}));
}

std::vector<RawMember> good() { return torch_members(state_dict(), storages); }

std::vector<float> values_under(const pickle::Graph& graph, std::string_view key) {
    const auto* dict = graph.as<pickle::Dict>(graph.root);
    REQUIRE(dict);
    const auto id = graph.find(*dict, key);
    REQUIRE(id);
    return values_of<float>(stored(graph, *graph.tensor(*id)));
}

void check_values(const pickle::Graph& graph) {
    CHECK(values_under(graph, "a") == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(values_under(graph, "b") == std::vector<float>{7, 8});
    CHECK(values_under(graph, "turned") == std::vector<float>{1, 4, 2, 5, 3, 6});
    CHECK(values_under(graph, "part") == std::vector<float>{3, 4, 5});
    CHECK(values_under(graph, "one") == std::vector<float>{8});
}

RawMember& named(std::vector<RawMember>& members, const std::string& ending) {
    for (auto& member : members)
        if (member.name.ends_with(ending)) return member;
    FAIL("no member " << ending);
    return members.front();
}

}  // namespace

TEST_CASE("an archive of torch.save gives its tensors, views of one storage among them", "[io][torch_zip]") {
    const auto graph = read(good());
    check_values(graph);
    CHECK(graph.storages.size() == 2);
}

TEST_CASE("members may be deflated", "[io][torch_zip]") {
    auto members = good();
    for (auto& member : members) {
        member.size = static_cast<std::uint32_t>(member.data.size());
        member.crc = crc_of(member.data);
        member.data = raw_deflated(member.data);
        member.method = 8;
    }
    check_values(read(members));
}

TEST_CASE("the folder may have any name and the byte order may go unsaid", "[io][torch_zip]") {
    auto members = torch_members(state_dict(), storages, "iteration_20000 (best)");
    std::erase_if(members, [](const auto& member) { return member.name.ends_with("byteorder"); });
    members.push_back({.name = "iteration_20000 (best)/.data/serialization_id", .data = "123"});
    check_values(read(members));
}

TEST_CASE("a member with a wrong CRC is refused when its bytes are read", "[io][torch_zip]") {
    auto members = good();
    named(members, "data/0").crc = 1;
    const auto graph = read(members);
    const auto* dict = graph.as<pickle::Dict>(graph.root);
    for (const auto* key : {"a", "turned", "part"}) {
        const auto tensor = stored(graph, *graph.tensor(*graph.find(*dict, key)));
        CHECK_THROWS_MATCHES(cameo::read_bytes(tensor), Error,
                             is_error(Errc::bad_file, "x.pt: member 'archive/data/0'"));
    }
    CHECK(values_under(graph, "b") == std::vector<float>{7, 8});
    named(members, "data.pkl").crc = 1;
    refuses(members, "data.pkl");
}

TEST_CASE("TorchScript's archives and other ZIP archives are refused for what they are", "[io][torch_zip]") {
    auto script = good();
    script.push_back({.name = "archive/constants.pkl", .data = "\x80\x02)."});
    refuses(script, "TorchScript");
    refuses({{.name = "a.npy", .data = "x"}}, "an archive of torch.save");
    refuses({{.name = "data.pkl", .data = "\x80\x02N."}}, "an archive of torch.save");
    refuses({{.name = "a/data.pkl", .data = "\x80\x02N."}, {.name = "b/data.pkl", .data = "\x80\x02N."}},
            "one data.pkl");
    auto beside = good();
    beside.push_back({.name = "elsewhere", .data = "x"});
    refuses(beside, "members under 'archive/' only, found 'elsewhere'");
}

TEST_CASE("numbers in another byte order are refused", "[io][torch_zip]") {
    auto members = good();
    named(members, "byteorder").data = "big";
    refuses(members, "little-endian order, found 'big'");
    named(members, "byteorder").data = "";
    refuses(members, "little-endian order");
}

TEST_CASE("a storage that is missing or of another size is refused", "[io][torch_zip]") {
    auto members = good();
    named(members, "data/1").name = "archive/data/2";
    refuses(members, "the member of storage '1'");
    members = good();
    named(members, "data/1").data += "x";
    refuses(members, "8 bytes in 'archive/data/1', found 9");
    const auto growth = resident_growth([&] {
        for (const std::int64_t numel :
             {std::int64_t{-1}, std::int64_t{0}, std::int64_t{3}, std::int64_t{1} << 40, INT64_MAX})
            refuses(torch_members(Py::dict({{"a", tensor(storage("1", numel), {DType::f32, {0}})}}), storages), "x.pt");
    });
    CHECK(growth < (16u << 20));
}

TEST_CASE("the key of a storage cannot lead out of its folder", "[io][torch_zip]") {
    auto members = torch_members(Py::dict({{"a", tensor(storage("../version", 0), {DType::f32, {0}})}}), {});
    refuses(members, "the member of storage '../version'");
    refuses(torch_members(Py::dict({{"a", tensor(storage("../../x", 0), {DType::f32, {0}})}}),
                          {{"../../x", "", DType::f32}}),
            "..");
}

TEST_CASE("names, duplicates, links and bombs that no archive needs are refused", "[io][torch_zip]") {
    for (const auto* name : {"archive/../x", "/archive/x", "archive/data/0", "archive\\x", "archive/data.pkl"}) {
        auto members = good();
        members.push_back({.name = name, .data = "x"});
        refuses(members, "x.pt");
    }
    auto link = good();
    named(link, "data/0").attributes = 0120777u << 16;
    refuses(link, "x.pt");
    auto bomb = good();
    auto& storage_member = named(bomb, "data/0");
    storage_member.data = raw_deflated(std::string(1'000'000, '\0'));
    storage_member.method = 8;
    storage_member.size = 4'000'000'000u;
    auto pickle_bomb = good();
    auto& object = named(pickle_bomb, "data.pkl");
    object.data = std::string(100'000, 'x');
    object.method = 8;
    object.size = 80u << 20;
    const auto growth = resident_growth([&] {
        refuses(bomb, "x.pt");
        refuses(pickle_bomb, "'archive/data.pkl': expected at most 67108864 bytes");
    });
    CHECK(growth < (16u << 20));
}

TEST_CASE("data.pkl is held to the rules of every pickle", "[io][torch_zip]") {
    const auto with = [](const std::string& object) {
        auto members = good();
        named(members, "data.pkl").data = object;
        return members;
    };
    refuses(with("\x80\x02"
                 "cos\nsystem\nX\x02\0\0\0ls\x85R."s),
            "x.pt: archive/data.pkl: global 'os.system' at byte 2");
    refuses(with("\x80\x02N.N."), "the end of data.pkl at byte 4");
    refuses(with(""), "data.pkl: expected a pickle");
    refuses(with("\x80\x02"
                 "ctorch.storage\n_load_from_bytes\nU\1x\x85R."s),
            "no further stream inside this one");
    refuses(torch_members(Py::persistent(storage_id(DType::f32, "0", 6, true)), storages), "5 to 5 arguments");
    refuses(torch_members(
                Py::persistent(Py::tuple({"module", Py::global("torch.nn.modules.linear", "Linear"), "", ""})), {}),
            "'storage'");
}

TEST_CASE("every prefix of an archive is refused", "[io][torch_zip]") {
    const auto file = raw_zip(good());
    for (std::size_t size = 0; size < file.size(); ++size)
        CHECK_THROWS_MATCHES(read(file.substr(0, size)), Error, is_error(Errc::bad_file, "x.pt"));
}

TEST_CASE("no flipped byte of an archive leads astray", "[io][torch_zip]") {
    const auto file = raw_zip(good());
    int refused = 0;
    for (std::size_t i = 0; i < file.size(); ++i) {
        auto flipped = file;
        flipped[i] = static_cast<char>(flipped[i] ^ 0x41);
        try {
            const auto graph = read(flipped);
            for (const auto& tensor : graph.tensors) (void)cameo::read_bytes(stored(graph, tensor));
        } catch (const Error& error) {
            CHECK(error.code() == Errc::bad_file);
            ++refused;
        }
    }
    // What lies in a CRC's reach is found; local headers repeat the directory, which alone is believed.
    CHECK(refused > static_cast<int>(file.size()) / 2);
}
