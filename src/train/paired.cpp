// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/paired.hpp>

#include <algorithm>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>

namespace cameo {

PairedBatch PairedBatch::to(const at::Device& device) const {
    const auto moved = [&](const at::Tensor& tensor) { return tensor.to(device); };
    return {
        moved(z),      moved(labels), moved(points),   moved(distance),
        moved(colour), moved(known),  moved(pictured), {moved(truth.image), moved(truth.opacity), moved(truth.depth)}};
}

void scale_density(Eg3d& model, double factor) {
    const c10::NoGradGuard no_grad;
    const auto parameters = model.parameters();
    for (const std::string name : {"decoder.net.2.weight", "decoder.net.2.bias"}) {
        const auto found = std::ranges::find(parameters, name, &NamedTensor::name);
        if (found == parameters.end())
            throw Error(Errc::model_mismatch, "model: expected a parameter '" + name + "', found none");
        found->tensor.narrow(0, 0, 1).mul_(factor);
    }
}

namespace detail {

RunOptions options_of(const PairedOptions& options) {
    return {{"adam.learning_rate", option_text(options.adam.learning_rate)},
            {"adam.beta1", option_text(options.adam.beta1)},
            {"adam.beta2", option_text(options.adam.beta2)},
            {"adam.epsilon", option_text(options.adam.epsilon)},
            {"surface.width", option_text(options.surface.width)},
            {"surface.scale", option_text(options.surface.scale)},
            {"density", option_text(options.density)},
            {"colour", option_text(options.colour)},
            {"image", option_text(options.image)},
            {"image_raw", option_text(options.image_raw)},
            {"depth", option_text(options.depth)},
            {"mask", option_text(options.mask)}};
}

PairedShares shares_of(const PairedBatch& batch, const Shard& shard) {
    if (!shard.average) return {};
    const auto pictures = static_cast<double>(batch.pictured.numel());
    const auto own =
        at::stack({batch.known.sum().to(at::kDouble), at::full({}, pictures, batch.known.options()).to(at::kDouble)});
    const auto mean = own.clone();
    shard.average(mean);
    const auto shares = own.div(mean.clamp_min(1e-30)).to(batch.known.scalar_type());
    return {shares[0], shares[1], pictures == 0 && mean[1].item<double>() > 0};
}

ItemRandom of_pictures(const PairedBatch& batch, const Shard& shard, RandomSource& random) {
    const auto rows = batch.pictured.to(at::kCPU).contiguous();
    std::vector<std::int64_t> items;
    for (std::int64_t i = 0; i < rows.numel(); ++i) items.push_back(shard.item(rows.const_data_ptr<std::int64_t>()[i]));
    return {shared_seed(random), items};
}

}  // namespace detail
}  // namespace cameo
