// SPDX-License-Identifier: Apache-2.0
#include "support/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cameo::support {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct Pipe {
    int read = -1, write = -1;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
    return {ends[0], ends[1]};
}

Pipe make_terminal() {
    Pipe ends;
    const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    if (openpty(&ends.read, &ends.write, nullptr, nullptr, &size) != 0) fail("openpty");
    fcntl(ends.read, F_SETFD, FD_CLOEXEC);
    fcntl(ends.write, F_SETFD, FD_CLOEXEC);
    return ends;
}

std::vector<std::string> environment_for(const ProcessSetup& setup) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const auto name = text.substr(0, text.find('='));
        const bool ours = (name.starts_with("CAMEO_") && name != "CAMEO_GOLDEN_DIR") || name == "NO_COLOR";
        if (!ours && !setup.environment.contains(name)) result.push_back(text);
    }
    for (const auto& [name, value] : setup.environment) result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> result;
    for (auto& word : words) result.push_back(word.data());
    result.push_back(nullptr);
    return result;
}

void close_if_open(int& descriptor) {
    if (descriptor >= 0) close(std::exchange(descriptor, -1));
}

}  // namespace

Process::Process(const std::filesystem::path& program, const ProcessSetup& setup)
    : deadline_(std::chrono::steady_clock::now() + setup.limit) {
    std::vector<std::string> words{program.string()};
    words.insert(words.end(), setup.arguments.begin(), setup.arguments.end());
    auto environment = environment_for(setup);
    const auto argv = pointers(words);
    const auto envp = pointers(environment);
    auto out = make_pipe();
    auto err = setup.error_is_terminal ? make_terminal() : make_pipe();

    // A signal that comes before exec must not meet the handlers of this program, so it waits until they are gone.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    id_ = fork();
    if (id_ == 0) {  // only calls that are safe here until exec
        setpgid(0, 0);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
        for (const int number : setup.ignored_signals) ::signal(number, SIG_IGN);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        if (!setup.folder.empty() && chdir(setup.folder.c_str()) != 0) _exit(125);
        const int input = open("/dev/null", O_RDONLY);
        const int output = setup.output ? open(setup.output->c_str(), O_WRONLY) : out.write;
        const int error = setup.error >= 0 ? setup.error : err.write;
        if (input < 0 || output < 0) _exit(125);
        if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0) _exit(125);
        if (setup.closed_output) close(1);
        execve(argv[0], argv.data(), envp.data());
        _exit(126);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (id_ < 0) fail("fork");
    setpgid(id_, id_);
    close(out.write);
    close(err.write);
    out_ = out.read;
    err_ = err.read;
}

Process::~Process() {
    if (!ended_) {
        kill(-id_, SIGKILL);
        waitpid(id_, nullptr, 0);
    }
    close_if_open(out_);
    close_if_open(err_);
}

void Process::signal(int number) const { kill(id_, number); }

bool Process::wait_for_more() {
    using namespace std::chrono;
    std::array<pollfd, 2> waiting{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
    if (out_ < 0 && err_ < 0) return false;
    const auto left = duration_cast<milliseconds>(deadline_ - steady_clock::now()).count();
    if (left <= 0 || poll(waiting.data(), waiting.size(), static_cast<int>(left)) <= 0) return false;
    const std::array<std::pair<int*, std::string*>, 2> streams{{{&out_, &result_.out}, {&err_, &result_.err}}};
    for (std::size_t index = 0; index < streams.size(); ++index) {
        if (waiting[index].revents == 0) continue;
        std::array<char, 65536> buffer{};
        const auto count = read(*streams[index].first, buffer.data(), buffer.size());
        if (count > 0)
            streams[index].second->append(buffer.data(), static_cast<std::size_t>(count));
        else  // the end; a terminal says EIO
            close_if_open(*streams[index].first);
    }
    return true;
}

bool Process::wait_for_error(std::string_view text) {
    while (result_.err.find(text) == std::string::npos)
        if (!wait_for_more()) return false;
    return true;
}

bool Process::ends_within(std::chrono::milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    while (true) {
        siginfo_t info{};
        if (waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) fail("waitid");
        if (info.si_pid == id_) return true;
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

ProcessResult Process::wait() {
    while (wait_for_more()) {
    }
    int status = 0;
    while (true) {  // it may have closed both and still be at work
        const auto ended = waitpid(id_, &status, WNOHANG);
        if (ended == id_) break;
        if (ended < 0 && errno != EINTR) fail("waitpid");
        if (!result_.timed_out && std::chrono::steady_clock::now() >= deadline_) {
            result_.timed_out = true;
            kill(-id_, SIGKILL);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ended_ = true;
    if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
    return result_;
}

ProcessResult run(const std::filesystem::path& program, const ProcessSetup& setup) {
    return Process(program, setup).wait();
}

std::vector<std::string> lines(std::string_view text) {
    std::vector<std::string> result;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        result.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
}

}  // namespace cameo::support
