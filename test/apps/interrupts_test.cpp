// SPDX-License-Identifier: Apache-2.0
#include "interrupts.hpp"

#include <chrono>

#include "support/catch.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "program.hpp"
#include "support/temporary_folder.hpp"

namespace support = cameo::support;

using cameo::apps::Interrupts;

namespace {

bool stops_within(const std::stop_token& token, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!token.stop_requested() && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return token.stop_requested();
}

}  // namespace

TEST_CASE("each of the stopping signals becomes a stop request", "[apps][interrupts]") {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        INFO(signal);
        const Interrupts interrupts;
        const auto token = interrupts.token();
        CHECK_FALSE(token.stop_requested());
        kill(getpid(), signal);
        CHECK(stops_within(token, std::chrono::seconds(10)));
        kill(getpid(), signal);  // the same wish again, at once: still alive
    }
}

TEST_CASE("without a signal nothing is stopped and the mask is put back", "[apps][interrupts]") {
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, nullptr, &before);
    {
        const Interrupts interrupts;
        CHECK_FALSE(interrupts.token().stop_requested());
    }
    pthread_sigmask(SIG_BLOCK, nullptr, &after);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1})
        CHECK(sigismember(&before, signal) == sigismember(&after, signal));
}

TEST_CASE("a second signal ends a program that does not come to its end", "[apps][interrupts]") {
    const support::TemporaryFolder folder;
    support::write_npy_zeros(folder / "in.npy", 1000);
    // Its messages go into a pipe that is full and never read, so it hangs.
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    const std::string filling(4096, 'x');
    while (::write(ends[1], filling.data(), filling.size()) > 0) {
    }
    while (::write(ends[1], "x", 1) > 0) {
    }
    fcntl(ends[1], F_SETFL, 0);
    support::Process process(
        CAMEO_PROGRAM,
        {.arguments = {"convert", (folder / "in.npy").string(), "--progress", "json"}, .error = ends[1]});
    REQUIRE_FALSE(process.ends_within(std::chrono::seconds(2)));
    process.signal(SIGTERM);
    // On a busy machine two of them may be seen as one: a patient user presses the key again.
    for (int times = 0; times < 60 && !process.ends_within(std::chrono::milliseconds(1500)); ++times)
        process.signal(SIGTERM);
    const auto result = process.wait();
    CHECK_FALSE(result.timed_out);
    CHECK(result.signal == SIGTERM);
    CHECK(support::names_below(folder.path()) == std::vector<std::string>{"in.npy"});
    close(ends[0]);
    close(ends[1]);
}
