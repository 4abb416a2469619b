// SPDX-License-Identifier: Apache-2.0
#include "bench/work.hpp"

namespace cameo::apps::bench {
namespace {

constexpr double taps = 16.0;  // of the networks' filter, in two dimensions

double squared(std::int64_t side) { return static_cast<double>(side) * static_cast<double>(side); }

/// A block of a synthesis network: up to two convolutions, the colours, and the enlarged picture.
double block_flop(std::int64_t inputs, std::int64_t outputs, std::int64_t side, std::int64_t colours, bool up) {
    double flop = convolution_flop(outputs, outputs, 3, side) + convolution_flop(outputs, colours, 1, side);
    if (inputs == 0) return flop;
    if (!up) return flop + convolution_flop(inputs, outputs, 3, side);
    return flop + doubling_flop(inputs, outputs, side / 2) + 2.0 * taps * static_cast<double>(colours) * squared(side);
}

}  // namespace

double convolution_flop(std::int64_t inputs, std::int64_t outputs, std::int64_t k, std::int64_t side) {
    return 2.0 * squared(k) * static_cast<double>(inputs) * static_cast<double>(outputs) * squared(side);
}

double doubling_flop(std::int64_t inputs, std::int64_t outputs, std::int64_t side) {
    return convolution_flop(inputs, outputs, 3, side) + 2.0 * taps * static_cast<double>(outputs) * squared(2 * side);
}

double mapping_flop(const Eg3dConfig& config) {
    double flop = convolution_flop(config.c_dim, config.w_dim, 1, 1);
    auto inputs = config.z_dim + (config.c_dim > 0 ? config.w_dim : 0);
    for (std::int64_t i = 0; i < config.mapping_layers; ++i) {
        flop += convolution_flop(inputs, config.w_dim, 1, 1);
        inputs = config.w_dim;
    }
    return flop;
}

double backbone_flop(const Eg3dConfig& config) {
    double flop = 0.0;
    for (std::int64_t side = 4; side <= config.plane_resolution; side *= 2)
        flop += block_flop(side == 4 ? 0 : config.channels(side / 2), config.channels(side), side,
                           3 * config.plane_channels, true);
    return flop;
}

double upsampler_flop(const Eg3dConfig& config) {
    double flop = 0.0;
    auto inputs = config.feature_channels, side = config.upsampler.input_resolution;
    for (const auto& block : config.upsampler.blocks) {
        side *= block.up ? 2 : 1;
        flop += block_flop(inputs, block.channels, side, config.image_channels, block.up);
        inputs = block.channels;
    }
    return flop;
}

double sample_flop(const Eg3dConfig& config) {
    constexpr std::int64_t planes = 3, corners = 4;
    return 2.0 * static_cast<double>(planes * corners * config.plane_channels +
                                     config.plane_channels * config.decoder_hidden +
                                     config.decoder_hidden * (config.feature_channels + 1));
}

double picture_samples(const Eg3dConfig& config) {
    return squared(config.raw_resolution) * static_cast<double>(config.samples + config.fine_samples);
}

}  // namespace cameo::apps::bench
