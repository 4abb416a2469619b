// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

namespace cameo::apps {
namespace {

/// All of `text`, or the errno that stopped it.
int write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto count = ::write(descriptor, text.data(), text.size());
        if (count >= 0)
            text.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

bool wants_colour() {
    const auto* no_colour = std::getenv("NO_COLOR");
    const auto* kind = std::getenv("TERM");
    return (no_colour == nullptr || *no_colour == '\0') && kind != nullptr && std::strcmp(kind, "dumb") != 0;
}

std::size_t columns_of(int descriptor) {
    winsize size{};
    return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// Length of the valid UTF-8 sequence at the front that shows as something, 0 when there is none.
std::size_t visible_sequence(std::string_view text) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const auto first = byte(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    std::uint32_t point = first & (0x7fU >> length);
    for (std::size_t index = 1; index < length; ++index) {
        if ((byte(index) & 0xc0U) != 0x80U) return 0;
        point = point << 6U | (byte(index) & 0x3fU);
    }
    constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool is_code_point = point >= smallest[length] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    const bool is_control = point < 0xa0;
    const bool turns_direction = point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) ||
                                 (point >= 0x2066 && point <= 0x2069);
    return is_code_point && !is_control && !turns_direction ? length : 0;
}

}  // namespace

void CommonOptions::declare(OptionTable& table) {
    table.flag("json", json, {.help = "print results as JSON, one object a line"});
    table.flag("quiet", quiet, {.help = "say nothing but errors", .letter = 'q'});
    table.flag("verbose", verbose, {.help = "say more about what happens", .letter = 'v'});
    table.option(
        "progress", progress,
        {.value = "HOW",
         .help = "show progress as a bar (on a terminal), as json lines, or none; auto is a bar where one can be seen",
         .choices = {"auto", "json", "none"}});
    table.option("config", config,
                 {.value = "FILE",
                  .help = "take options from a JSON file; the command line and CAMEO_... variables count over it",
                  .completes = Completes::file,
                  .endings = {"json"}});
    table.flag("help", help, {.help = "show this text", .letter = 'h'});
    table.end_of_common();
}

Terminal::Terminal(int out, int err)
    : out_(out), err_(err), err_is_terminal_(::isatty(err) != 0), colour_(err_is_terminal_ && wants_colour()) {}

void Terminal::configure(std::string_view verb, const CommonOptions& options, std::stop_token stop) {
    verb_ = verb;
    options_ = options;
    stop_ = std::move(stop);
}

void Terminal::answer(const nlohmann::ordered_json& record, std::string_view text) { print(record, text); }

void Terminal::result(const nlohmann::ordered_json& record, std::string_view text) {
    if (options_.json || !options_.quiet) print(record, text);
}

void Terminal::print(const nlohmann::ordered_json& record, std::string_view text) {
    if (reader_left_) return;
    if (bar_) bar_->hide();
    std::string line;
    if (options_.json) {
        nlohmann::ordered_json object{{"schema", schema}, {"command", verb_}};
        object.update(record);
        // File names need not be UTF-8; JSON must be.
        line = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    } else {
        line = printable(text);
    }
    if (!line.ends_with('\n')) line += '\n';
    const int problem = write_all(out_, line);
    if (problem == EPIPE)
        reader_left_ = true;
    else if (problem != 0)
        throw Error(Errc::io_failure, "standard output: " + std::generic_category().message(problem));
}

void Terminal::detail(std::string_view text) {
    if (options_.verbose && !options_.quiet) say("", "", text);
}

void Terminal::note(std::string_view text) {
    if (!options_.quiet) say("", "", text);
}

void Terminal::warning(std::string_view text) {
    if (!options_.quiet) say("warning: ", "\x1b[33m", text);
}

void Terminal::error(std::string_view text) { say("", "\x1b[31m", text); }

void Terminal::say(std::string_view kind, std::string_view colour, std::string_view text) {
    if (bar_) bar_->hide();
    const auto who = verb_.empty() ? std::string("cameo: ") : fmt::format("cameo {}: ", verb_);
    const bool coloured = colour_ && !colour.empty();
    // Messages that cannot be delivered have nobody to tell it to.
    (void)write_all(err_, fmt::format("{}{}{}{}{}\n", coloured ? colour : "", who, kind, coloured ? "\x1b[0m" : "",
                                      printable(text)));
}

Context Terminal::context(ProgressBar::Unit unit) {
    Context context;
    context.stop = stop_;
    context.progress = [this, unit](const Progress& progress) { show(progress, unit); };
    return context;
}

void Terminal::show(const Progress& progress, ProgressBar::Unit unit) {
    const auto total = static_cast<std::uint64_t>(std::max<std::int64_t>(progress.total, 0));
    if (!bar_ || bar_->label() != progress.task) {
        bar_.reset();
        using Style = ProgressBar::Style;
        const auto automatic = err_is_terminal_ ? Style::bar : Style::lines;
        bar_.emplace(ProgressBar::Plan{.label = std::string(progress.task),
                                       .total = total,
                                       .unit = unit,
                                       .style = options_.progress == "json"                     ? Style::json
                                                : options_.quiet || options_.progress == "none" ? Style::none
                                                                                                : automatic,
                                       .columns = [this] { return columns_of(err_); },
                                       .write = [this](std::string_view text) { (void)write_all(err_, text); }});
    }
    bar_->update(static_cast<std::uint64_t>(std::max<std::int64_t>(progress.done, 0)), total);
}

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto length = visible_sequence(text);
        if (length > 0)
            result += text.substr(0, length);
        else if (text.front() == '\n' || text.front() == '\t')
            result += text.front();
        else
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return result;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
    std::string result;
    std::size_t column = indent;
    for (bool first = true; !text.empty(); first = false) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!first && column + 1 + word.size() > width) {
            result += '\n' + std::string(indent, ' ');
            column = indent;
        } else if (!first) {
            result += ' ';
            ++column;
        }
        result += word;
        column += word.size();
    }
    return result;
}

}  // namespace cameo::apps
