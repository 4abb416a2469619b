// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include <array>
#include <cstdlib>
#include <optional>

#include <cameo/core/error.hpp>
#include <nlohmann/json.hpp>
#include "support/catch.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "terminal_capture.hpp"

namespace support = cameo::support;

using namespace cameo::apps;
using support::CapturedTerminal;

namespace {

const nlohmann::ordered_json record{{"path", "out.png"}};

}  // namespace

TEST_CASE("results go to stdout and messages to stderr, one a line, behind the verb's name", "[apps][terminal]") {
    CapturedTerminal captured;
    captured.terminal.configure("generate", {}, {});
    captured.terminal.result(record, "out.png");
    captured.terminal.note("done");
    captured.terminal.warning("odd");
    captured.terminal.error("bad");
    captured.terminal.detail("only with -v");
    CHECK(captured.out.text() == "out.png\n");
    CHECK(captured.err.text() == "cameo generate: done\ncameo generate: warning: odd\ncameo generate: bad\n");
}

TEST_CASE("quiet leaves answers and errors", "[apps][terminal]") {
    CapturedTerminal captured;
    captured.terminal.configure("generate", {.quiet = true, .verbose = true}, {});
    captured.terminal.result(record, "made out.png");
    captured.terminal.answer(record, "the answer");
    captured.terminal.note("done");
    captured.terminal.detail("more");
    captured.terminal.warning("odd");
    captured.terminal.error("bad");
    CHECK(captured.out.text() == "the answer\n");
    CHECK(captured.err.text() == "cameo generate: bad\n");
}

TEST_CASE("verbose adds details", "[apps][terminal]") {
    CapturedTerminal captured;
    captured.terminal.configure("generate", {.verbose = true}, {});
    captured.terminal.detail("more");
    CHECK(captured.err.text() == "cameo generate: more\n");
}

TEST_CASE("JSON results are one object a line with a schema version, even when quiet", "[apps][terminal]") {
    CapturedTerminal captured;
    captured.terminal.configure("generate", {.json = true, .quiet = true}, {});
    captured.terminal.result({{"text", "two\nlines"}}, "for people");
    captured.terminal.answer({{"name", "\xff\xfe"}}, "for people");  // no UTF-8, as file names may be
    const auto text = captured.out.text();
    CHECK(text.substr(0, text.find('\n')) == R"({"schema":1,"command":"generate","text":"two\nlines"})");
    const auto second = text.substr(text.find('\n') + 1);
    CHECK(nlohmann::json::parse(second).at("schema") == Terminal::schema);
}

TEST_CASE("names from strangers cannot steer the terminal", "[apps][terminal]") {
    CHECK(printable("plain text, 100 %") == "plain text, 100 %");
    CHECK(printable("Grüße 日本 🙂") == "Grüße 日本 🙂");
    CHECK(printable("a\tb\nc") == "a\tb\nc");
    CHECK(printable("\x1b[2J\x07\x7f") == "\\x1b[2J\\x07\\x7f");
    CHECK(printable("\xc2\x9b"
                    "31m") == "\\xc2\\x9b31m");                           // the one-byte form of ESC [ in UTF-8
    CHECK(printable("\xe2\x80\xaetxt.exe") == "\\xe2\\x80\\xaetxt.exe");  // turns the direction of writing
    CHECK(printable("\xff\xc0\xaf") == "\\xff\\xc0\\xaf");                // no UTF-8; an overlong slash
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");                // a surrogate
    CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");       // beyond Unicode
    CHECK(printable("\xe2\x82") == "\\xe2\\x82");                         // cut short
    CapturedTerminal captured;
    captured.terminal.error("no such file: \x1b]0;owned\x07");
    CHECK(captured.err.text() == "cameo: no such file: \\x1b]0;owned\\x07\n");
    captured.terminal.answer(record, "\x1b[2J");
    CHECK(captured.out.text() == "\\x1b[2J\n");
}

TEST_CASE("a stdout that takes no more is an input/output failure", "[apps][terminal]") {
    const int full = open("/dev/full", O_WRONLY);
    REQUIRE(full >= 0);
    support::MemoryFile err;
    Terminal terminal(full, err.descriptor());
    try {
        terminal.answer(record, "text");
        FAIL("expected a failure");
    } catch (const cameo::Error& error) {
        CHECK(error.code() == cameo::Errc::io_failure);
        CHECK_THAT(error.what(), Catch::Contains("standard output"));
    }
    terminal.note("still speaks");
    CHECK(err.text() == "cameo: still speaks\n");
    close(full);
}

TEST_CASE("a reader that has left stops nothing", "[apps][terminal]") {
    signal(SIGPIPE, SIG_IGN);  // as main() does
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    close(ends[0]);
    support::MemoryFile err;
    Terminal terminal(ends[1], err.descriptor());
    CHECK_NOTHROW(terminal.answer(record, "text"));
    CHECK_NOTHROW(terminal.result(record, "text"));
    CHECK(err.text().empty());
    close(ends[1]);
}

TEST_CASE("the library's context carries the stop and shows progress as JSON", "[apps][terminal]") {
    CapturedTerminal captured;
    std::stop_source stop;
    captured.terminal.configure("generate", {.progress = "json"}, stop.get_token());
    {
        const auto context = captured.terminal.context();
        context.report("views", 0, 4);
        context.report("views", 4, 4);
        stop.request_stop();
        CHECK_THROWS_AS(context.check_cancelled(), cameo::Error);
    }
    CHECK(captured.err.text() == "{\"done\":0,\"total\":4,\"eta_s\":null}\n{\"done\":4,\"total\":4,\"eta_s\":0}\n");
}

TEST_CASE("lines are cut at spaces", "[apps][terminal]") {
    CHECK(wrapped("", 4, 20).empty());
    CHECK(wrapped("one two", 4, 20) == "one two");
    CHECK(wrapped("aaaa bbbb cccc", 2, 11) == "aaaa bbbb\n  cccc");
    CHECK(wrapped("aaaa bbbb", 2, 11) == "aaaa bbbb");  // 2 + 9 columns: just fits
    CHECK(wrapped("aaaa bbbbb", 2, 11) == "aaaa\n  bbbbb");
    CHECK(wrapped("aaaaaaaaaaaaaaaaaaaaaa b", 2, 11) == "aaaaaaaaaaaaaaaaaaaaaa\n  b");  // too long a word stays whole
}
