// SPDX-License-Identifier: Apache-2.0
#include "bench/peer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <cameo/core/error.hpp>
#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>

namespace cameo::apps::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int protocol = 1;
constexpr std::size_t kept_words = 800, longest_line = 1 << 20;

void close_if_open(int& descriptor) {
    if (descriptor >= 0) close(std::exchange(descriptor, -1));
}

struct Pipe {
    int read = -1, write = -1;
    Pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0)
            throw Error(Errc::io_failure, std::string("a pipe: ") + std::strerror(errno));
        read = ends[0];
        write = ends[1];
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_if_open(read);
        close_if_open(write);
    }
};

/// Through the shell, in a process group of its own, with the signals as they were before main().
pid_t start(const std::string& command, int in, int out, int err) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
    sigset_t usual, none;
    sigemptyset(&usual);
    sigemptyset(&none);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&usual, number);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    std::array<std::string, 3> words{"sh", "-c", command};
    std::array<char*, 4> pointers{words[0].data(), words[1].data(), words[2].data(), nullptr};
    pid_t id = -1;
    const auto problem = posix_spawn(&id, "/bin/sh", &files, &attributes, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (problem != 0)
        throw Error(Errc::peer_lost, "peer: could not be started: " + std::generic_category().message(problem));
    return id;
}

/// The end of what can be read now; false when the stream has ended.
bool take(int descriptor, std::string& into) {
    std::array<char, 65536> buffer{};
    const auto count = read(descriptor, buffer.data(), buffer.size());
    if (count < 0) return errno == EINTR || errno == EAGAIN;
    into.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
}

}  // namespace

Peer::Peer(Options options) : options_(std::move(options)) {
    Pipe in, out, err;
    id_ = start(options_.command, in.read, out.write, err.write);
    in_ = std::exchange(in.write, -1);
    out_ = std::exchange(out.read, -1);
    err_ = std::exchange(err.read, -1);
    for (auto* end : {&in.read, &out.write, &err.write}) close_if_open(*end);  // else its streams would never end
    try {
        const auto greeting = ask({{"do", "hello"}, {"protocol", protocol}, {"threads", options_.threads}});
        const auto name = greeting.find("name"), cases = greeting.find("cases");
        if (name == greeting.end() || !name->is_string() || cases == greeting.end() || !cases->is_array() ||
            !std::ranges::all_of(*cases, [](const json& each) { return each.is_string(); }))
            fail("expected a name and a list of cases as greeting, got " + greeting.dump());
        name_ = name->get<std::string>();
        cases_ = cases->get<std::vector<std::string>>();
    } catch (...) {
        end();
        throw;
    }
}

Peer::~Peer() { end(); }

void Peer::end() noexcept {
    close_if_open(in_);  // what a well-behaved peer ends at
    if (id_ > 0) {
        bool ended = false;
        for (int i = 0; i < 20 && !ended; ++i) {
            ended = waitpid(id_, nullptr, WNOHANG) == id_;
            if (!ended) std::this_thread::sleep_for(std::chrono::milliseconds(i));
        }
        kill(-id_, SIGKILL);
        if (!ended) waitpid(id_, nullptr, 0);
        id_ = -1;
    }
    close_if_open(out_);
    close_if_open(err_);
}

bool Peer::offers(std::string_view case_name) const { return std::ranges::find(cases_, case_name) != cases_.end(); }

void Peer::begin(std::string_view case_name, std::int64_t batch, const std::filesystem::path& model,
                 const std::filesystem::path& inputs) {
    const auto answer = ask({{"do", "case"},
                             {"case", case_name},
                             {"batch", batch},
                             {"model", model.string()},
                             {"inputs", inputs.string()}});
    if (const auto ready = answer.find("ready"); ready == answer.end() || *ready != true)
        fail("expected {\"ready\": true}, got " + answer.dump());
}

Turn Peer::turn() {
    const auto answer = ask({{"do", "round"}});
    const auto number = [&](const char* key) -> std::optional<double> {
        const auto value = answer.find(key);
        if (value == answer.end()) return std::nullopt;
        if (!value->is_number() || !(value->get<double>() > 0.0))
            fail(fmt::format("{}: expected a number above 0, got {}", key, value->dump()));
        return value->get<double>();
    };
    const auto seconds = number("seconds"), cpu = number("cpu_seconds");
    if (!seconds) fail("expected {\"seconds\": ...}, got " + answer.dump());
    constexpr double reading = 1e-3;  // of two clocks
    if (*seconds > waited_ + reading)
        fail(fmt::format("seconds: expected at most the {:.3f} that passed here, got {}", waited_, *seconds));
    return {*seconds, cpu ? std::optional(*cpu / *seconds) : std::nullopt};
}

