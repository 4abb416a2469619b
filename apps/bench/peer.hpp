// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include <cameo/core/state_dict.hpp>
#include <nlohmann/json_fwd.hpp>

#include "bench/rounds.hpp"

namespace cameo::apps::bench {

/// Another program that does the same work: a child process, asked line by line (docs/bench.md) and told nothing that
/// it would have to be trusted with.
/// Errors   peer_lost, from every call, with the peer's own last words: it could not be started, died, took longer than
///          the limit, or answered something else than the protocol has. cancelled: `check` threw it
/// Threads  one at a time. SIGPIPE must be ignored, as main() does
class Peer {
  public:
    struct Options {
        std::string command;                                        ///< for the shell
        int threads = 1;                                            ///< that the peer may use
        std::chrono::milliseconds limit{std::chrono::minutes(10)};  ///< of one answer
        std::function<void()> check{};                              ///< called while waiting; may throw
    };

    /// Starts it and waits for its greeting.
    explicit Peer(Options options);
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// Ends it and whatever it has started.
    ~Peer();

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] bool offers(std::string_view case_name) const;

    /// Lets it load what it needs and warm up.
    void begin(std::string_view case_name, std::int64_t batch, const std::filesystem::path& model,
               const std::filesystem::path& inputs);

    /// One call, timed inside of the peer; never longer than what was seen from outside.
    [[nodiscard]] Turn turn();

    /// What the last turn computed, written to `file`.
    [[nodiscard]] StateDict output(const std::filesystem::path& file);

  private:
    [[nodiscard]] nlohmann::json ask(const nlohmann::json& request);
    [[nodiscard]] std::string line(std::string_view request);
    void send(std::string_view text);
    void listen(int milliseconds);
    [[noreturn]] void fail(const std::string& what);
    void end() noexcept;

    Options options_;
    std::string name_, said_, answered_;  // said: the end of its stderr; answered: of its stdout, not yet taken
    std::vector<std::string> cases_;
    pid_t id_ = -1;
    int in_ = -1, out_ = -1, err_ = -1;
    double waited_ = 0.0;  // seconds from the last request to its answer
};

}  // namespace cameo::apps::bench
