// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/parallel.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/errors.hpp"

using namespace cameo;
using support::is_error;

namespace {

/// The number of threads as it was, whatever a test does.
class KeepThreadCount {
  public:
    KeepThreadCount() = default;
    KeepThreadCount(const KeepThreadCount&) = delete;
    KeepThreadCount& operator=(const KeepThreadCount&) = delete;
    ~KeepThreadCount() { set_thread_count(before_); }

  private:
    int before_ = thread_count();
};

using Pieces = std::vector<std::pair<std::int64_t, std::int64_t>>;

Pieces pieces_of(std::int64_t begin, std::int64_t end, std::int64_t grain) {
    Pieces pieces;
    std::mutex mutex;
    parallel_for(begin, end, grain, [&](std::int64_t first, std::int64_t last) {
        const std::scoped_lock lock(mutex);
        pieces.emplace_back(first, last);
    });
    std::ranges::sort(pieces);
    return pieces;
}

}  // namespace

TEST_CASE("two threads are at work at the same time", "[core][parallel]") {
    const KeepThreadCount keep;
    set_thread_count(2);
    // Each piece waits for the other one to have begun; on one thread that would never happen.
    std::mutex mutex;
    std::condition_variable arrived;
    std::set<std::thread::id> threads;
    std::atomic<bool> met{true};
    parallel_for(0, 2, 1, [&](std::int64_t, std::int64_t) {
        std::unique_lock lock(mutex);
        threads.insert(std::this_thread::get_id());
        arrived.notify_all();
        if (!arrived.wait_for(lock, std::chrono::seconds(60), [&] { return threads.size() == 2; })) met = false;
    });
    CHECK(met);
    CHECK(threads.size() == 2);
    CHECK(threads.contains(std::this_thread::get_id()));
}

TEST_CASE("pieces cover the range once and do not depend on the threads", "[core][parallel]") {
    const KeepThreadCount keep;
    set_thread_count(1);
    const auto alone = pieces_of(-3, 1000, 7);
    CHECK(alone.size() == 144);
    CHECK(alone.front() == std::pair<std::int64_t, std::int64_t>(-3, 4));
    CHECK(alone.back() == std::pair<std::int64_t, std::int64_t>(998, 1000));
    for (std::size_t i = 1; i < alone.size(); ++i) CHECK(alone[i].first == alone[i - 1].second);
    for (const auto threads : {2, 3, 8}) {
        set_thread_count(threads);
        CHECK(pieces_of(-3, 1000, 7) == alone);
    }
}

TEST_CASE("an empty range calls nothing and a bad grain is refused", "[core][parallel]") {
    CHECK(pieces_of(4, 4, 1).empty());
    CHECK(pieces_of(5, 4, 1).empty());
    CHECK_THROWS_MATCHES(pieces_of(0, 4, 0), Error, is_error(Errc::invalid_argument, "grain"));
}

TEST_CASE("an exception of a body arrives at the caller, and the threads work on", "[core][parallel]") {
    const KeepThreadCount keep;
    set_thread_count(2);
    for (int attempt = 0; attempt < 50; ++attempt) {
        std::atomic<int> running{0};
        const auto body = [&](std::int64_t first, std::int64_t) {
            ++running;
            if (first == 37) {
                --running;
                throw std::runtime_error("piece 37");
            }
            --running;
        };
        CHECK_THROWS_WITH(parallel_for(0, 200, 1, body), "piece 37");
        CHECK(running == 0);
    }
    CHECK(pieces_of(0, 100, 10).size() == 10);
}

TEST_CASE("a call from inside a body stays on its thread", "[core][parallel]") {
    const KeepThreadCount keep;
    set_thread_count(2);
    std::atomic<int> elsewhere{0};
    std::atomic<int> calls{0};
    parallel_for(0, 8, 1, [&](std::int64_t, std::int64_t) {
        const auto outer = std::this_thread::get_id();
        parallel_for(0, 16, 1, [&](std::int64_t, std::int64_t) {
            ++calls;
            if (std::this_thread::get_id() != outer) ++elsewhere;
        });
    });
    CHECK(calls == 128);
    CHECK(elsewhere == 0);
}

TEST_CASE("many threads may call at once", "[core][parallel]") {
    const KeepThreadCount keep;
    set_thread_count(3);
    std::vector<std::int64_t> sums(6, 0);
    {
        std::vector<std::jthread> callers;
        for (auto& sum : sums)
            callers.emplace_back([&sum] {
                for (int round = 0; round < 100; ++round) {
                    std::vector<std::int64_t> squares(257);
                    parallel_for(0, 257, 5, [&](std::int64_t first, std::int64_t last) {
                        for (auto i = first; i < last; ++i) squares[static_cast<std::size_t>(i)] = i * i;
                    });
                    sum += std::accumulate(squares.begin(), squares.end(), std::int64_t{0});
                }
            });
    }
    const std::int64_t expected = 256 * 257 * 513 / 6;
    for (const auto sum : sums) CHECK(sum == 100 * expected);
}

TEST_CASE("a body may be constant, and changed state stays changed", "[core][parallel]") {
    struct Counting {
        std::atomic<int>* calls;
        void operator()(std::int64_t, std::int64_t) const { ++*calls; }
    };
    std::atomic<int> calls{0};
    const Counting body{&calls};
    parallel_for(0, 10, 2, body);
    CHECK(calls == 5);
}

TEST_CASE("the number of threads has limits", "[core][parallel]") {
    const KeepThreadCount keep;
    CHECK(thread_count() >= 1);
    set_thread_count(5);
    CHECK(thread_count() == 5);
    CHECK_THROWS_MATCHES(set_thread_count(0), Error, is_error(Errc::invalid_argument, "threads"));
    CHECK_THROWS_MATCHES(set_thread_count(1025), Error, is_error(Errc::invalid_argument));
    CHECK(thread_count() == 5);
}
