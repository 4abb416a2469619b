// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/numpy_random.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

#include "core/random_stream_laws.hpp"
#include "support/errors.hpp"

using namespace cameo;
using support::is_error;

TEST_CASE("NumPy's stream keeps the laws of random streams", "[core][random]") {
    laws::random_stream_laws(NumpyRandom(GENERATE(0U, 1U, 0xffffffffU)));
    NumpyRandom used(5);
    (void)laws::normals(used, 1001);
    laws::random_stream_laws(used);
}

TEST_CASE("normal numbers of seeds 0 and 42 are NumPy's", "[core][random]") {
    NumpyRandom zero(0);
    CHECK(zero.normal() == 1.764052345967664);
    CHECK(zero.normal() == 0.4001572083672233);
    CHECK(zero.normal() == 0.9787379841057392);
    NumpyRandom forty_two(42);
    CHECK(forty_two.normal() == 0.4967141530112327);
    CHECK(forty_two.normal() == -0.13826430117118466);
    CHECK(forty_two.normal() == 0.6476885381006925);
}

TEST_CASE("uniform numbers are two words of the standard's Mersenne Twister", "[core][random]") {
    const auto seed = GENERATE(0U, 42U, 4294967295U);
    std::mt19937 twister(seed);
    NumpyRandom stream(seed);
    for (int i = 0; i < 2000; ++i) {
        const auto high = twister() >> 5;
        const auto low = twister() >> 6;
        REQUIRE(stream.uniform() == (static_cast<double>(high) * 67108864.0 + static_cast<double>(low)) / 0x1p53);
    }
}

TEST_CASE("the first uniform numbers of seed 0 are the well-known ones", "[core][random]") {
    NumpyRandom stream(0);
    CHECK(stream.uniform() == 0.5488135039273248);
    CHECK(stream.uniform() == 0.7151893663724195);
    CHECK(stream.uniform() == 0.6027633760716439);
}

TEST_CASE("the spare normal number survives uniform ones in between", "[core][random]") {
    NumpyRandom mixed(9);
    NumpyRandom plain(9);
    const auto first = mixed.normal();
    const auto between = mixed.uniform();
    const auto second = mixed.normal();
    CHECK(first == plain.normal());
    CHECK(second == plain.normal());
    CHECK(between == plain.uniform());
}

TEST_CASE("integers are NumPy's randint", "[core][random]") {
    NumpyRandom stream(0);  // numpy.random.seed(0); numpy.random.randint(10, size=10)
    std::vector<std::uint64_t> numbers(10);
    for (auto& number : numbers) number = stream.below(10);
    CHECK(numbers == std::vector<std::uint64_t>{5, 0, 3, 3, 7, 9, 3, 5, 2, 4});
    const auto before = stream;
    CHECK(stream.below(1) == 0);
    CHECK(stream == before);
    CHECK_NOTHROW(stream.below(std::uint64_t{1} << 32));
    CHECK_THROWS_MATCHES(stream.below(0), Error, is_error(Errc::invalid_argument, "bound"));
    CHECK_THROWS_MATCHES(stream.below((std::uint64_t{1} << 32) + 1), Error, is_error(Errc::invalid_argument));
}

TEST_CASE("a permutation is NumPy's", "[core][random]") {
    // numpy.random.RandomState(0).permutation(10)
    CHECK(NumpyRandom(0).permutation(10) == std::vector<std::int64_t>{2, 8, 4, 9, 1, 6, 7, 3, 0, 5});
    // numpy.random.RandomState(42).permutation(10)
    CHECK(NumpyRandom(42).permutation(10) == std::vector<std::int64_t>{8, 1, 5, 0, 7, 2, 9, 4, 3, 6});
    CHECK(NumpyRandom(1).permutation(0).empty());
}

TEST_CASE("shuffling keeps every element", "[core][random]") {
    std::vector<int> values{3, 1, 4, 1, 5, 9, 2, 6};
    auto shuffled = values;
    NumpyRandom(7).shuffle(std::span(shuffled));
    CHECK(shuffled != values);
    CHECK(std::ranges::is_permutation(shuffled, values));
}

TEST_CASE("a damaged state of NumPy's stream is refused", "[core][random]") {
    auto state = NumpyRandom(3).save();
    const auto place = 8 + 8 * 624;
    SECTION("a place beyond the words") { state[place + 1] = std::byte{9}; }
    SECTION("a spare number that is neither there nor not") { state[place + 8] = std::byte{2}; }
    SECTION("a spare number that is none") {
        for (std::size_t i = state.size() - 8; i < state.size(); ++i) state[i] = std::byte{0xff};
    }
    NumpyRandom stream(4);
    CHECK_THROWS_MATCHES(stream.load(state), Error, is_error(Errc::bad_file));
    CHECK(stream == NumpyRandom(4));
}
