// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "dispatch.hpp"
#include "interrupts.hpp"

namespace {

/// A file opened later must not get the number of a standard stream that the caller closed: messages would land in it.
/// What stands in can be opened the wrong way only, so that writing to a closed stdout still fails.
void occupy_closed_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(stream, F_GETFD) == -1) (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace

int main(int count, char** words) {
    using namespace cameo::apps;
    occupy_closed_streams();
    signal(SIGPIPE, SIG_IGN);  // a reader that left is told by write()
    std::optional<Interrupts> interrupts;
    Terminal terminal(STDOUT_FILENO, STDERR_FILENO);
    const std::vector<std::string> arguments(words + (count > 0 ? 1 : 0), words + count);
    return dispatch(arguments, terminal, [&] { return interrupts.emplace().token(); });
}
