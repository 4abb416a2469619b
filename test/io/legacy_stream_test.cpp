// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/legacy_stream.hpp"

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
using namespace cameo::io::pickle;
using cameo::DType;
using cameo::Errc;
using cameo::Error;

namespace {

Graph read(const std::string& file) {
    auto bytes = std::make_shared<std::vector<std::byte>>(bytes_of(std::vector<char>(file.begin(), file.end())));
    auto backing = std::make_shared<Backing>();
    backing->file = bytes;
    return read_legacy_stream(*bytes, 0, "x.pth", std::move(backing));
}

void refuses(const std::string& file, const std::string& part) {
    CHECK_THROWS_MATCHES(read(file), Error, is_error(Errc::bad_file, part));
}

std::string floats(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<float> values_under(const Graph& graph, std::string_view key) {
    const auto* dict = graph.as<Dict>(graph.root);
    REQUIRE(dict);
    const auto id = graph.find(*dict, key);
    REQUIRE(id);
    return values_of<float>(stored(graph, *graph.tensor(*id)));
}

Py storage(const std::string& key, std::int64_t numel, Py view = {}) {
    return Py::persistent(Py::tuple({"storage", storage_class(DType::f32), key, "cuda:0", numel, std::move(view)}));
}

const std::vector<StoredBytes> two_storages{{"10", floats({1, 2, 3, 4, 5, 6})}, {"9", floats({7, 8})}};

Py two_tensors() {
    return Py::ordered_dict({{"b", tensor(storage("9", 2), {DType::f32, {2}})},
                             {"a", tensor(storage("10", 6), {DType::f32, {2, 3}})},
                             {"c", tensor(storage("10", 6), {DType::f32, {3, 2}, {1, 3}})}});
}

}  // namespace

TEST_CASE("a stream of torch.save gives its tensors, whatever the order of the storages", "[io][legacy_stream]") {
    for (const int protocol : {2, 3, 4}) {
        const auto file = legacy_stream(two_tensors(), two_storages, protocol);
        const auto graph = read(file);
        CHECK(values_under(graph, "a") == std::vector<float>{1, 2, 3, 4, 5, 6});
        CHECK(values_under(graph, "b") == std::vector<float>{7, 8});
        CHECK(values_under(graph, "c") == std::vector<float>{1, 4, 2, 5, 3, 6});
        CHECK(graph.storages.size() == 2);  // the two tensors of storage 10 share it
        CHECK(is_legacy_stream(bytes_of(std::vector<char>(file.begin(), file.end()))));
    }
    CHECK_FALSE(is_legacy_stream({}));
    const auto other = cameo::support::pickle(two_tensors().node() ? Py(1) : Py(), 2);
    CHECK_FALSE(is_legacy_stream(bytes_of(std::vector<char>(other.begin(), other.end()))));
}

TEST_CASE("a stream begins with exactly the bytes that PyTorch writes", "[io][legacy_stream]") {
    const auto file = legacy_stream({}, {});
    CHECK(file.substr(0, 15) == "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e");
    CHECK(file.substr(15, 6) == "\x80\x02\x4d\xe9\x03\x2e");
}

TEST_CASE("a view of a storage begins where it says", "[io][legacy_stream]") {
    const auto view = [](std::int64_t first, std::int64_t numel) {
        return storage("10", 6, Py::tuple({"77", first, numel}));
    };
    const auto read_view = [&](std::int64_t first, std::int64_t numel, const TensorSpec& spec) {
        return read(legacy_stream(Py::dict({{"a", tensor(view(first, numel), spec)}}), {two_storages[0]}));
    };
    CHECK(values_under(read_view(2, 3, {DType::f32, {3}}), "a") == std::vector<float>{3, 4, 5});
    CHECK(values_under(read_view(2, 4, {DType::f32, {2}, {2}, 1}), "a") == std::vector<float>{4, 6});
    for (const auto& [first, numel] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {-1, 2}, {0, 7}, {6, 1}, {7, 0}, {0, -1}, {INT64_MAX, 1}, {1, INT64_MAX}})
        CHECK_THROWS_MATCHES(read_view(first, numel, {DType::f32, {0}}), Error,
                             is_error(Errc::bad_file, "a view inside its storage of 6 elements"));
    CHECK_THROWS_MATCHES(read_view(2, 3, {DType::f32, {4}}), Error, is_error(Errc::bad_file, "of 3 elements"));
}

TEST_CASE("a stream within a pickle may hold a view", "[io][legacy_stream]") {
    const auto blob = legacy_stream(storage("10", 6, Py::tuple({"77", 1, 4})), {two_storages[0]});
    const auto file = cameo::support::pickle(
        tensor(Py::call(Py::global("torch.storage", "_load_from_bytes"), {Py::bytes(blob)}), {DType::f32, {4}}));
    const auto bytes = bytes_of(std::vector<char>(file.begin(), file.end()));
    const auto graph = read_pickle(bytes, "x.pkl", std::make_shared<Backing>());
    CHECK(values_of<float>(stored(graph, *graph.tensor(graph.root))) == std::vector<float>{2, 3, 4, 5});
}

TEST_CASE("a stream within a stream within a pickle is refused, and a stream of more than a storage",
          "[io][legacy_stream]") {
    const auto nested = [](const std::string& blob) {
        return Py::call(Py::global("torch.storage", "_load_from_bytes"), {Py::bytes(blob)});
    };
    const auto inner = legacy_stream(storage("10", 6), {two_storages[0]});
    for (const auto& blob : {legacy_stream(nested(inner), {}), legacy_stream(two_tensors(), two_storages),
                             legacy_stream(5, {}), inner + "x", inner.substr(0, inner.size() - 1), ""s}) {
        const auto file = cameo::support::pickle(Py::list({nested(blob)}));
        const auto bytes = bytes_of(std::vector<char>(file.begin(), file.end()));
        CHECK_THROWS_MATCHES(read_pickle(bytes, "x.pkl", std::make_shared<Backing>()), Error,
                             is_error(Errc::bad_file, "x.pkl: expected "));
    }
}

