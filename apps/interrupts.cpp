// SPDX-License-Identifier: Apache-2.0
#include "interrupts.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace cameo::apps {
namespace {

// A handler and not a mask with sigwait(): libraries start threads before main(), and those take signals too.
std::atomic<int> pipe_of_handler{-1};
static_assert(std::atomic<int>::is_always_lock_free);

constexpr unsigned char farewell = 0;  // is no signal

extern "C" void note_signal(int signal) {
    const int saved = errno;
    const auto byte = static_cast<unsigned char>(signal);
    // A full pipe holds thousands of the same wish already.
    [[maybe_unused]] const auto written = ::write(pipe_of_handler.load(), &byte, 1);
    errno = saved;
}

}  // namespace

Interrupts::Interrupts() {
    if (pipe2(pipe_.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        throw std::system_error(errno, std::generic_category(), "a pipe for signals");
    fcntl(pipe_[0], F_SETFL, 0);  // the watcher waits, the handler never
    pipe_of_handler = pipe_[1];
    watcher_ = std::thread([this] { watch(); });
    struct sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    for (std::size_t index = 0; index < signals.size(); ++index) {
        sigaction(signals[index], nullptr, &before_[index]);
        if (before_[index].sa_handler != SIG_IGN) sigaction(signals[index], &action, nullptr);
    }
}

Interrupts::~Interrupts() {
    for (std::size_t index = 0; index < signals.size(); ++index) sigaction(signals[index], &before_[index], nullptr);
    while (::write(pipe_[1], &farewell, 1) != 1) std::this_thread::yield();
    watcher_.join();
    pipe_of_handler = -1;
    for (const int end : pipe_) close(end);
}

void Interrupts::watch() {
    using Clock = std::chrono::steady_clock;
    Clock::time_point first{};
    while (true) {
        unsigned char signal = farewell;
        if (::read(pipe_[0], &signal, 1) < 0) continue;  // interrupted
        if (signal == farewell) return;
        if (stop_.request_stop()) {
            first = Clock::now();
            continue;
        }
        // A shell may send the same signal to the whole group and to us: that is one wish, not two.
        if (Clock::now() - first < std::chrono::seconds(1)) continue;
        ::signal(signal, SIG_DFL);
        kill(getpid(), signal);
    }
}

}  // namespace cameo::apps
