// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <cameo/core/error.hpp>

#include "bench/cases.hpp"
#include "bench/compare.hpp"
#include "bench/policies.hpp"
#include "machine.hpp"
#include "places.hpp"
#include "verbs.hpp"

namespace cameo::apps {
namespace {

namespace fs = std::filesystem;

/// "a,b" and several such: each of them once, in the order of the words.
std::vector<std::string> pieces_of(const std::vector<std::string>& texts) {
    std::vector<std::string> pieces;
    for (std::string_view text : texts)
        while (true) {
            const auto end = std::min(text.find(','), text.size());
            if (std::ranges::find(pieces, text.substr(0, end)) == pieces.end())
                pieces.emplace_back(text.substr(0, end));
            if (end == text.size()) break;
            text.remove_prefix(end + 1);
        }
    return pieces;
}

/// All of those names, or the usual ones; "all" are all.
std::vector<std::string> chosen(std::string_view option, const std::vector<std::string>& texts,
                                std::span<const std::string_view> known, std::vector<std::string> usual) {
    if (texts.empty()) return usual;
    const std::vector<std::string> all(known.begin(), known.end());
    auto pieces = pieces_of(texts);
    if (pieces == std::vector<std::string>{"all"}) return all;
    for (const auto& piece : pieces)
        if (std::ranges::find(all, piece) == all.end())
            throw UsageError(fmt::format("{}: expected all, or some of {}, got \"{}\"{}", option, fmt::join(all, ", "),
                                         piece, suggestion(piece, all)));
    return pieces;
}

template <class T>
std::vector<T> integers(std::string_view option, const std::vector<std::string>& texts, std::int64_t most,
                        std::vector<T> usual) {
    if (texts.empty()) return usual;
    std::vector<T> values;
    for (const auto& piece : pieces_of(texts)) {
        const auto value = with_name(option, [&] { return parse_integer(piece); });
        if (value < 1 || value > most)
            throw UsageError(fmt::format("{}: expected 1 to {}, got {}", option, most, value));
        values.push_back(static_cast<T>(value));
    }
    return values;
}

class Bench final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo bench compare", "times EG3D in full size against LibTorch's own operations");
        table.example("cameo bench compare --cases all --json > all.jsonl", "every case, as JSON, one object a line");
        table.example("cameo bench compare --cases frame,cached --peer 'python3 eg3d_peer.py'",
                      "another program takes turns with them; docs/bench.md says what it is asked");
        table.example("cameo bench policies --plot policies.svg",
                      "milliseconds against PSNR of each way to render, as a table and a plot");
        table.argument("ACTION", action_,
                       {.help = "compare times cameo against the reference policy, policies the ways to render",
                        .choices = {"compare", "policies"}});
        table.option("cases", cases_,
                     {.value = "LIST",
                      .help = fmt::format("compare: all, or some of {}; left out, {}",
                                          fmt::join(bench::case_names(), ", "), fmt::join(usual_cases(), ", "))});
        table.option("policies", policies_,
                     {.value = "LIST",
                      .help = fmt::format("policies: all (the default), or some of {}",
                                          fmt::join(bench::policy_names(), ", "))});
        table.option(
            "scenes", scenes_,
            {.value = "LIST",
             .help = "policies: some of spheres (a closed form), ellipsoid (in planes) and model; left out, all"});
        table.option(
            "network", network_,
            {.value = "FILE",
             .help = "the model; left out, compare takes EG3D's FFHQ 512-128 in full size with random weights, "
                     "policies the model that came with cameo",
             .aliases = {"model"},
             .completes = Completes::file,
             .endings = {"safetensors"}});
        table.option(
            "training", training_,
            {.value = "FILE",
             .help = "compare: what train_step trains; left out, stage2.json beside the model that came with cameo",
             .completes = Completes::file,
             .endings = {"json"}});
        table.option("threads", threads_, {.value = "LIST", .help = "numbers of threads; left out, one a core"});
        table.option("batch", batches_, {.value = "LIST", .help = "compare: pictures a call; left out, 1"});
        table.option(
            "sizes", sides_,
            {.value = "LIST",
             .help = "policies: sides of the rendered picture in pixels; left out, the model's own and its half"});
        table.option("rounds", rounds_,
                     {.value = "N", .help = "turns of each candidate; fewer than 5 quiet ones give no ratio"});
        table.option("least-busy", least_busy_,
                     {.value = "SHARE",
                      .help = "of all threads that a candidate must keep busy, else the round does not count (0.93)"});
        table.flag("keep-noisy", keep_noisy_,
                   {.help = "count rounds in which the machine was disturbed, and any number"});
        table.option("peer", peer_,
                     {.value = "COMMAND", .help = "compare: another program to take turns with, started by the shell"});
        table.option("peer-limit", peer_limit_,
                     {.value = "TIME", .help = "compare: how long one answer of it may take"});
        table.option(
            "plot", plot_,
            {.value = "FILE", .help = "draws the table as SVG", .completes = Completes::file, .endings = {"svg"}});
        table.flag("force", force_, {.help = "replace the plot if it is there", .letter = 'f'});
    }