TEST_CASE("faults inside a nested stream are told by their place in the file", "[io][legacy_stream]") {
    auto blob = legacy_stream(storage("10", 6), {two_storages[0]});
    const auto place = blob.find("\x80\x02\x4d\xe9");  // the second pickle
    blob[place + 2] = 'I';
    const auto file = cameo::support::pickle(
        Py::list({Py::call(Py::global("torch.storage", "_load_from_bytes"), {Py::bytes(blob)})}));
    const auto bytes = bytes_of(std::vector<char>(file.begin(), file.end()));
    const auto expected = "op-code INT at byte " + std::to_string(file.find("\x80\x02I") + 2) + ":";
    CHECK_THROWS_MATCHES(read_pickle(bytes, "x.pkl", std::make_shared<Backing>()), Error,
                         is_error(Errc::bad_file, expected));
}

TEST_CASE("streams that lie about their storages are refused before memory is taken", "[io][legacy_stream]") {
    const auto one = [](std::int64_t numel, const std::vector<StoredBytes>& storages) {
        return legacy_stream(Py::dict({{"a", tensor(storage("10", numel), {DType::f32, {0}})}}), storages);
    };
    const auto growth = resident_growth([&] {
        CHECK_NOTHROW(read(one(6, {two_storages[0]})));
        refuses(one(5, {two_storages[0]}), "5 elements of storage '10'");
        refuses(one(7, {two_storages[0]}), "7 elements of storage '10'");
        refuses(one(-1, {two_storages[0]}), "a number of elements that can be");
        refuses(one(INT64_MAX, {two_storages[0]}), "a number of elements that can be");
        refuses(one(6, {}), "the bytes of storage '10'");
        refuses(one(6, two_storages), "each key of the object once");
        refuses(one(6, {two_storages[0], two_storages[0]}), "each key of the object once");
        const auto good = one(6, {two_storages[0]});
        refuses(good + "x", "the end of the stream");
        for (std::size_t size = 0; size < good.size(); ++size) refuses(good.substr(0, size), "x.pth: expected ");
        // The count in front of the elements says 2^61 more.
        auto lies = good;
        lies[good.size() - 24 - 1] = '\x20';
        refuses(lies, "6 elements of storage '10' at byte");
        // Both the id and the count say 2^40 elements.
        const std::int64_t many = std::int64_t{1} << 40;
        auto both = one(many, {two_storages[0]});
        for (int i = 0; i < 8; ++i)
            both[both.size() - 32 + static_cast<std::size_t>(i)] = static_cast<char>(many >> 8 * i);
        refuses(both, std::to_string(many * 4) + " bytes for storage '10'");
    });
    CHECK(growth < (16u << 20));
}

TEST_CASE("one key cannot stand for two storages", "[io][legacy_stream]") {
    const auto with = [](const Py& id) {
        return legacy_stream(Py::list({storage("10", 6), Py::persistent(id)}), {two_storages[0]});
    };
    CHECK_NOTHROW(read(with(Py::tuple({"storage", storage_class(DType::f32), "10", "cpu", 6, {}}))));
    refuses(with(Py::tuple({"storage", storage_class(DType::f32), "10", "cpu", 5, {}})), "the storage '10' as before");
    refuses(with(Py::tuple({"storage", storage_class(DType::i32), "10", "cpu", 6, {}})), "the storage '10' as before");
    refuses(with(Py::tuple({"storage", Py::global("torch", "Size"), "10", "cpu", 6, {}})), "the class of a storage");
    refuses(with(Py::tuple({"storage", storage_class(DType::f32), 10, "cpu", 6, {}})), "the key of a storage");
    refuses(with(Py::tuple({"storage", storage_class(DType::f32), "", "cpu", 6, {}})), "1 to 512 bytes");
    refuses(with(Py::tuple({"storage", storage_class(DType::f32), "10", "cpu"})), "arguments");
    refuses(with(Py::tuple({"file", "/etc/passwd", "10", "cpu", 6})), "'storage'");
    refuses(with("10"), "a tuple of arguments");
}

TEST_CASE("the source text that very old streams carry is passed over", "[io][legacy_stream]") {
    const Py linear = Py::global("torch.nn.modules.linear", "Linear");
    const Py id = Py::tuple({"module", linear, "/home/x/linear.py", "import os"});
    const auto graph = read(legacy_stream(Py::instance(Py::persistent(id), Py::dict({{"in_features", 3}})), {}));
    REQUIRE(graph.object(graph.root));
    CHECK(graph.object(graph.root)->class_name == "Linear");
    refuses(legacy_stream(Py::persistent(Py::tuple({"module", Py::global("torch", "Size"), "", ""})), {}),
            "the class of a network");
}

TEST_CASE("streams of another version or byte order are refused", "[io][legacy_stream]") {
    const auto good = legacy_stream(5, {});
    CHECK_NOTHROW(read(good));
    auto version = good;
    version[15 + 3] = '\xe8';
    refuses(version, "protocol 1001");
    auto order = good;
    const auto place = good.find("little_endian");
    order[good.find('\x88', place)] = '\x89';
    refuses(order, "little-endian");
    auto magic = good;
    magic[7] ^= 1;
    refuses(magic, "the magic number");
    auto without = good;
    without[place] = 'L';
    refuses(without, "little-endian");
}
