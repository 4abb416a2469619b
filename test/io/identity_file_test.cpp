// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/identity_file.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/stored_tensors.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using support::is_error;

namespace {

io::Identity some_identity() {
    io::Identity identity;
    identity.ws = support::stored<float>(DType::f32, {1, 2, 3}, {1, 2, 3, 4, 5, 6});
    identity.cameras = {{orbit_degrees(10, 5, 2.7, {0, 0, 0.2}), intrinsics_from_focal(4.2647)},
                        {orbit_degrees(-10, 5, 2.7, {0, 0, 0.2}), intrinsics_from_focal(4.2647)}};
    identity.tuned.add("values.b", support::stored<float>(DType::f32, {2}, {0.5F, -1}));
    identity.noise.add("n", support::stored<float>(DType::f32, {1, 1}, {2}));
    identity.thumbnail = Image(3, 2, 3, srgb8);
    for (std::size_t i = 0; i < 18; ++i) identity.thumbnail.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
    identity.generator = "tiny.safetensors";
    identity.generator_digest = std::string(64, 'a');
    identity.licence = "CC0-1.0";
    identity.method = "pti";
    identity.metrics = {{"psnr", 31.25}, {"pictures", 2}};
    return identity;
}

/// The file with its metadata or its tensors changed, digest and all.
StateDict stored_as(const support::TemporaryFolder& folder) {
    io::write_identity(folder / "a.cameo", some_identity(), io::Overwrite::yes);
    return io::read_safetensors(folder / "a.cameo");
}

}  // namespace

TEST_CASE("an identity comes back from its file as it was", "[io][identity]") {
    const support::TemporaryFolder folder;
    const auto identity = some_identity();
    io::write_identity(folder / "a.cameo", identity);
    const auto found = io::read_identity(folder / "a.cameo");
    CHECK(support::values_of<float>(found.ws) == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK((found.cameras == identity.cameras));
    CHECK((found.thumbnail == identity.thumbnail));
    CHECK(found.generator == "tiny.safetensors");
    CHECK(found.generator_digest == identity.generator_digest);
    CHECK(found.generator_words() == "tiny.safetensors (aaaaaaaaaaaa)");
    CHECK(found.licence == "CC0-1.0");
    CHECK(found.method == "pti");
    CHECK(found.metrics == identity.metrics);
    support::check_equal(found.tuned, identity.tuned);
    support::check_equal(found.noise, identity.noise);
    CHECK_THROWS_MATCHES(io::write_identity(folder / "a.cameo", identity), Error, is_error(Errc::io_failure));

    auto bare = identity;
    bare.thumbnail = {};
    bare.tuned = {};
    bare.noise = {};
    bare.metrics = {};
    io::write_identity(folder / "b.cameo", bare);
    const auto found_bare = io::read_identity(folder / "b.cameo");
    CHECK(found_bare.thumbnail.empty());
    CHECK(found_bare.tuned.size() == 0);
}

TEST_CASE("what is no identity is refused, by what is wrong with it", "[io][identity]") {
    const support::TemporaryFolder folder;
    const auto good = stored_as(folder);
    const auto refused = [&](const StateDict& tensors, const std::string& part) {
        io::write_safetensors(folder / "b.cameo", tensors, io::Overwrite::yes);
        CHECK_THROWS_MATCHES(io::read_identity(folder / "b.cameo"), Error, is_error(Errc::bad_file, part));
    };
    const auto with_facts = [&](auto change) {
        auto tensors = good;
        auto facts = nlohmann::json::parse(tensors.metadata["cameo"]);
        change(facts);
        tensors.metadata["cameo"] = facts.dump();
        return tensors;
    };
    using Json = nlohmann::json;
    refused(with_facts([](Json& f) { f["kind"] = "model"; }), "another file");
    refused(with_facts([](Json& f) { f.erase("generator"); }), "'generator'");
    refused(with_facts([](Json& f) { f["generator"]["digest"] = 7; }), "'digest'");
    refused(with_facts([](Json& f) { f["cameras"] = Json::array(); }), "'cameras'");
    refused(with_facts([](Json& f) { f["cameras"][0].erase(3); }), "25");
    refused(with_facts([](Json& f) { f["cameras"][0][0] = 5.0; }), "camera");
    refused(with_facts([](Json& f) { f["metrics"]["psnr"] = "high"; }), "'metrics'");
    const auto with_tensor = [&](const std::string& name, const StoredTensor& tensor) {
        StateDict tensors;
        tensors.metadata = good.metadata;
        for (const auto& entry : good.entries())
            if (entry.name != name) tensors.add(entry.name, entry.tensor);
        if (tensor.source) tensors.add(name, tensor);
        return tensors;
    };
    refused(with_tensor("ws", {}), "'ws'");
    refused(with_tensor("ws", support::stored<float>(DType::f32, {2, 1, 3}, {1, 2, 3, 4, 5, 6})), "'ws'");
    refused(with_tensor("ws", support::stored<float>(DType::f32, {1, 1, 1}, {NAN})), "finite");
    refused(with_tensor("thumbnail", support::stored<std::uint8_t>(DType::u8, {1, 2, 1}, {1, 2})), "'thumbnail'");
    refused(with_tensor("other", support::stored<float>(DType::f32, {1}, {1})), "'other'");
    StateDict foreign;
    foreign.add("ws", support::stored<float>(DType::f32, {1, 1, 1}, {1}));
    io::write_safetensors(folder / "c.cameo", foreign);
    CHECK_THROWS_MATCHES(io::read_identity(folder / "c.cameo"), Error, is_error(Errc::bad_file, "identity"));
}

TEST_CASE("a damaged or unwritable identity is told", "[io][identity]") {
    const support::TemporaryFolder folder;
    (void)stored_as(folder);
    auto bytes = io::read_file(folder / "a.cameo", 1 << 20);
    bytes[bytes.size() - 3] ^= std::byte{1};
    CHECK_THROWS_MATCHES(io::parse_identity(bytes, nullptr, "damaged"), Error, is_error(Errc::bad_file, "damaged"));

    auto identity = some_identity();
    identity.metrics["psnr"] = NAN;
    CHECK_THROWS_MATCHES(io::write_identity(folder / "d", identity), Error, is_error(Errc::invalid_argument, "psnr"));
    identity = some_identity();
    identity.cameras.clear();
    CHECK_THROWS_MATCHES(io::write_identity(folder / "d", identity), Error,
                         is_error(Errc::invalid_argument, "cameras"));
    identity = some_identity();
    identity.thumbnail = Image(2000, 2, 3, srgb8);
    CHECK_THROWS_MATCHES(io::write_identity(folder / "d", identity), Error,
                         is_error(Errc::invalid_argument, "thumbnail"));
}

TEST_CASE("the fuzz target's seed is an identity", "[io][identity]") {
    const auto identity = io::read_identity(std::string(CAMEO_SOURCE_DIR) + "/test/fuzz/seeds/identity/pti.cameo");
    CHECK(identity.method == "pti");
    CHECK(identity.tuned.contains("values.b"));
}
