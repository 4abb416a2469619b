// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <cameo/io/convert.hpp>
#include <cameo/io/digest.hpp>
#include <nlohmann/json.hpp>

#include "verbs.hpp"

namespace cameo::apps {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// What people ask of a model first; --json has all of it.
constexpr std::array<std::string_view, 7> told_of_rendering{
    "image_resolution", "ray_start", "ray_end", "box_warp", "depth_resolution", "depth_resolution_importance",
    "white_back"};

/// Beside the mapped file, whatever its size.
constexpr std::uint64_t memory_needed = std::uint64_t{16} << 20;

/// A guess: every byte of the source and of the tensors is hashed once, and the disk is taken to keep up.
std::chrono::duration<double> time_for(std::uint64_t bytes) {
    const std::vector<std::byte> sample(std::size_t{4} << 20);
    const auto start = std::chrono::steady_clock::now();
    io::Sha256 sha;
    sha.update(sample);
    (void)sha.finish();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    return taken * (static_cast<double>(bytes) / static_cast<double>(sample.size()));
}

class Convert final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo convert ffhq512-128.pkl",
                      "reads the checkpoint and writes ffhq512-128.safetensors beside it");
        table.example("cameo convert network.pkl models/head.safetensors --licence CC-BY-NC-4.0",
                      "chooses the name and notes the licence of the weights");
        table.example("cameo convert network.pkl --dry-run", "says what is in the file and what would be written");
        table.argument(
            "INPUT", input_,
            {.help = "the checkpoint: .pkl, .pt, .pth, .npy or .safetensors; told by its content, and nothing "
                     "in it is executed",
             .completes = Completes::file,
             .endings = {"pkl", "pt", "pth", "npy", "safetensors"}});
        table.argument("OUTPUT", output_,
                       {.help = "the file to write; left out, the input's name with .safetensors",
                        .completes = Completes::file,
                        .endings = {"safetensors"}});
        table.option("keep", options_.networks,
                     {.value = "NAME", .help = "keep this network; left out, G_ema and the discriminator are kept"});
        table.flag("keep-all", options_.keep_all,
                   {.help = "keep everything: the training generator and optimisers too"});
        table.option("licence", options_.licence,
                     {.value = "TEXT",
                      .help = "the licence of the weights, noted in the file; left out, what the checkpoint says",
                      .aliases = {"license"}});
        table.flag("allow-missing", options_.allow_missing,
                   {.help = "go on when a network is missing, and note that in the file"});
        table.flag("force", force_, {.help = "replace OUTPUT if it is there", .letter = 'f'});
        table.flag("dry-run", dry_run_, {.help = "write nothing; say what would be made", .letter = 'n'});
    }

    void run(Terminal& terminal) override {
        const auto output = output_.value_or(fs::path(input_).replace_extension(".safetensors"));
        check_output(output);
        options_.overwrite = force_ ? io::Overwrite::yes : io::Overwrite::no;
        const auto report = dry_run_
                                ? io::plan_conversion(input_, options_)
                                : io::convert(input_, output, options_, terminal.context(ProgressBar::Unit::bytes));
        terminal.end_progress();
        const auto record = record_of(report, output);
        terminal.result(record, text_of(record, report));
        for (const auto& warning : report.warnings) terminal.warning(warning);
    }

  private:
    /// Says at once what would otherwise turn up after minutes of work.
    void check_output(const fs::path& output) const {
        std::error_code ignored;
        if (fs::equivalent(input_, output, ignored))
            throw UsageError(fmt::format("INPUT and OUTPUT are the same file: {}", output.string()));
        if (!force_ && fs::exists(fs::symlink_status(output, ignored)))
            throw Error(Errc::io_failure, output.string() + ": there is a file of that name; --force replaces it");
        if (const auto folder = output.parent_path(); !folder.empty() && !fs::is_directory(folder, ignored))
            throw Error(Errc::io_failure, folder.string() + ": there is no such folder");
    }

    [[nodiscard]] Json record_of(const io::ConvertReport& report, const fs::path& output) const {
        const auto description = Json::parse(report.description);
        Json dtypes = Json::array();
        for (const auto& row : report.dtypes)
            dtypes.push_back({{"dtype", name_of(row.dtype)}, {"tensors", row.tensors}, {"bytes", row.bytes}});
        Json networks = Json::object();
        for (const auto& [name, network] : description.at("networks").items())
            networks[name] = {{"class", network.value("class_name", Json())},
                              {"rendering", network.value("rendering", Json())}};
        Json record{{"input", input_.string()},
                    {"output", output.string()},
                    {"dry_run", dry_run_},
                    {"format", io::name_of(report.format)},
                    {"architecture", description.at("architecture")},
                    {"licence", description.at("licence")},
                    {"tensors", report.tensors},
                    {"bytes", report.bytes},
                    {"dtypes", dtypes},
                    {"networks", networks},
                    {"dropped", report.dropped},
                    {"warnings", report.warnings}};
        if (dry_run_) {
            std::error_code ignored;
            record["memory"] = memory_needed;
            record["seconds"] = time_for(fs::file_size(input_, ignored) + report.bytes).count();
        } else {
            record["source_sha256"] = report.source_digest;
            record["digest"] = report.digest;
        }
        return record;
    }

    [[nodiscard]] std::string text_of(const Json& record, const io::ConvertReport& report) const {
        auto text = fmt::format("{} {}\n", dry_run_ ? "would make" : "made", record.at("output").get<std::string>());
        const auto line = [&](std::string_view name, const std::string& value) {
            text += fmt::format("  {:<14}{}\n", name, wrapped(value, 16));
        };
        line("from",
             fmt::format("{} ({})", record.at("input").get<std::string>(), record.at("format").get<std::string>()));
        line("architecture", record.at("architecture").get<std::string>());
        std::vector<std::string> types;
        for (const auto& row : report.dtypes)
            types.push_back(fmt::format("{} {}", count_text(row.tensors), name_of(row.dtype)));
        line("tensors",
             fmt::format("{}, {} ({})", count_text(report.tensors), memory_text(report.bytes), fmt::join(types, ", ")));
        for (const auto& [name, network] : record.at("networks").items()) {
            line("network", fmt::format("{}, {}", name,
                                        network.at("class").is_string() ? network.at("class").get<std::string>()
                                                                        : "a bare state dict"));
            std::vector<std::string> facts;
            if (const auto& rendering = network.at("rendering"); rendering.is_object())
                for (const auto key : told_of_rendering)
                    if (const auto value = rendering.find(key); value != rendering.end())
                        facts.push_back(fmt::format("{} {}", key, value->dump()));
            if (!facts.empty()) line("rendering", fmt::format("{}", fmt::join(facts, ", ")));
        }
        if (!report.dropped.empty()) line("left out", fmt::format("{}", fmt::join(report.dropped, ", ")));
        line("licence", record.at("licence").get<std::string>());
        if (dry_run_) {
            line("memory", "about " + memory_text(memory_needed));
            line("time", "about " + duration_text(std::chrono::duration<double>(record.at("seconds").get<double>())));
        } else {
            line("digest", report.digest);
        }
        return text;
    }

    fs::path input_;
    std::optional<fs::path> output_;
    io::ConvertOptions options_;
    bool force_ = false, dry_run_ = false;
};

}  // namespace

constinit const Verb convert = verb<Convert>("convert", "turns a checkpoint into a safe file that cameo can load");

}  // namespace cameo::apps
