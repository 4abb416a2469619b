// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/shard.hpp>

#include <vector>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::same;

namespace {

using Random = StreamSource<CounterRandom>;

}  // namespace

TEST_CASE("shards draw the numbers of the whole step, each its items'", "[train][shard]") {
    for (const std::int64_t count : {1, 2, 3}) {
        Random alone{CounterRandom(5)};
        const auto whole = alone.normal({6, 2, 3}), coin = alone.uniform({}), flat = alone.uniform({6}, at::kDouble);
        for (std::int64_t rank = 0; rank < count; ++rank) {
            Random random{CounterRandom(5)};
            ShardRandom part(random, rank, count);
            const Shard shard{rank, count};
            const auto rows = part.normal({6 / count, 2, 3}), own_coin = part.uniform({}),
                       own = part.uniform({6 / count}, at::kDouble);
            for (std::int64_t row = 0; row < 6 / count; ++row) {
                CHECK(same(rows[row], whole[shard.item(row)]));
                CHECK(same(own[row], flat[shard.item(row)]));
            }
            CHECK(same(own_coin, coin));
            CHECK((part.save() == alone.save()));  // all stand where one process would
        }
    }
}

TEST_CASE("an item's random numbers do not depend on the others", "[train][shard]") {
    const std::vector<std::int64_t> all{0, 3, 4, 9}, some{9, 3};
    ItemRandom of_all(7, all), of_some(7, some);
    for (int i = 0; i < 2; ++i) {
        const auto a = of_all.uniform({4, 5}), b = of_some.uniform({2, 5});
        CHECK(same(a[3], b[0]));
        CHECK(same(a[1], b[1]));
        CHECK_FALSE(same(a[0], a[1]));
        CHECK(same(of_all.normal({4, 2, 2}, at::kDouble)[1], of_some.normal({2, 2, 2}, at::kDouble)[1]));
    }
    ItemRandom other(8, all);
    CHECK_FALSE(same(other.uniform({4, 5}), ItemRandom(7, all).uniform({4, 5})));

    const auto state = of_all.save();
    const auto next = of_all.normal({4, 3});
    of_all.load(state);
    CHECK(same(of_all.normal({4, 3}), next));
    CHECK_THROWS_MATCHES(of_some.load(state), Error, support::is_error(Errc::bad_file, "bytes"));
    CHECK_THROWS_MATCHES(of_all.uniform({3, 5}), Error, support::is_error(Errc::shape_mismatch, "4 rows, got"));
    CHECK_THROWS_MATCHES(of_all.normal({}), Error, support::is_error(Errc::shape_mismatch, "4 rows"));
    CHECK(ItemRandom(7, {}).uniform({0, 5}).numel() == 0);
}

TEST_CASE("a shared seed takes one number from the source", "[train][shard]") {
    Random a{CounterRandom(5)}, b{CounterRandom(5)};
    const auto seed = shared_seed(a);
    CHECK(seed == static_cast<std::uint64_t>(support::scalar(b.uniform({}, at::kDouble)) * 0x1p53));
    CHECK(seed != shared_seed(a));
    CHECK((b.save() != a.save()));
}
