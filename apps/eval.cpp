// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <cameo/core/error.hpp>
#include <cameo/pipeline/head_distances.hpp>
#include <cameo/pipeline/head_scores.hpp>
#include <nlohmann/json.hpp>

#include "model_file.hpp"
#include "verbs.hpp"

namespace cameo::apps {
namespace {

using Json = nlohmann::ordered_json;

/// Heads that are alike in what decides how hard they are.
struct Group {
    std::string name;
    std::vector<HeadScore> heads;
};

/// Cuts of a value, and what lies between them; as many names as cuts and one more.
template <class Value>
std::vector<Group> grouped(const std::vector<HeadScore>& heads, const std::vector<double>& cuts,
                           const std::vector<std::string>& names, const Value& value) {
    std::vector<Group> groups;
    for (const auto& name : names) groups.push_back({name, {}});
    for (const auto& head : heads) {
        std::size_t at = 0;
        while (at < cuts.size() && value(head) >= cuts[at]) ++at;
        groups[at].heads.push_back(head);
    }
    std::erase_if(groups, [](const Group& group) { return group.heads.empty(); });
    return groups;
}

std::vector<Group> by_yaw(const std::vector<HeadScore>& heads) {
    return grouped(heads, {10, 20, 30}, {"0 to 10 degrees", "10 to 20", "20 to 30", "30 to 40"},
                   [](const HeadScore& head) { return std::abs(head.yaw); });
}

std::vector<Group> by_skin_tone(const std::vector<HeadScore>& heads) {
    return grouped(heads, {-1.5, -0.5, 0.5, 1.5}, {"very light", "light", "medium", "dark", "deep"},
                   [](const HeadScore& head) { return head.numbers[synth::Number::skin_tone]; });
}

Json record_of(const std::vector<HeadScore>& heads) {
    const auto mean = mean_of(heads);
    return {{"heads", heads.size()},
            {"psnr_db", mean.psnr},
            {"head_psnr_db", mean.head_psnr},
            {"depth_error", mean.depth_error},
            {"mask_iou", mean.mask_iou}};
}

std::string line_of(const std::string& name, const Json& record) {
    return fmt::format("{:<28}{:>6}{:>9.2f}{:>11.2f}{:>13.4f}{:>10.4f}\n", name, record.at("heads").get<std::int64_t>(),
                       record.at("psnr_db").get<double>(), record.at("head_psnr_db").get<double>(),
                       record.at("depth_error").get<double>(), record.at("mask_iou").get<double>());
}

class Eval final : public Command {
  public:
    void declare(OptionTable& table) override {
        table.example("cameo eval", "scores the default model on 512 heads that its training never saw");
        table.example("cameo eval --network run/model.safetensors --heads 64", "scores one's own model, quickly");
        table.example("cameo eval --pictures 2048 --json", "also says how far its fresh heads are from real ones");
        model_.declare(table);
        table.option("heads", heads_, {.value = "N", .help = "how many heads to draw and compare; 0: none"});
        table.option("pictures", pictures_,
                     {.value = "N",
                      .help = "of fresh latents, and as many of heads twice, for sliced Wasserstein distances; left "
                              "out, none"});
    }

    void run(Terminal& terminal) override {
        check("--heads", heads_);
        check("--pictures", pictures_);
        if (heads_ == 0 && pictures_ == 0)
            throw UsageError("--heads 0: expected --pictures beside it, got nothing to do");
        const auto model = model_.load();
        const auto context = terminal.context();
        Json record{{"network", model.path.string()}, {"digest", model.digest}};
        auto text = model.words() + "\n";
        if (heads_ > 0) add_scores(record, text, score_heads(model.generator, {.heads = heads_}, context));
        if (pictures_ > 0)
            add_distances(record, text, head_distances(model.generator, {.pictures = pictures_}, context));
        terminal.end_progress();
        terminal.answer(record, text);
    }

  private:
    static void check(const std::string& option, std::int64_t count) {
        constexpr std::int64_t most = 50'000;
        if (count < 0 || count > most)
            throw UsageError(fmt::format("{}: expected 0 to {}, got {}", option, most, count));
    }

    static void add_scores(Json& record, std::string& text, const std::vector<HeadScore>& heads) {
        text += fmt::format("\n{:<28}{:>6}{:>9}{:>11}{:>13}{:>10}\n", "heads never trained on", "heads", "PSNR dB",
                            "over head", "depth error", "mask IoU");
        record["all"] = record_of(heads);
        text += line_of("all", record["all"]);
        for (const auto& [key, title, groups] :
             {std::tuple{"yaw", "seen from ", by_yaw(heads)}, {"skin_tone", "skin ", by_skin_tone(heads)}}) {
            record[key] = Json::array();
            for (const auto& group : groups) {
                auto entry = record_of(group.heads);
                text += line_of(title + group.name, entry);
                entry["group"] = group.name;
                record[key].push_back(entry);
            }
        }
    }

    static void add_distances(Json& record, std::string& text, const std::vector<HeadDistance>& levels) {
        text += fmt::format("\n{:<28}{:>10}{:>13}\n", "sliced Wasserstein x 1000", "generated", "other heads");
        record["distances"] = Json::array();
        for (const auto& level : levels) {
            text += fmt::format("{:<28}{:>10.1f}{:>13.1f}\n", fmt::format("level of {} pixels", level.side),
                                level.generated, level.truth);
            record["distances"].push_back(
                {{"side", level.side}, {"generated", level.generated}, {"other_heads", level.truth}});
        }
    }

    ModelOptions model_;
    std::int64_t heads_ = 512, pictures_ = 0;
};

}  // namespace

constinit const Verb eval = verb<Eval>("eval", "scores a generator of procedural heads on heads it never saw");

}  // namespace cameo::apps
