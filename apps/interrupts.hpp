// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <stop_token>
#include <thread>

#include <signal.h>

namespace cameo::apps {

/// Turns SIGINT, SIGTERM and SIGHUP into a stop request, so that the work ends at its next safe place and cleans up. One
/// that comes a second or more after the first ends the process at once. Signals that were ignored when the process
/// started (nohup) stay ignored.
/// Threads  one object at a time
class Interrupts {
  public:
    static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};

    Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;
    ~Interrupts();

    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }

  private:
    void watch();

    std::array<struct sigaction, signals.size()> before_{};
    std::array<int, 2> pipe_{-1, -1};
    std::stop_source stop_;
    std::thread watcher_;
};

}  // namespace cameo::apps
