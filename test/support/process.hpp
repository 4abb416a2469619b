// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cameo::support {

/// How to start a program. Its standard input is empty, its environment that of the tests without CAMEO_* and NO_COLOR.
struct ProcessSetup {
    std::vector<std::string> arguments = {};  ///< after the program's own name
    std::map<std::string, std::string> environment = {};
    std::filesystem::path folder = {};                 ///< to work in; empty: that of the tests
    std::optional<std::filesystem::path> output = {};  ///< stdout goes here instead of being kept
    bool closed_output = false;                        ///< no stdout at all
    bool error_is_terminal = false;                    ///< stderr is a terminal of 80 columns
    int error = -1;                                    ///< stderr goes to this descriptor instead of being kept
    std::vector<int> ignored_signals = {};
    std::chrono::seconds limit{120};  ///< then it is killed
};

struct ProcessResult {
    int exit_code = -1;  ///< -1 when a signal ended it
    int signal = 0;
    bool timed_out = false;
    std::string out, err;
};

/// A running program, in a process group of its own. The destructor kills it.
class Process {
  public:
    Process(const std::filesystem::path& program, const ProcessSetup& setup);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t id() const { return id_; }
    void signal(int number) const;

    /// What has been read of stderr so far.
    [[nodiscard]] const std::string& error() const { return result_.err; }

    /// Waits for something to read; false at the end of both streams, or of the time.
    bool wait_for_more();

    /// Reads until stderr holds `text`. Returns false when it ended, or its time is up, without that.
    bool wait_for_error(std::string_view text);

    /// Whether it ends in that time, unread.
    [[nodiscard]] bool ends_within(std::chrono::milliseconds time) const;

    /// Reads both streams to their ends.
    ProcessResult wait();

  private:
    pid_t id_ = -1;
    int out_ = -1, err_ = -1;
    bool ended_ = false;
    std::chrono::steady_clock::time_point deadline_;
    ProcessResult result_;
};

/// Runs a program to its end.
ProcessResult run(const std::filesystem::path& program, const ProcessSetup& setup);

/// The lines of a text, without their ends.
std::vector<std::string> lines(std::string_view text);

}  // namespace cameo::support
