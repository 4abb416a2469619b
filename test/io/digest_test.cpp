// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/digest.hpp>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

using cameo::io::hex;
using cameo::io::Sha256;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string digest_of(std::string_view text, Sha256::Code code) {
    Sha256 sha(code);
    sha.update(bytes_of(text));
    return hex(sha.finish());
}

}  // namespace

TEST_CASE("SHA-256 gives the digests of the standard's examples", "[io][digest]") {
    const auto code = GENERATE(Sha256::Code::fastest, Sha256::Code::portable);
    // NIST, "SHA256 examples" of FIPS 180-2 and the secure hash algorithm validation vectors (CAVS 11.0, short
    // messages)
    CHECK(digest_of("abc", code) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digest_of("", code) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", code) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(
        digest_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnop"
                  "qrstnopqrstu",
                  code) == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(digest_of("\xd3", code) == "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
    CHECK(digest_of("\x74\xba\x25\x21", code) == "b16aa56be3880d18cd41e68384cf1ec8c17680c45a02b1575dc1518923ae8b0e");
    CHECK(digest_of(std::string(1'000'000, 'a'), code) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 does not depend on how the bytes are cut, nor on the code that runs", "[io][digest]") {
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::byte> message(random() % 1500);
        for (auto& byte : message) byte = static_cast<std::byte>(random());
        Sha256 whole(Sha256::Code::portable);
        whole.update(message);
        const auto expected = hex(whole.finish());
        for (const auto code : {Sha256::Code::fastest, Sha256::Code::portable}) {
            Sha256 cut(code);
            for (std::span<const std::byte> rest(message); !rest.empty();) {
                const auto run = std::min<std::size_t>(rest.size(), random() % 200);
                cut.update(rest.first(run));
                rest = rest.subspan(run);
            }
            CHECK(hex(cut.finish()) == expected);
        }
    }
}

TEST_CASE("a finished hash begins anew", "[io][digest]") {
    Sha256 sha;
    sha.update(bytes_of("something else"));
    (void)sha.finish();
    sha.update(bytes_of("abc"));
    CHECK(hex(sha.finish()) == digest_of("abc", Sha256::Code::portable));
    CHECK(hex(sha.finish()) == digest_of("", Sha256::Code::portable));
}

TEST_CASE("hexadecimal digits are lower-case, high half first", "[io][digest]") {
    CHECK(hex(bytes_of(std::string_view("\x00\x1f\xa9\xff", 4))) == "001fa9ff");
    CHECK(hex({}).empty());
}
