// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/context.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using support::is_error;

TEST_CASE("a stop request from elsewhere cancels at the next check", "[core][context]") {
    std::stop_source source;
    const Context context{.stop = source.get_token()};
    CHECK_NOTHROW(context.check_cancelled());
    source.request_stop();
    CHECK_THROWS_MATCHES(context.check_cancelled(), Error, is_error(Errc::cancelled));
    CHECK_NOTHROW(Context().check_cancelled());
}

TEST_CASE("progress is told and may cancel", "[core][context]") {
    std::stop_source source;
    std::vector<std::string> told;
    const Context context{.stop = source.get_token(), .progress = [&](const Progress& progress) {
                              told.push_back(std::string(progress.task) + " " + std::to_string(progress.done) + "/" +
                                             std::to_string(progress.total));
                              if (progress.done == 2) source.request_stop();
                          }};
    context.report("views", 1, 3);
    CHECK_THROWS_MATCHES(context.report("views", 2, 3), Error, is_error(Errc::cancelled));
    CHECK(told == std::vector<std::string>{"views 1/3", "views 2/3"});
    CHECK_NOTHROW(Context().report("views", 1, 1));
}

TEST_CASE("a budget becomes a number of rays", "[core][context]") {
    CHECK(ray_chunk({}, 1000, 64) == 1000);
    CHECK(ray_chunk({.memory_budget = 6400}, 1000, 64) == 100);
    CHECK(ray_chunk({.memory_budget = 6463}, 1000, 64) == 100);
    CHECK(ray_chunk({.memory_budget = 6400}, 1000, 64, 3200) == 50);
    CHECK(ray_chunk({.memory_budget = 1'000'000}, 1000, 64) == 1000);
    CHECK(ray_chunk({.max_rays = 30}, 1000, 64) == 30);
    CHECK(ray_chunk({.memory_budget = 6400, .max_rays = 30}, 1000, 64) == 30);
    CHECK(ray_chunk({.memory_budget = 64}, 1000, 64) == 1);
    CHECK(ray_chunk({}, 0, 64) == 1);
}

TEST_CASE("a budget without room for one ray is refused", "[core][context]") {
    CHECK_THROWS_MATCHES(ray_chunk({.memory_budget = 63}, 1000, 64), Error,
                         is_error(Errc::out_of_memory, "at least 64 bytes for one ray, got 63"));
    CHECK_THROWS_MATCHES(ray_chunk({.memory_budget = 100}, 1000, 64, 101), Error, is_error(Errc::out_of_memory, "165"));
    CHECK_THROWS_MATCHES(ray_chunk({}, -1, 64), Error, is_error(Errc::invalid_argument));
    CHECK_THROWS_MATCHES(ray_chunk({.max_rays = -1}, 1, 64), Error, is_error(Errc::invalid_argument));
}
