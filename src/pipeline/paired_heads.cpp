// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/paired_heads.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/parallel.hpp>

#include "pipeline/heads_as_tensors.hpp"

namespace cameo {

PairedHeads::PairedHeads(const PairedHeadsOptions& options)
    : options_(options), heads_(std::make_shared<const synth::HeadSet>(options.heads)) {
    if (options_.points.near + options_.points.free < 1)
        throw Error(Errc::invalid_argument, "points of a head: expected at least 1, got 0");
    if (options_.picture_interval < 1)
        throw Error(Errc::invalid_argument,
                    "picture interval: expected at least 1, got " + std::to_string(options_.picture_interval));
}

PairedBatch PairedHeads::batch(std::int64_t first, std::int64_t count, std::int64_t stride) const {
    detail::check_items(first, count, stride);
    const auto side = options_.heads.view.size, pixels = side * side;
    const auto points = options_.points.near + options_.points.free;
    std::vector<std::int64_t> pictured;
    for (std::int64_t i = 0; i < count; ++i)
        if ((first + i * stride) % options_.picture_interval == 0) pictured.push_back(i);
    const auto pictures = static_cast<std::int64_t>(pictured.size());
    const auto make = [&](at::IntArrayRef shape) { return at::empty(shape, at::kFloat); };
    PairedBatch batch{
        make({count, static_cast<std::int64_t>(synth::number_count)}),
        make({count, static_cast<std::int64_t>(camera_label_size)}),
        make({count, points, 3}),
        make({count, points, 1}),
        make({count, points, 3}),
        make({count, points, 1}),
        at::tensor(pictured, at::kLong),
        {make({pictures, 3, side, side}), make({pictures, 1, side, side}), make({pictures, 1, side, side})}};
    struct Rows {  // plain pointers: tensors are not touched on other threads
        float *z, *label, *image, *opacity, *depth, *point, *distance, *colour, *known;
    };
    const auto data = [](const at::Tensor& tensor) { return tensor.data_ptr<float>(); };
    const Rows rows{data(batch.z),           data(batch.labels), data(batch.truth.image), data(batch.truth.opacity),
                    data(batch.truth.depth), data(batch.points), data(batch.distance),    data(batch.colour),
                    data(batch.known)};

    const auto write_picture = [&](std::int64_t i, const synth::HeadView& view) {
        detail::write_image(view, rows.image + 3 * i * pixels);
        std::ranges::copy(view.opacity.values<float>(), rows.opacity + i * pixels);
        std::ranges::copy(view.depth.values<float>(), rows.depth + i * pixels);
    };
    parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) {
            const auto item = first + i * stride, in_set = item % heads_->size();
            const auto head = heads_->head(in_set);
            std::ranges::copy(head.numbers().values, rows.z + i * static_cast<std::int64_t>(synth::number_count));
            detail::write_label(heads_->camera(in_set), rows.label + i * static_cast<std::int64_t>(camera_label_size));
            CounterRandom random(options_.point_seed, static_cast<std::uint64_t>(item));
            const auto samples = synth::field_samples(head, options_.points, random);
            for (std::int64_t k = 0; k < points; ++k) {
                const auto& sample = samples[static_cast<std::size_t>(k)];
                const auto at = i * points + k;
                std::ranges::copy(sample.point, rows.point + 3 * at);
                std::ranges::copy(sample.colour, rows.colour + 3 * at);
                rows.distance[at] = sample.distance;
                rows.known[at] = sample.coloured ? 1.0F : 0.0F;
            }
        }
    });
    // One after the other: each uses all threads.
    for (std::int64_t i = 0; i < pictures; ++i)
        write_picture(i, *heads_->view((first + pictured[static_cast<std::size_t>(i)] * stride) % heads_->size()));
    return batch;
}

RunOptions PairedHeads::options() const {
    const auto& points = options_.points;
    auto options = detail::options_of(options_.heads);
    options.merge(RunOptions{{"picture_interval", std::to_string(options_.picture_interval)},
                             {"points.near", std::to_string(points.near)},
                             {"points.free", std::to_string(points.free)},
                             {"points.spread", option_text(points.spread)},
                             {"points.cube_side", option_text(points.cube_side)},
                             {"points.footprint", option_text(points.footprint)},
                             {"points.at_landmarks", option_text(points.at_landmarks)},
                             {"points.landmark_spread", option_text(points.landmark_spread)},
                             {"points.yaw_deviation", option_text(points.poses.yaw_deviation)},
                             {"points.yaw_limit", option_text(points.poses.yaw_limit)},
                             {"points.pitch_deviation", option_text(points.poses.pitch_deviation)},
                             {"points.pitch_limit", option_text(points.poses.pitch_limit)},
                             {"points.seed", std::to_string(options_.point_seed)}});
    return options;
}

}  // namespace cameo
