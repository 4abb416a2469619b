// SPDX-License-Identifier: Apache-2.0
#include <cameo/concepts/random_stream.hpp>

#include <catch2/catch.hpp>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/numpy_random.hpp>

using namespace cameo;

namespace {

struct Unsaved {  // all a stream needs, but for a state to resume from
    static constexpr std::string_view name() noexcept { return "unsaved"; }
    void uniform(std::span<double>) {}
    void normal(std::span<double>) {}
    friend bool operator==(const Unsaved&, const Unsaved&) = default;
};

class Pinned : public CounterRandom {  // a stream that cannot be copied is no value
  public:
    Pinned() = default;
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;
};

}  // namespace

TEST_CASE("only values that can be drawn from, saved and resumed are random streams", "[core][random]") {
    STATIC_REQUIRE(RandomStream<NumpyRandom>);
    STATIC_REQUIRE(RandomStream<CounterRandom>);
    STATIC_REQUIRE_FALSE(RandomStream<Unsaved>);
    STATIC_REQUIRE_FALSE(RandomStream<Pinned>);
    STATIC_REQUIRE_FALSE(RandomStream<double>);
}
