// SPDX-License-Identifier: Apache-2.0
#include <cameo/pipeline/adversarial_heads.hpp>

#include <ATen/ATen.h>

#include <cameo/core/counter_random.hpp>

#include "pipeline/heads_as_tensors.hpp"

namespace cameo {
namespace {

constexpr std::int64_t parts = 4;  // of a step, each with cameras of its own

}  // namespace

AdversarialHeads::AdversarialHeads(const AdversarialHeadsOptions& options)
    : options_(options), heads_(std::make_shared<const synth::HeadSet>(options.heads)) {}

AdversarialBatch AdversarialHeads::batch(std::int64_t first, std::int64_t count, std::int64_t stride) const {
    detail::check_items(first, count, stride);
    const auto side = options_.heads.view.size, image_size = 3 * side * side,
               label_size = static_cast<std::int64_t>(camera_label_size);
    AdversarialBatch batch{at::empty({count, 3, side, side}, at::kFloat), at::empty({count, label_size}, at::kFloat),
                           at::empty({parts * count, label_size}, at::kFloat)};
    auto *const image = batch.image.data_ptr<float>(), *const labels = batch.labels.data_ptr<float>(),
                *const generated = batch.generated_labels.data_ptr<float>();
    // One after the other: each picture uses all threads.
    for (std::int64_t i = 0; i < count; ++i) {
        const auto item = first + i * stride, in_set = item % heads_->size();
        detail::write_image(*heads_->view(in_set), image + i * image_size);
        detail::write_label(heads_->camera(in_set), labels + i * label_size);
        CounterRandom random(options_.label_seed, static_cast<std::uint64_t>(item));
        for (std::int64_t part = 0; part < parts; ++part)
            detail::write_label(synth::random_camera(options_.heads.poses, random),
                                generated + (part * count + i) * label_size);
    }
    return batch;
}

RunOptions AdversarialHeads::options() const {
    auto options = detail::options_of(options_.heads);
    options["label_seed"] = std::to_string(options_.label_seed);
    return options;
}

}  // namespace cameo
