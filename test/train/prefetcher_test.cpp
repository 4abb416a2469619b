// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/prefetcher.hpp>

#include <chrono>
#include <thread>

#include <cameo/core/error.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace cameo;

namespace {

/// Numbers that take their time, later ones less than earlier ones; the batch with number 105 in it cannot be made.
struct Numbers {
    using Batch = std::int64_t;
    [[nodiscard]] std::int64_t batch(std::int64_t first, std::int64_t count, std::int64_t stride) const {
        if (stride == 1 && first <= 105 && 105 < first + count) throw Error(Errc::bad_file, "item 105: damaged");
        std::this_thread::sleep_for(std::chrono::milliseconds((first / count) % 3 == 0 ? 6 : 1));
        return first;
    }
    [[nodiscard]] RunOptions options() const { return {}; }
};
static_assert(Dataset<Numbers>);
static_assert(!Dataset<int>);

}  // namespace

TEST_CASE("batches come in their order, whoever makes them", "[train][prefetcher]") {
    const auto threads = GENERATE(0, 1, 3);
    const Numbers numbers;
    Prefetcher batches(numbers, 10, 5, threads);
    for (std::int64_t first = 10; first < 105; first += 5) CHECK(batches.next() == first);
    CHECK_THROWS_MATCHES(batches.next(), Error, support::is_error(Errc::bad_file, "item 105"));
    CHECK(batches.next() == 110);
}

TEST_CASE("a shard's batches begin with its first item", "[train][prefetcher]") {
    const Numbers numbers;
    Prefetcher batches(numbers, 100, 6, 2, Shard{.rank = 1, .count = 3});
    for (std::int64_t first = 101; first < 140; first += 6) CHECK(batches.next() == first);
}

TEST_CASE("a prefetcher ends while its threads wait or work", "[train][prefetcher]") {
    const Numbers numbers;
    for (int i = 0; i < 20; ++i) {
        Prefetcher batches(numbers, 10, 5, 2);
        if (i % 2 == 0) CHECK(batches.next() == 10);
    }
}
