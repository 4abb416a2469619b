// SPDX-License-Identifier: Apache-2.0
#include "progress_bar.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include "support/catch.hpp"

#include "support/process.hpp"

namespace support = cameo::support;

using cameo::apps::ProgressBar;
using namespace std::chrono_literals;

namespace {

/// A bar whose clock stands still until it is moved.
struct Stage {
    std::chrono::steady_clock::time_point now{};
    std::string text;
    std::size_t columns = 80;

    ProgressBar::Plan plan(ProgressBar::Style style, std::uint64_t total,
                           ProgressBar::Unit unit = ProgressBar::Unit::things) {
        return {.label = "views",
                .total = total,
                .unit = unit,
                .style = style,
                .columns = [this] { return columns; },
                .write = [this](std::string_view words) { text += words; },
                .clock = [this] { return now; }};
    }
    std::string take() { return std::exchange(text, {}); }
};

}  // namespace

TEST_CASE("work of less than two seconds shows no bar", "[apps][progress]") {
    Stage stage;
    {
        ProgressBar bar(stage.plan(ProgressBar::Style::bar, 10));
        for (std::uint64_t done = 1; done <= 10; ++done) {
            stage.now += 150ms;  // 1.5 s in all
            bar.update(done, 10);
        }
    }
    CHECK(stage.text.empty());
}

TEST_CASE("a bar appears as soon as the work promises to last", "[apps][progress]") {
    Stage stage;
    ProgressBar bar(stage.plan(ProgressBar::Style::bar, 100));
    stage.now += 400ms;
    bar.update(4, 100);
    CHECK(stage.take().empty());  // too early to promise anything
    stage.now += 200ms;
    bar.update(6, 100);
    const auto frame = stage.take();
    CHECK_THAT(frame, Catch::StartsWith("\r\x1b[Kviews [") && Catch::Contains("  6 %") && Catch::Contains("10/s") &&
                          Catch::Contains("9.4 s left"));  // 6 views in 0.6 s, 94 to go
    CHECK(frame.find('\n') == std::string::npos);
    bar.update(7, 100);
    CHECK(stage.take().empty());  // ten frames a second are enough
    bar.hide();
    CHECK(stage.take() == "\r\x1b[K");
    bar.hide();
    CHECK(stage.take().empty());
}

TEST_CASE("a bar fits the terminal, however narrow", "[apps][progress]") {
    for (const std::size_t columns : {2, 10, 30, 45, 60, 80, 300}) {
        Stage stage;
        stage.columns = columns;
        ProgressBar bar(stage.plan(ProgressBar::Style::bar, 1'000'000'000'000, ProgressBar::Unit::bytes));
        stage.now += 3s;
        bar.update(123'456'789, 1'000'000'000'000);
        const auto frame = stage.text.substr(std::string("\r\x1b[K").size());
        INFO(columns << ": " << frame);
        CHECK(frame.size() < columns);
        CHECK((frame.find('[') != std::string::npos) == (columns >= 60));
    }
}

TEST_CASE("the bar's filling is the part that is done", "[apps][progress]") {
    for (const std::uint64_t done : {0, 25, 50, 99, 100, 250}) {
        Stage stage;
        ProgressBar bar(stage.plan(ProgressBar::Style::bar, 100));
        stage.now += 10s;
        bar.update(done, 100);
        INFO(done << ": " << stage.text);
        const auto start = stage.text.find("views [") + std::string("views [").size();
        const auto inside = stage.text.substr(start, stage.text.find(']', start) - start);
        REQUIRE(inside.size() > 10);
        CHECK(static_cast<std::uint64_t>(std::ranges::count(inside, '#')) ==
              std::min<std::uint64_t>(done, 100) * inside.size() / 100);
        CHECK(inside.find_first_not_of("#.") == std::string::npos);
    }
}

TEST_CASE("JSON progress has the documented keys, from the first moment to the last", "[apps][progress]") {
    Stage stage;
    ProgressBar bar(stage.plan(ProgressBar::Style::json, 500));
    CHECK(stage.take() == "{\"done\":0,\"total\":500,\"eta_s\":null}\n");
    stage.now += 1s;
    bar.update(12, 500);
    CHECK(stage.take() == "{\"done\":12,\"total\":500,\"eta_s\":41}\n");  // 488 at 12 a second: 40.7
    bar.update(13, 500);
    CHECK(stage.take().empty());
    bar.update(500, 500);  // the last one always
    CHECK(stage.take() == "{\"done\":500,\"total\":500,\"eta_s\":0}\n");
    bar.update(500, 500);
    CHECK(stage.take().empty());
}

TEST_CASE("an unknown total is null", "[apps][progress]") {
    Stage stage;
    ProgressBar bar(stage.plan(ProgressBar::Style::json, 0));
    stage.now += 1s;
    bar.update(12, 0);
    for (const auto& line : support::lines(stage.text)) {
        const auto object = nlohmann::json::parse(line);
        CHECK(object.at("total").is_null());
        CHECK(object.at("eta_s").is_null());
    }
}

TEST_CASE("a log gets a line every half minute and nothing for short work", "[apps][progress]") {
    Stage stage;
    {
        ProgressBar bar(stage.plan(ProgressBar::Style::lines, 100));
        for (std::uint64_t done = 1; done <= 100; ++done) {
            stage.now += 200ms;
            bar.update(done, 100);
        }
    }
    CHECK(stage.take().empty());  // 20 s
    ProgressBar bar(stage.plan(ProgressBar::Style::lines, 100));
    for (std::uint64_t done = 1; done <= 100; ++done) {
        stage.now += 1s;
        bar.update(done, 100);
    }
    const auto said = support::lines(stage.text);
    REQUIRE(said.size() == 4);  // after 30, 60, 90 s and at the end
    CHECK(said.front() == "views: 30 of 100, 1 min 10 s left");
    CHECK(said.back() == "views: 100 of 100, 0.0 s left");
    CHECK(stage.text.find('\r') == std::string::npos);
}

TEST_CASE("silence is silent", "[apps][progress]") {
    Stage stage;
    {
        ProgressBar bar(stage.plan(ProgressBar::Style::none, 100));
        stage.now += 100s;
        bar.update(50, 100);
    }
    CHECK(stage.text.empty());
}

TEST_CASE("things are counted in whole numbers, however few", "[apps][progress]") {
    Stage stage;
    ProgressBar bar(stage.plan(ProgressBar::Style::lines, 3));
    for (std::uint64_t done = 1; done <= 2; ++done) {
        stage.now += 40s;
        bar.update(done, 3);
    }
    CHECK(support::lines(stage.text).back() == "views: 2 of 3, 40 s left");
}
