// SPDX-License-Identifier: Apache-2.0
#include "progress_bar.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "values.hpp"

namespace cameo::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto worth_a_bar = 2s;
constexpr auto between_frames = 100ms;
constexpr auto between_lines = 30s;

std::string amount(std::uint64_t value, ProgressBar::Unit unit) {
    return unit == ProgressBar::Unit::bytes ? memory_text(value) : std::to_string(value);
}

std::string rate_text(double rate, ProgressBar::Unit unit) {
    if (unit == ProgressBar::Unit::bytes) return memory_text(static_cast<std::uint64_t>(rate));
    return rate < 10.0 ? fmt::format("{:.1f}", rate) : fmt::format("{:.0f}", rate);
}

}  // namespace

ProgressBar::ProgressBar(Plan plan) : plan_(std::move(plan)), start_(plan_.clock()), last_(start_ - between_lines) {
    if (plan_.style == Style::lines) last_ = start_;
    if (plan_.style == Style::json) update(0, plan_.total);
}

void ProgressBar::hide() {
    if (std::exchange(bar_is_there_, false)) plan_.write("\r\x1b[K");
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
    if (plan_.style == Style::none) return;
    const bool last = total > 0 && done >= total && done_ < done;
    done_ = done;
    plan_.total = total;
    const auto now = plan_.clock();
    if (!last &&
        now - last_ < (plan_.style == Style::lines ? std::chrono::milliseconds(between_lines) : between_frames))
        return;

    const Seconds elapsed = now - start_;
    const double part = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0.0;
    const Seconds left = part > 0.0 ? elapsed * ((1.0 - std::min(part, 1.0)) / part) : Seconds(-1.0);
    if (plan_.style == Style::json) {
        const auto eta = left < 0s ? std::string("null") : fmt::format("{}", std::llround(std::ceil(left.count())));
        plan_.write(fmt::format("{{\"done\":{},\"total\":{},\"eta_s\":{}}}\n", done,
                                total > 0 ? std::to_string(total) : "null", eta));
    } else if (plan_.style == Style::bar) {
        const bool promises_to_last = elapsed >= between_frames * 5 && elapsed + left > worth_a_bar;
        if (!bar_is_there_ && elapsed < worth_a_bar && !promises_to_last) return;
        draw(elapsed, left);
    } else {
        if (last && !said_anything_) return;  // too short a job to talk about
        print_line(elapsed, left);
    }
    last_ = now;
}

void ProgressBar::draw(Seconds elapsed, Seconds left) {
    const double done = static_cast<double>(done_);
    const auto rate = rate_text(done / std::max(elapsed.count(), 1e-3), plan_.unit);
    std::string line = plan_.label;
    if (plan_.total > 0) {
        const double part = std::min(1.0, done / static_cast<double>(plan_.total));
        const auto figures = fmt::format("{:3.0f} %  {}/s{}", std::floor(part * 100.0), rate,
                                         left >= 0s ? "  " + duration_text(left) + " left" : "");
        const auto taken = plan_.label.size() + figures.size() + 6;  // brackets, gaps and the last column, which wraps
        const auto room = plan_.columns();
        if (room >= taken + 8) {
            const auto width = std::min<std::size_t>(room - taken, 40);
            const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
            line += fmt::format(" [{:#<{}}{:.<{}}]", "", full, "", width - full);
        }
        line += " " + figures;
    } else {
        line += fmt::format("  {}  {}/s", amount(done_, plan_.unit), rate);
    }
    line.resize(std::min(line.size(), std::max<std::size_t>(plan_.columns(), 2) - 1));
    plan_.write("\r\x1b[K" + line);
    bar_is_there_ = true;
}

void ProgressBar::print_line(Seconds elapsed, Seconds left) {
    const auto done = amount(done_, plan_.unit);
    plan_.write(plan_.total == 0
                    ? fmt::format("{}: {} after {}\n", plan_.label, done, duration_text(elapsed))
                    : fmt::format("{}: {} of {}, {} left\n", plan_.label, done, amount(plan_.total, plan_.unit),
                                  left >= 0s ? duration_text(left) : "unknown time"));
    said_anything_ = true;
}

}  // namespace cameo::apps
