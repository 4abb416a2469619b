// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/head_scores.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/pipeline/paired_heads.hpp>
#include <cameo/train/paired.hpp>

#include "pipeline/heads_as_tensors.hpp"

namespace cameo {

std::vector<HeadScore> score_heads(const Eg3d& generator, const HeadScoreOptions& options, const Context& context) {
    detail::check_draws_heads(generator);
    PairedHeadsOptions data{.picture_interval = 1};
    data.heads =
        detail::heads_for_tests(0, options.heads, options.poses,
                                {.size = generator.config().image_resolution, .samples = options.antialiasing});
    data.points = {.near = 1, .free = 0};
    const PairedHeads heads(data);
    StreamSource<CounterRandom> none;
    std::vector<HeadScore> result;
    for (std::int64_t i = 0; i < options.heads; ++i) {
        context.report("heads", i, options.heads);
        const auto batch = heads.batch(i, 1);
        HeadScore score;
        std::copy_n(batch.z.const_data_ptr<float>(), score.numbers.values.size(), score.numbers.values.begin());
        const auto* const label = batch.labels.const_data_ptr<float>();
        score.yaw = std::atan2(label[3], label[11]) * 180 / std::numbers::pi;
        score.scores = paired_scores(generator, batch, none);
        result.push_back(score);
    }
    context.report("heads", options.heads, options.heads);
    return result;
}

losses::PortraitScores mean_of(const std::vector<HeadScore>& scores) {
    if (scores.empty()) throw Error(Errc::invalid_argument, "scores: expected at least one head's, got none");
    losses::PortraitScores mean;
    const auto add = [&](double losses::PortraitScores::*value) {
        for (const auto& each : scores) mean.*value += each.scores.*value / static_cast<double>(scores.size());
    };
    for (const auto value :
         {&losses::PortraitScores::psnr, &losses::PortraitScores::head_psnr, &losses::PortraitScores::depth_error,
          &losses::PortraitScores::weighted_depth_error, &losses::PortraitScores::mask_iou})
        add(value);
    return mean;
}

}  // namespace cameo
