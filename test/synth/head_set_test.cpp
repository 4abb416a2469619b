// SPDX-License-Identifier: Apache-2.0
#include <cameo/synth/head_set.hpp>

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <thread>
#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using namespace cameo::synth;
using support::is_error;

namespace {

HeadSetOptions small_set() {
    HeadSetOptions options;
    options.identities = 3;
    options.views_per_identity = 2;
    options.view = {.size = 16, .samples = 1};
    return options;
}

double yaw_of(const Camera& camera) {
    return std::atan2(camera.world_from_camera[3], camera.world_from_camera[11]) * 180 / std::numbers::pi;
}

}  // namespace

TEST_CASE("an item is a function of the options and its index", "[synth][head_set]") {
    const HeadSet a(small_set()), b(small_set());
    REQUIRE(a.size() == 6);
    CHECK(a.identity(0) == 0);
    CHECK(a.identity(5) == 2);
    const auto later = b.view(4);  // another order
    for (std::int64_t i = 0; i < a.size(); ++i) {
        CHECK(a.camera(i) == b.camera(i));
        CHECK(a.view(i)->rgb == b.view(i)->rgb);
        CHECK(a.view(i)->numbers == numbers_of_seed(a.identity(i)));
    }
    CHECK_FALSE(a.camera(0) == a.camera(1));
    CHECK(a.view(0)->numbers == a.view(1)->numbers);
}

TEST_CASE("a longer set starts with the shorter one", "[synth][head_set]") {
    auto options = small_set();
    const HeadSet shorter(options);
    options.identities = 10;
    const HeadSet longer(options);
    for (std::int64_t i = 0; i < shorter.size(); ++i) CHECK(shorter.camera(i) == longer.camera(i));
}

TEST_CASE("poses follow their distribution and keep their limits", "[synth][head_set]") {
    auto options = small_set();
    options.identities = 4000;
    options.views_per_identity = 1;
    options.poses = {.yaw_deviation = 20, .pitch_deviation = 10, .yaw_limit = 30, .pitch_limit = 12};
    const HeadSet set(options);
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < set.size(); ++i) {
        const Camera camera = set.camera(i);
        const double yaw = yaw_of(camera), height = camera.world_from_camera[7];
        CHECK(std::abs(yaw) <= 30 + 1e-6);
        CHECK(std::abs(height) <= 2.7 * std::sin(12 * std::numbers::pi / 180) + 1e-9);
        sum += yaw;
        squares += yaw * yaw;
    }
    // A normal distribution of deviation 20 cut at 1.5 deviations has the deviation 20 * sqrt(1 - 3 phi(1.5) / P).
    const double phi = std::exp(-1.125) / std::sqrt(2 * std::numbers::pi), inside = std::erf(1.5 / std::numbers::sqrt2);
    const double expected = 20 * std::sqrt(1 - 3 * phi / inside);
    CHECK(std::abs(sum / 4000) < 3 * expected / std::sqrt(4000.0));
    CHECK(std::sqrt(squares / 4000) == Approx(expected).epsilon(0.04));
}

TEST_CASE("the cache hands out the very same view and forgets the oldest", "[synth][head_set]") {
    auto options = small_set();
    const HeadSet set(options);
    CHECK(set.view(1) == set.view(1));
    options.cache_bytes = 0;
    const HeadSet forgetful(options);
    CHECK(forgetful.view(1) != forgetful.view(1));
    options.cache_bytes = 2 * (16 * 16 * 28 + sizeof(HeadView));
    const HeadSet two(options);
    const auto first = two.view(0);
    (void)two.view(1);
    CHECK(two.view(0) == first);
    (void)two.view(2);
    CHECK(two.view(0) == first);
    (void)two.view(3);
    (void)two.view(4);
    CHECK(two.view(0) != first);
    CHECK(two.view(0)->rgb == first->rgb);
}

TEST_CASE("many threads may ask one set", "[synth][head_set]") {
    const HeadSet set(small_set()), alone(small_set());
    std::vector<std::thread> threads;
    for (int k = 0; k < 4; ++k)
        threads.emplace_back([&] {
            for (std::int64_t i = 0; i < set.size(); ++i) (void)set.view(i);
        });
    for (auto& thread : threads) thread.join();
    for (std::int64_t i = 0; i < set.size(); ++i) CHECK(set.view(i)->rgb == alone.view(i)->rgb);
}

TEST_CASE("test identities are kept apart from all others", "[synth][head_set]") {
    auto options = small_set();
    options.first_identity = first_test_seed - 2;
    CHECK_THROWS_MATCHES(HeadSet(options), Error, is_error(Errc::invalid_argument, "kept for tests"));
    options.first_identity = first_test_seed - 3;
    CHECK_NOTHROW(HeadSet(options));
    options.for_tests = true;
    CHECK_THROWS_MATCHES(HeadSet(options), Error, is_error(Errc::invalid_argument, "900000"));
    options.first_identity = first_test_seed;
    CHECK_NOTHROW(HeadSet(options));
}

TEST_CASE("options outside their ranges are refused by name", "[synth][head_set]") {
    const auto refused = [](auto change, const char* name) {
        auto options = small_set();
        change(options);
        CHECK_THROWS_MATCHES(HeadSet(options), Error, is_error(Errc::invalid_argument, name));
    };
    refused([](auto& o) { o.identities = 0; }, "identities");
    refused([](auto& o) { o.identities = -5; }, "identities");
    refused([](auto& o) { o.views_per_identity = 0; }, "views_per_identity");
    refused([](auto& o) { o.views_per_identity = 5000; }, "views_per_identity");
    refused([](auto& o) { o.view.size = 0; }, "size");
    refused([](auto& o) { o.view.size = 5000; }, "size");
    refused([](auto& o) { o.view.samples = 9; }, "samples");
    refused([](auto& o) { o.poses.yaw_deviation = -1; }, "yaw_deviation");
    refused([](auto& o) { o.poses.yaw_limit = 181; }, "yaw_limit");
    refused([](auto& o) { o.poses.pitch_limit = std::numeric_limits<double>::quiet_NaN(); }, "pitch_limit");
    refused([](auto& o) { o.poses.pitch_limit = 90; }, "pitch_limit");
    refused([](auto& o) { o.poses.radius = 0.5; }, "radius");
    refused([](auto& o) { o.poses.focal = 0; }, "focal");
    const HeadSet set(small_set());
    CHECK_THROWS_MATCHES(set.view(6), Error, is_error(Errc::invalid_argument, "item"));
    CHECK_THROWS_MATCHES(set.camera(-1), Error, is_error(Errc::invalid_argument, "item"));
}
