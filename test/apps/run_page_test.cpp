// SPDX-License-Identifier: Apache-2.0
#include "train/run_page.hpp"

#include <cmath>
#include <regex>
#include <string>
#include <vector>

#include <cameo/io/file.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "train/train_record.hpp"

using namespace cameo;
using namespace cameo::apps;

namespace {

/// Whether all tags are closed in the order in which they were opened.
bool is_well_formed(const std::string& html) {
    std::vector<std::string> open;
    static const std::regex tag("<(/?)([a-z0-9]+)((?:[^>\"]|\"[^\"]*\")*?)(/?)>");
    const auto begin = html.find("<html");
    for (std::sregex_iterator place(html.begin() + static_cast<std::ptrdiff_t>(begin), html.end(), tag), end;
         place != end; ++place) {
        const auto& found = *place;
        if (!found[1].str().empty()) {
            if (open.empty() || open.back() != found[2]) return false;
            open.pop_back();
        } else if (found[4].str().empty()) {
            open.push_back(found[2]);
        }
    }
    return open.empty();
}

/// The points of the first curve with that caption, in pixels.
std::vector<std::pair<double, double>> polyline(const std::string& html, const std::string& name) {
    const auto caption = html.find("<figcaption>" + name + "<");
    REQUIRE(caption != std::string::npos);
    const std::string attribute = "points=\"";
    const auto begin = html.find(attribute, caption) + attribute.size();
    std::istringstream text(html.substr(begin, html.find('"', begin) - begin));
    std::vector<std::pair<double, double>> points;
    for (std::string pair; text >> pair;)
        points.emplace_back(std::stod(pair), std::stod(pair.substr(pair.find(',') + 1)));
    return points;
}

RunPage some_page() {
    return {.title = "training: <run> & \"more\"",
            .step = 100,
            .steps = 400,
            .images = 800,
            .images_per_second = 12.5,
            .seconds_left = 600,
            .written = "2030-01-01",
            .curves = {{"Loss/line", {{0, 1.0}, {400, 2.0}, {800, 5.0}}},
                       {"Loss/decades", {{0, 100}, {400, 10}, {800, 1}}}},
            .sheets = {},
            .options = {{"objective", "<paired>"}}};
}

}  // namespace

TEST_CASE("a run's page is whole in itself", "[apps][train][page]") {
    auto page = some_page();
    const std::string png = "\x89PNG";
    for (const auto* caption : {"step 200", "step 100"})
        page.sheets.push_back({caption,
                               {reinterpret_cast<const std::byte*>(png.data()),
                                reinterpret_cast<const std::byte*>(png.data()) + png.size()}});
    const auto html = html_of(page);
    CHECK(is_well_formed(html));
    CHECK_FALSE(is_well_formed("<html><p></html></p>"));
    for (const auto* foreign : {"http:", "https:", "//", "<script", "url(", "@import"})
        CHECK(html.find(foreign) == std::string::npos);
    CHECK_THAT(html, Catch::Contains("training: &lt;run&gt; &amp; &quot;more&quot;") &&
                         Catch::Contains("step 100 of 400, 800 images seen, 12.5 images/s, 10 min left") &&
                         Catch::Contains("<td>objective</td><td>&lt;paired&gt;</td>") &&
                         Catch::Contains("data:image/png;base64,iVBORw==") && Catch::Contains("width: 25.0%"));
    CHECK(html.find("step 200") < html.find(">step 100<"));
    CHECK_THAT(html, Catch::Contains("http-equiv=\"refresh\""));
    page.step = page.steps;
    CHECK_THAT(html_of(page), !Catch::Contains("refresh") && Catch::Contains("done"));
}

TEST_CASE("curves lie where their values are", "[apps][train][page]") {
    const auto html = html_of(some_page());
    const auto line = polyline(html, "Loss/line"), decades = polyline(html, "Loss/decades");
    REQUIRE(line.size() == 3);
    CHECK(line[1].first - line[0].first == Approx(line[2].first - line[1].first).margin(0.2));
    // 1, 2, 5 on a straight scale: a quarter of the way up, then the rest. Down is positive.
    CHECK((line[0].second - line[1].second) / (line[0].second - line[2].second) == Approx(0.25).margin(0.002));
    // 100, 10, 1 on a logarithmic one.
    CHECK(decades[1].second - decades[0].second == Approx(decades[2].second - decades[1].second).margin(0.2));
    CHECK(decades[0].second < decades[2].second);
    for (const auto& [x, y] : line) {
        CHECK((x >= 0 && x <= 420));
        CHECK((y >= 0 && y <= 200));
    }
}

