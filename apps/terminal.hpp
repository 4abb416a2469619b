// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <cameo/core/context.hpp>
#include <nlohmann/json_fwd.hpp>

#include "options.hpp"
#include "progress_bar.hpp"

namespace cameo::apps {

/// The options that every verb has.
struct CommonOptions {
    bool json = false, quiet = false, verbose = false, help = false;
    std::string progress = "auto";
    std::filesystem::path config = {};  ///< read by parse()

    void declare(OptionTable& table);
};

/// What the program says, and where: results on stdout, everything else on stderr. Asks nothing.
/// Threads  one at a time
class Terminal {
  public:
    /// Version of the objects that --json prints; counts up when one of them loses or changes a field.
    static constexpr int schema = 1;

    /// Two file descriptors, which stay the caller's.
    Terminal(int out, int err);

    /// From now on for `verb`, whose name stands in front of messages.
    void configure(std::string_view verb, const CommonOptions& options, std::stop_token stop);

    // Results. Errors: io_failure when stdout takes no more. A reader that has left (`| head -1`) is no error: the rest
    // is dropped and the work goes on, since its fruits are files.

    /// The one thing that was asked for: --quiet does not silence it.
    void answer(const nlohmann::ordered_json& record, std::string_view text);

    /// What has been made: silent with --quiet, unless --json wants to know.
    void result(const nlohmann::ordered_json& record, std::string_view text);

    // Messages, one a line; --quiet leaves errors alone.
    void detail(std::string_view text);  ///< with -v only
    void note(std::string_view text);
    void warning(std::string_view text);
    void error(std::string_view text);

    /// For calls of the library: stops with the process's signals and shows how far they have come. `unit` is what they
    /// count. Lifetime: that of this terminal
    [[nodiscard]] Context context(ProgressBar::Unit unit = ProgressBar::Unit::things);

    /// Takes a progress bar away: the work is over.
    void end_progress() { bar_.reset(); }

  private:
    void print(const nlohmann::ordered_json& record, std::string_view text);
    void say(std::string_view kind, std::string_view colour, std::string_view text);
    void show(const Progress& progress, ProgressBar::Unit unit);

    int out_, err_;
    bool err_is_terminal_ = false, colour_ = false, reader_left_ = false;
    std::string verb_;
    CommonOptions options_;
    std::stop_token stop_;
    std::optional<ProgressBar> bar_;
};

/// `text` with everything that could steer a terminal written out: names in files may come from strangers.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` cut at spaces into lines of at most `width` columns, all but the first behind `indent` spaces.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent, std::size_t width = 100);

}  // namespace cameo::apps
