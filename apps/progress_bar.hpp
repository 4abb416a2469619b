// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cameo::apps {

/// How far a long piece of work has come. A bar appears once the work promises to last over two seconds, and only on a
/// terminal; in a log a line every half minute must do.
/// Threads  one at a time
class ProgressBar {
  public:
    enum class Unit { things, bytes };
    enum class Style {
        none,
        bar,    ///< redrawn in place
        lines,  ///< a line now and then, for logs
        json,   ///< {"done":12,"total":500,"eta_s":41}, a line each, from the first moment
    };
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    struct Plan {
        std::string label;
        std::uint64_t total = 0;  ///< 0: not known yet
        Unit unit = Unit::things;
        Style style = Style::none;
        std::function<std::size_t()> columns = [] { return std::size_t{80}; };
        std::function<void(std::string_view)> write;
        Clock clock = std::chrono::steady_clock::now;
    };

    explicit ProgressBar(Plan plan);
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    ~ProgressBar() { hide(); }

    /// Cheap enough for every step of a loop.
    void update(std::uint64_t done, std::uint64_t total);

    /// Takes the bar away until the next update.
    void hide();

    [[nodiscard]] const std::string& label() const noexcept { return plan_.label; }

  private:
    using Seconds = std::chrono::duration<double>;

    void draw(Seconds elapsed, Seconds left);
    void print_line(Seconds elapsed, Seconds left);

    Plan plan_;
    std::chrono::steady_clock::time_point start_, last_;
    std::uint64_t done_ = 0;
    bool bar_is_there_ = false, said_anything_ = false;
};

}  // namespace cameo::apps
