// SPDX-License-Identifier: Apache-2.0
// Trains a generator: cameo-train --config FILE.json. Needs cameo::core alone.
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include <signal.h>

#include <c10/util/Exception.h>

#include <cameo/core/error.hpp>

#include "interrupts.hpp"
#include "train/config.hpp"
#include "train/session.hpp"

namespace cameo::apps {
namespace {

constexpr const char* usage =
    "usage: cameo-train --config FILE.json\n"
    "Trains as the file says (docs/training.md), going on where the newest snapshot in its output folder stands.\n"
    "Stops after a snapshot on SIGINT or SIGTERM.\n";

void say(const std::string& line) { std::fputs((line + "\n").c_str(), stderr); }

int run(int count, char** words) {
    if (count == 2 && (std::string_view(words[1]) == "--help" || std::string_view(words[1]) == "-h"))
        return std::fputs(usage, stdout) < 0 ? 7 : 0;
    if (count != 3 || std::string_view(words[1]) != "--config") {
        std::fputs(usage, stderr);
        return info(Errc::invalid_argument).exit_code;
    }
    try {
        const Interrupts interrupts;
        train(read_config(words[2]), {.say = say, .on_validation = {}}, interrupts.token());
        return 0;
    } catch (const Error& error) {
        say(error.code() == Errc::cancelled ? "cameo-train: stopped on request, after a snapshot"
                                            : std::string("cameo-train: ") + error.what());
        return info(error.code()).exit_code;
    } catch (const std::bad_alloc&) {
        say("cameo-train: out of memory");
        return info(Errc::out_of_memory).exit_code;
    } catch (const c10::OutOfMemoryError& error) {  // of a device
        say(std::string("cameo-train: ") + error.what_without_backtrace());
        return info(Errc::out_of_memory).exit_code;
    } catch (const c10::Error& error) {
        say(std::string("cameo-train: ") + error.what_without_backtrace());
        return info(Errc::internal).exit_code;
    } catch (const std::exception& error) {
        say(std::string("cameo-train: ") + error.what());
        return info(Errc::internal).exit_code;
    }
}

}  // namespace
}  // namespace cameo::apps

int main(int count, char** words) {
    signal(SIGPIPE, SIG_IGN);  // progress that nobody reads is no reason to stop
    return cameo::apps::run(count, words);
}