TEST_CASE("curves may have one value, none, and values that are no numbers", "[apps][train][page]") {
    auto page = some_page();
    page.curves = {{"one", {{800, 3.0}}},
                   {"zero", {{0, 0.0}, {800, 0.0}}},
                   {"lost", {{400, 1.0}, {800, NAN}}},
                   {"all lost", {{800, INFINITY}}}};
    const auto html = html_of(page);
    CHECK(is_well_formed(html));
    CHECK(polyline(html, "one").size() == 1);
    CHECK(polyline(html, "zero").size() == 2);
    CHECK(polyline(html, "lost").size() == 1);
    CHECK_THAT(html, Catch::Contains("lost<span>1 (1 not finite)") && Catch::Contains("all lost<span> (1 not finite)"));
    for (const auto* wrong : {"nan", "inf,", "inf\""}) CHECK(html.find(wrong) == std::string::npos);
}

TEST_CASE("long curves are thinned to means", "[apps][train][page]") {
    std::vector<Curve::Point> points;
    for (int i = 0; i <= 1000; ++i) points.push_back({static_cast<double>(i), 2.0 * i});
    const auto few = thinned(points, 101);
    REQUIRE(few.size() == 101);
    CHECK(few[0].images == Approx(4.5));
    CHECK(few[7].value == Approx(149));
    CHECK(few.back().images == 1000);
    CHECK(thinned(points, 1001).size() == 1001);
}

TEST_CASE("curves of many points are shown smoothed too", "[apps][train][page]") {
    std::vector<Curve::Point> points;
    for (int i = 0; i < 240; ++i) points.push_back({static_cast<double>(i), 3.0 * i + (i % 2 == 0 ? 1.0 : -1.0)});
    const auto smooth = smoothed(points);
    REQUIRE(smooth.size() == 240);
    for (std::size_t i = 10; i < 230; ++i) {  // 21 points: what alternates nearly goes, the line stays
        CHECK(std::abs(smooth[i].value - 3.0 * static_cast<double>(i)) < 1.0 / 21 + 1e-9);
        CHECK(smooth[i].images == points[i].images);
    }
    CHECK(smooth.front().value == Approx((points[0].value + points[10].value) / 2).margin(1));
    points.resize(23);
    CHECK(smoothed(points).empty());
}

TEST_CASE("numbers and times are short", "[apps][train][page]") {
    CHECK(short_number(0) == "0");
    CHECK(short_number(950) == "950");
    CHECK(short_number(2500) == "2500");
    CHECK(short_number(12000) == "12k");
    CHECK(short_number(1.5e6) == "1.5M");
    CHECK(short_number(3.21e-5) == "3.21e-05");
    CHECK(time_text(42.3) == "42 s");
    CHECK(time_text(1500) == "25 min");
    CHECK(time_text(9000) == "2.5 h");
}

TEST_CASE("a record holds the whole run, however often it was begun", "[apps][train][page]") {
    const support::TemporaryFolder folder;
    const auto report = [](std::int64_t step, double value) {
        return TrainReport{{step, 4 * step}, 10, {{"Loss/x", value}}, 8.0, 0.1};
    };
    io::write_file(folder / "unseen-000000002.png", "two", io::Overwrite::no);
    io::write_file(folder / "unseen-000000004.png", "four", io::Overwrite::no);
    io::write_file(folder / "unseen-x.png", "none", io::Overwrite::no);
    {
        TrainRecord record(folder.path(), 0, {{"batch", "4"}});
        record.add(report(1, 1.0));
        record.add(report(2, 2.0), {{"validation", {{"psnr", 20.0}}}});
        record.add(report(3, NAN));
    }
    {  // Killed after step 3; the snapshot is of step 2, and a line was cut short.
        std::ofstream(folder / "stats.jsonl", std::ios::app) << "{\"step\": 2, \"ima";
        TrainRecord record(folder.path(), 2, {{"batch", "4"}});
        CHECK(support::lines(support::contents(folder / "stats.jsonl")).size() == 2);
        record.add(report(3, 3.0));
    }
    const auto html = support::contents(folder / "run.html");
    CHECK(is_well_formed(html));
    CHECK(polyline(html, "Loss/x").size() == 3);
    CHECK(polyline(html, "validation/psnr").size() == 1);
    CHECK(polyline(html, "images_per_second").size() == 3);
    CHECK(html.find("validation/psnr") < html.find("images_per_second"));
    CHECK_THAT(html, Catch::Contains("step 3 of 10, 12 images seen, 8 images/s") && Catch::Contains("base64,dHdv\"") &&
                         !Catch::Contains("base64,Zm91cg==") && Catch::Contains("<td>batch</td><td>4</td>"));
    CHECK(support::names_below(folder.path()).size() == 5);  // nothing else is left
    CHECK(seconds_left(report(5, 0)) == Approx(5 * 4 / 8.0));
}
