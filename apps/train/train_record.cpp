// SPDX-License-Identifier: Apache-2.0
#include "train/train_record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <functional>
#include <limits>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t shown_sheets = 6;
constexpr std::uint64_t largest_sheet = std::uint64_t{64} << 20;

double seconds_since_1970() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string now_text() {
    const auto now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

/// The step in unseen-STEP.png; -1 for other names.
std::int64_t step_of_sheet(const std::string& name) {
    constexpr std::string_view head = "unseen-", tail = ".png";
    if (!name.starts_with(head) || !name.ends_with(tail) || name.size() <= head.size() + tail.size()) return -1;
    const auto* const end = name.data() + name.size() - tail.size();
    std::int64_t step = -1;
    const auto [stop, problem] = std::from_chars(name.data() + head.size(), end, step);
    return problem == std::errc() && stop == end ? step : -1;
}

}  // namespace

double seconds_left(const TrainReport& report) {
    const auto images_of_step = static_cast<double>(report.state.images) / static_cast<double>(report.state.step);
    return static_cast<double>(report.steps - report.state.step) * images_of_step / report.images_per_second;
}

TrainRecord::TrainRecord(fs::path folder, std::int64_t step, RunOptions options)
    : folder_(std::move(folder)), stats_(folder_ / "stats.jsonl"), options_(std::move(options)) {
    std::string kept;
    if (std::ifstream file(stats_); file)
        for (std::string line; std::getline(file, line);) {
            const auto entry = Json::parse(line, nullptr, false);
            if (!entry.is_object() || entry.value("step", step + 1) > step) continue;
            kept += line + "\n";
            keep(entry);
        }
    io::write_file(stats_, kept, io::Overwrite::yes);
}

void TrainRecord::add(const TrainReport& report, const Json& also) {
    Json entry{{"step", report.state.step},
               {"images", report.state.images},
               {"timestamp", seconds_since_1970()},
               {"images_per_second", report.images_per_second},
               {"data_share", report.data_share}};
    for (const auto& [name, value] : report.values) entry[name] = value;
    for (const auto& [name, value] : also.items()) entry[name] = value;

    std::ofstream file(stats_, std::ios::app);
    file << entry.dump() << '\n';
    file.flush();
    if (!file) throw Error(Errc::io_failure, stats_.string() + ": cannot be written");

    keep(entry);
    // What is learnt before what it takes.
    auto curves = curves_;
    std::ranges::stable_partition(curves, [](const Curve& curve) { return curve.name.find('/') != std::string::npos; });
    io::write_file(folder_ / "run.html",
                   html_of({.title = "training: " + folder_.filename().string(),
                            .step = report.state.step,
                            .steps = report.steps,
                            .images = report.state.images,
                            .images_per_second = report.images_per_second,
                            .seconds_left = seconds_left(report),
                            .written = now_text(),
                            .curves = std::move(curves),
                            .sheets = newest_sheets(report.state.step),
                            .options = options_}),
                   io::Overwrite::yes);
}

void TrainRecord::keep(const Json& entry) {
    const auto images = entry.value("images", 0.0);
    const auto add = [&](const std::string& name, const Json& value) {
        // JSON has no NaN: it is written as null.
        if (!value.is_number() && !value.is_null()) return;
        const auto [place, is_new] = places_.emplace(name, curves_.size());
        if (is_new) curves_.push_back({name, {}});
        curves_[place->second].points.push_back(
            {images, value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>()});
    };
    for (const auto& [name, value] : entry.items()) {
        if (name == "step" || name == "images" || name == "timestamp") continue;
        if (!value.is_object()) {
            add(name, value);
            continue;
        }
        for (const auto& [inner, of_inner] : value.items()) add(name + "/" + inner, of_inner);
    }
}

std::vector<PageSheet> TrainRecord::newest_sheets(std::int64_t step) const {
    std::vector<std::pair<std::int64_t, fs::path>> found;
    std::error_code ignored;
    for (fs::directory_iterator entry(folder_, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
        const auto of = step_of_sheet(entry->path().filename().string());
        if (of >= 0 && of <= step) found.emplace_back(of, entry->path());  // later ones are of a run that was killed
    }
    std::ranges::sort(found, std::greater{});
    std::vector<PageSheet> sheets;
    for (const auto& [of, path] : found) {
        if (sheets.size() == shown_sheets) break;
        sheets.push_back({"step " + std::to_string(of), io::read_file(path, largest_sheet)});
    }
    return sheets;
}

}  // namespace cameo::apps