    void run(Terminal& terminal) override {
        if (rounds_ < 1 || rounds_ > 10'000)
            throw UsageError(fmt::format("--rounds: expected 1 to 10000, got {}", rounds_));
        if (!(least_busy_ >= 0.0 && least_busy_ <= 1.0))
            throw UsageError(fmt::format("--least-busy: expected 0 to 1, got {}", least_busy_));
        if (peer_limit_.span.count() < 1) throw UsageError("--peer-limit: expected more than 0");
        if (plot_ && plot_->extension() != ".svg")
            throw UsageError("--plot: expected a name that ends in .svg, got " + plot_->string());
        if (action_ == "compare") {
            if (!policies_.empty() || !scenes_.empty() || !sides_.empty())
                throw UsageError("--policies, --scenes and --sizes belong to `cameo bench policies`");
            return bench::compare(compare_options(), terminal);
        }
        if (!cases_.empty() || !batches_.empty() || peer_ || training_)
            throw UsageError("--cases, --batch, --peer and --training belong to `cameo bench compare`");
        bench::compare_policies(policies_options(), terminal);
    }

  private:
    static std::vector<std::string> usual_cases() { return {"frame", "raw", "conv3x3_256"}; }

    [[nodiscard]] std::vector<int> threads() const {
        return integers<int>("--threads", threads_, 1024, {look_at_machine().cores_usable});
    }

    [[nodiscard]] bench::CompareOptions compare_options() const {
        bench::CompareOptions options;
        options.cases = chosen("--cases", cases_, bench::case_names(), usual_cases());
        options.network = network_;
        options.threads = threads();
        options.batches = integers<std::int64_t>("--batch", batches_, 1024, {1});
        options.rounds = static_cast<std::size_t>(rounds_);
        options.least_busy = least_busy_;
        options.keep_noisy = keep_noisy_;
        options.peer = peer_;
        options.peer_limit = peer_limit_.span;
        options.plot = plot_;
        options.force = force_;
        options.training = training_;
        if (!training_ && std::ranges::find(options.cases, "train_step") != options.cases.end()) {
            std::error_code ignored;
            if (const auto model = default_model()) options.training = model->parent_path() / "stage2.json";
            if (!options.training || !fs::exists(*options.training, ignored))
                throw UsageError("--training: expected a file for train_step, since none came with this cameo");
        }
        return options;
    }

    [[nodiscard]] bench::PoliciesOptions policies_options() const {
        bench::PoliciesOptions options;
        options.network = network_ ? network_ : default_model();
        options.scenes = chosen("--scenes", scenes_, bench::scene_names(),
                                options.network ? std::vector<std::string>{"spheres", "ellipsoid", "model"}
                                                : std::vector<std::string>{"spheres", "ellipsoid"});
        if (!options.network && std::ranges::find(options.scenes, "model") != options.scenes.end())
            throw UsageError("--scenes: which model? Name one with --network FILE; none came with this cameo");
        const auto known = bench::policy_names();
        options.policies = chosen("--policies", policies_, known, {known.begin(), known.end()});
        options.sides = integers<std::int64_t>("--sizes", sides_, 4096, {});
        options.threads = threads();
        options.rounds = static_cast<std::size_t>(rounds_);
        options.least_busy = least_busy_;
        options.keep_noisy = keep_noisy_;
        options.plot = plot_;
        options.force = force_;
        return options;
    }

    std::string action_;
    std::vector<std::string> cases_, policies_, scenes_, threads_, batches_, sides_;
    std::optional<fs::path> network_, training_, plot_;
    std::optional<std::string> peer_;
    Duration peer_limit_{std::chrono::minutes(10)};
    std::int64_t rounds_ = 7;
    double least_busy_ = bench::RoundLimits{}.least_busy;
    bool keep_noisy_ = false, force_ = false;
};

}  // namespace

constinit const Verb bench_speed = verb<Bench>("bench", "times the model's parts against LibTorch's own operations");

}  // namespace cameo::apps