StateDict Peer::output(const std::filesystem::path& file) {
    const auto answer = ask({{"do", "output"}, {"file", file.string()}});
    if (const auto written = answer.find("written"); written == answer.end() || *written != true)
        fail("expected {\"written\": true}, got " + answer.dump());
    try {
        return io::read_safetensors(file, {.require_finite = true});
    } catch (const Error& error) {
        fail(std::string("its output: ") + error.what());
    }
}

json Peer::ask(const json& request) {
    const auto begin = Clock::now();
    const auto what = request.at("do").get<std::string>();
    send(request.dump() + "\n");
    const auto text = line(what);
    waited_ = std::chrono::duration<double>(Clock::now() - begin).count();
    auto answer = json::parse(text, nullptr, false);
    if (!answer.is_object())
        fail(fmt::format("expected a JSON object as answer to \"{}\", got \"{}\"", what, text.substr(0, 200)));
    if (const auto error = answer.find("error"); error != answer.end())
        fail("it says: " + (error->is_string() ? error->get<std::string>() : error->dump()));
    return answer;
}

void Peer::send(std::string_view text) {
    while (!text.empty()) {
        const auto count = write(in_, text.data(), text.size());
        if (count > 0)
            text.remove_prefix(static_cast<std::size_t>(count));
        else if (errno == EPIPE)
            return;  // line() finds out how it ended
        else if (errno != EINTR)
            throw Error(Errc::io_failure, std::string("the peer's pipe: ") + std::strerror(errno));
    }
}

std::string Peer::line(std::string_view request) {
    const auto end = Clock::now() + options_.limit;
    std::size_t searched = 0;
    for (;;) {
        if (const auto found = answered_.find('\n', searched); found != std::string::npos) {
            auto text = answered_.substr(0, found);
            answered_.erase(0, found + 1);
            return text;
        }
        searched = answered_.size();
        if (searched > longest_line)
            fail(fmt::format("expected a line as answer to \"{}\", got no end of it", request));
        if (out_ < 0) fail(fmt::format("expected an answer to \"{}\", got the end of its stdout", request));
        if (options_.check) options_.check();
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0)
            fail(fmt::format("expected an answer to \"{}\" within {:.1f} s, got none", request,
                             std::chrono::duration<double>(options_.limit).count()));
        listen(static_cast<int>(std::min<std::int64_t>(left, 100)));
    }
}

void Peer::listen(int milliseconds) {
    std::array<pollfd, 2> waiting{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
    if (poll(waiting.data(), waiting.size(), milliseconds) <= 0) return;
    if (waiting[0].revents != 0 && !take(out_, answered_)) close_if_open(out_);
    if (waiting[1].revents != 0) {
        if (!take(err_, said_)) close_if_open(err_);
        if (said_.size() > 2 * kept_words) said_.erase(0, said_.size() - kept_words);
    }
}

void Peer::fail(const std::string& what) {
    auto text = fmt::format("peer {}: {}", name_.empty() ? "\"" + options_.command + "\"" : name_, what);
    // Its last words may still be on the way, and tell more when it has ended.
    int status = 0;
    bool ended = false;
    for (int i = 0; i < 20 && !ended; ++i) {
        listen(10);
        ended = waitpid(id_, &status, WNOHANG) == id_;
    }
    while (err_ >= 0 && ended) {
        const auto before = said_.size();
        listen(10);
        if (said_.size() == before) break;  // a child of its own holds the stream
    }
    if (ended) {
        kill(-id_, SIGKILL);
        id_ = -1;
        if (WIFEXITED(status)) text += fmt::format("; it ended with exit code {}", WEXITSTATUS(status));
        if (WIFSIGNALED(status)) text += fmt::format("; signal {} ended it", WTERMSIG(status));
    }
    auto words = said_.size() > kept_words ? said_.substr(said_.size() - kept_words) : said_;
    while (!words.empty() && words.back() == '\n') words.pop_back();
    text += words.empty() ? "; it said nothing on stderr" : "; its last words:\n" + words;
    throw Error(Errc::peer_lost, text);
}

}  // namespace cameo::apps::bench
