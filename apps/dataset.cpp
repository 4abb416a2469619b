// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <cameo/core/error.hpp>
#include <cameo/core/labels.hpp>
#include <cameo/io/camera_file.hpp>
#include <cameo/io/file_tree.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/npz.hpp>
#include <cameo/synth/head_set.hpp>
#include <nlohmann/json.hpp>

#include "head_files.hpp"
#include "sheet.hpp"
#include "verbs.hpp"

namespace cameo::apps {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// "white", "grey", "black", or six hexadecimal digits.
Rgb8 parse_colour(std::string_view text) {
    if (text == "white") return {255, 255, 255};
    if (text == "grey" || text == "gray") return {128, 128, 128};
    if (text == "black") return {0, 0, 0};
    if (text.starts_with('#')) text.remove_prefix(1);
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    if (text.size() != 6 || std::ranges::any_of(text, [&](char c) { return digit(c) < 0; }))
        throw UsageError("--background: expected white, grey, black or six hexadecimal digits, got " +
                         std::string(text));
    const auto pair = [&](std::size_t i) {
        return static_cast<std::uint8_t>(16 * digit(text[i]) + digit(text[i + 1]));
    };
    return {pair(0), pair(2), pair(4)};
}

void paint(Image& image, std::int64_t x, std::int64_t y, const Rgb8& colour) {
    if (x < 0 || y < 0 || x >= image.width() || y >= image.height()) return;
    std::ranges::copy(colour, image.row<std::uint8_t>(y).subspan(static_cast<std::size_t>(3 * x), 3).begin());
}

/// Azimuth to the head's left and elevation of a camera, in degrees.
std::array<double, 2> angles(const Camera& camera) {
    constexpr double degrees = 180.0 / std::numbers::pi;
    const auto& m = camera.world_from_camera;
    return {std::atan2(m[3], m[11]) * degrees, std::atan2(m[7], std::hypot(m[3], m[11])) * degrees};
}

/// One dot a camera, from 90 degrees right to 90 left and 45 down to 45 up; a line every 15 degrees.
Image pose_plot(const std::vector<io::NamedCamera>& cameras) {
    constexpr std::int64_t per_degree = 4, half_width = 90 * per_degree, half_height = 45 * per_degree;
    Image plot = blank_sheet(2 * half_width + 1, 2 * half_height + 1);
    for (std::int64_t degrees = -90; degrees <= 90; degrees += 15) {
        const Rgb8 line = degrees == 0 ? Rgb8{120, 120, 120} : Rgb8{225, 225, 225};
        for (std::int64_t y = 0; y < plot.height(); ++y) paint(plot, half_width + degrees * per_degree, y, line);
        for (std::int64_t x = 0; x < plot.width(); ++x) paint(plot, x, half_height - degrees * per_degree, line);
    }
    for (const auto& item : cameras) {
        const auto [yaw, pitch] = angles(item.camera);
        const auto x = half_width + std::llround(yaw * per_degree), y = half_height - std::llround(pitch * per_degree);
        for (std::int64_t i = -1; i <= 1; ++i)
            for (std::int64_t j = -1; j <= 1; ++j) paint(plot, x + i, y + j, {200, 60, 30});
    }
    return plot;
}

/// Pictures spread evenly over the set, on a square sheet as far as they go.
Image contact_sheet(const io::FileTree& tree, const std::vector<std::string>& names, std::int64_t wanted) {
    const auto shown = std::min<std::int64_t>(wanted, static_cast<std::int64_t>(names.size()));
    const auto columns = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(shown))));
    const auto rows = (shown + columns - 1) / columns;
    Image sheet;
    for (std::int64_t k = 0; k < shown; ++k) {
        const auto& name = names[static_cast<std::size_t>(k * static_cast<std::int64_t>(names.size()) / shown)];
        const auto bytes = tree.read(name, std::uint64_t{64} << 20);
        const Image image = converted(io::decode_image(bytes, name, {.channels = io::Channels::rgb}).image, srgb8);
        if (sheet.empty()) sheet = blank_sheet(columns * image.width(), rows * image.height());
        const auto tile_w = sheet.width() / columns, tile_h = sheet.height() / rows;
        if (image.width() != tile_w || image.height() != tile_h)
            throw Error(Errc::bad_file, fmt::format("{}: expected a picture of {} x {}, got {} x {}", name, tile_w,
                                                    tile_h, image.width(), image.height()));
        paste(sheet, image, (k % columns) * tile_w, (k / columns) * tile_h);
    }
    return sheet;
}

/// How often each class covers a pixel in all of a set's truth; empty when there is none.
std::optional<std::array<std::uint64_t, label_count>> class_counts(const fs::path& truth, const Context& context) {
    std::error_code ignored;
    if (!fs::is_directory(truth, ignored)) return std::nullopt;
    std::array<std::uint64_t, label_count> counts{};
    const auto tree = io::FileTree::open(truth);
    std::int64_t done = 0;
    for (const std::string& name : tree->names()) {
        context.report("truth", done++, static_cast<std::int64_t>(tree->names().size()));
        if (!name.ends_with(".npz")) continue;
        const StateDict facts = io::read_npz(truth / name);
        for (const std::byte id : read_bytes(facts.at("labels"))) {
            if (std::to_integer<std::size_t>(id) >= label_count)
                throw Error(Errc::bad_file, (truth / name).string() + ": expected labels below 21, got " +
                                                std::to_string(std::to_integer<int>(id)));
            ++counts[std::to_integer<std::size_t>(id)];
        }
    }
    return counts;
}

bool is_picture(std::string_view name) {
    static constexpr std::array endings{".png", ".jpg", ".jpeg", ".webp"};
    return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

class Dataset final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo dataset synth heads.zip --heads 20000",
                      "makes 20 000 procedural heads as a data set for training");
        table.example("cameo dataset synth heads --heads 100 --views 8 --size 128",
                      "eight views of each of a hundred heads, as a folder");
        table.example("cameo dataset show heads", "draws a contact sheet and the cameras, and counts the classes");
        table.argument("ACTION", action_,
                       {.help = "synth makes a data set of procedural heads, show draws what is in one",
                        .choices = {"synth", "show"}});
        table.argument(
            "PATH", path_,
            {.help = "a folder, or an archive that ends in .zip", .completes = Completes::file, .endings = {"zip"}});
        table.option("heads", heads_, {.value = "N", .help = "synth: how many identities"});
        table.option("views", views_, {.value = "N", .help = "synth: how many pictures of each"});
        table.option("size", size_, {.value = "N", .help = "synth: side of the pictures in pixels"});
        table.option("first", first_,
                     {.value = "SEED", .help = "synth: seed of the first identity; the next has the next one"});
        table.option("pose-seed", pose_seed_, {.value = "SEED", .help = "synth: seed of the cameras"});
        table.option("yaw", yaw_, {.value = "DEG", .help = "synth: standard deviation of the cameras' yaw"});
        table.option("pitch", pitch_, {.value = "DEG", .help = "synth: standard deviation of the cameras' pitch"});
        table.option("background", background_,
                     {.value = "COLOUR", .help = "synth: white, grey, black or six hexadecimal digits"});
        table.option("samples", samples_,
                     {.value = "N", .help = "synth: this many samples squared for each pixel on an edge"});
        table.option("accessories", accessories_,
                     {.value = "NAME",
                      .help = "synth: what every head wears; may be repeated",
                      .choices = {"glasses", "hat", "face-mask", "hand"}});
        table.flag("truth", truth_,
                   {.help = "synth: depth, normals, labels and landmarks beside the pictures (the default)"});
        table.flag("for-tests", for_tests_, {.help = "synth: identities that are kept for tests, from seed 900000 on"});
        table.option("count", count_, {.value = "N", .help = "show: how many pictures on the sheet"});
        table.option("output", output_,
                     {.value = "NAME",
                      .help = "show: writes NAME-sheet.png and NAME-poses.png; left out, beside PATH",
                      .letter = 'o',
                      .completes = Completes::file});
        table.flag("force", force_, {.help = "show: replace these files if they are there", .letter = 'f'});
    }

    void run(Terminal& terminal) override {
        if (action_ == "synth") return synth(terminal);
        if (action_ == "show") return show(terminal);
        throw UsageError("ACTION: expected synth or show, got " + action_);
    }

  private:
    void synth(Terminal& terminal) const {
        synth::HeadSetOptions options;
        const auto seed = [](std::int64_t value, std::string_view name, std::int64_t most) {
            if (value < 0 || value > most)
                throw UsageError(fmt::format("--{}: expected 0 to {}, got {}", name, most, value));
            return value;
        };
        options.first_identity = static_cast<std::uint32_t>(
            seed(first_.value_or(for_tests_ ? synth::first_test_seed : 0), "first", 0xFFFFFFFFLL));
        options.pose_seed = static_cast<std::uint64_t>(seed(pose_seed_, "pose-seed", std::int64_t{1} << 62));
        options.identities = heads_;
        options.views_per_identity = views_;
        options.poses.yaw_deviation = yaw_;
        options.poses.pitch_deviation = pitch_;
        options.view = {.size = size_,
                        .background = parse_colour(background_),
                        .samples = static_cast<int>(std::clamp<std::int64_t>(samples_, -1, 99))};
        for (const std::string& name : accessories_) {
            if (name == "glasses")
                options.accessories.glasses = true;
            else if (name == "hat")
                options.accessories.hat = true;
            else if (name == "face-mask")
                options.accessories.face_mask = true;
            else if (name == "hand")
                options.accessories.hand = true;
            else
                throw UsageError("--accessories: expected glasses, hat, face-mask or hand, got " + name);
        }
        options.for_tests = for_tests_;
        options.cache_bytes = 0;  // every item is made once
        const synth::HeadSet set(options);
        const auto report = write_head_files(set, path_, truth_, terminal.context());
        terminal.end_progress();
        auto text = fmt::format("made {}: {} pictures", report.images.string(),
                                count_text(static_cast<std::uint64_t>(set.size())));
        if (report.found > 0)
            text += fmt::format(", {} of them by an earlier run", count_text(static_cast<std::uint64_t>(report.found)));
        if (!report.truth.empty()) text += fmt::format("\n  truth in {}", report.truth.string());
        terminal.result({{"output", report.images.string()},
                         {"truth", report.truth.string()},
                         {"pictures", set.size()},
                         {"made", report.made},
                         {"found", report.found}},
                        text + "\n");
    }

    void show(Terminal& terminal) const {
        const auto tree = io::FileTree::open(path_);
        std::vector<std::string> pictures;
        for (const std::string& name : tree->names())
            if (is_picture(name)) pictures.push_back(name);
        if (pictures.empty()) throw Error(Errc::bad_file, path_.string() + ": expected pictures, found none");
        if (count_ < 1 || count_ > 4096) throw UsageError(fmt::format("--count: expected 1 to 4096, got {}", count_));
        std::vector<io::NamedCamera> cameras;
        if (tree->contains("dataset.json")) {
            const auto bytes = tree->read("dataset.json", std::uint64_t{256} << 20);
            cameras = io::parse_cameras({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "dataset.json");
        }
        auto stem = path_;
        if (stem.extension() == ".zip") stem.replace_extension();
        const auto beside = [&](const fs::path& base, std::string_view ending) {
            auto path = base;
            path += ending;
            return path;
        };
        const auto base = output_.value_or(stem);
        const io::ImageWriteOptions writing{.overwrite = force_ ? io::Overwrite::yes : io::Overwrite::no};
        const auto sheet = beside(base, "-sheet.png"), poses = beside(base, "-poses.png");
        io::write_image(sheet, contact_sheet(*tree, pictures, count_), writing);
        if (!cameras.empty()) io::write_image(poses, pose_plot(cameras), writing);
        const auto counts = class_counts(beside(stem, "-truth"), terminal.context());
        terminal.end_progress();

        Json record{{"input", path_.string()},
                    {"pictures", pictures.size()},
                    {"cameras", cameras.size()},
                    {"sheet", sheet.string()}};
        auto text = fmt::format("{}: {} pictures, {} cameras\n  sheet     {}\n", path_.string(),
                                count_text(pictures.size()), count_text(cameras.size()), sheet.string());
        if (!cameras.empty()) {
            record["poses"] = poses.string();
            text += fmt::format("  cameras   {}\n", poses.string());
            std::array<double, 2> sum{}, squares{};
            for (const auto& item : cameras)
                for (std::size_t k = 0; k < 2; ++k) {
                    const double a = angles(item.camera)[k];
                    sum[k] += a;
                    squares[k] += a * a;
                }
            const auto n = static_cast<double>(cameras.size());
            for (std::size_t k = 0; k < 2; ++k) {
                const double mean = sum[k] / n, deviation = std::sqrt(std::max(squares[k] / n - mean * mean, 0.0));
                record[k == 0 ? "yaw" : "pitch"] = {{"mean", mean}, {"deviation", deviation}};
                text += fmt::format("  {:<10}{:.1f} degrees on average, deviation {:.1f}\n", k == 0 ? "yaw" : "pitch",
                                    mean, deviation);
            }
        }
        if (counts) {
            std::uint64_t all = 0;
            for (const auto count : *counts) all += count;
            text += "  share of the pixels:\n";
            for (const LabelInfo& row : label_table()) {
                const auto count = (*counts)[static_cast<std::size_t>(row.label)];
                if (count == 0) continue;
                const double share = static_cast<double>(count) / static_cast<double>(all);
                record["classes"][std::string(row.name)] = share;
                text += fmt::format("    {:<12}{:6.2f} %\n", row.name, 100 * share);
            }
        }
        terminal.answer(record, text);
    }

    std::string action_;
    fs::path path_;
    std::int64_t heads_ = 1000, views_ = 1, size_ = 64, pose_seed_ = 0, samples_ = 3, count_ = 64;
    std::optional<std::int64_t> first_;
    double yaw_ = synth::HeadPoses{}.yaw_deviation, pitch_ = synth::HeadPoses{}.pitch_deviation;
    std::string background_ = "white";
    std::vector<std::string> accessories_;
    bool truth_ = true, for_tests_ = false, force_ = false;
    std::optional<fs::path> output_;
};

}  // namespace

constinit const Verb dataset = verb<Dataset>("dataset", "makes data sets of procedural heads, and shows any");

}  // namespace cameo::apps
