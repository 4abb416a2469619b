// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/lpips.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "generate/tensor_supply.hpp"

namespace cameo::losses {
namespace {

/// A convolution and the ReLU behind it.
struct Layer {
    std::int64_t index, outputs, side, stride, padding;
    bool pools = false;      // maximum over what came before, then convolves
    bool is_tapped = false;  // its ReLU is looked at
};

constexpr std::array alexnet{
    Layer{0, 64, 11, 4, 2, false, true}, Layer{3, 192, 5, 1, 2, true, true},   Layer{6, 384, 3, 1, 1, true, true},
    Layer{8, 256, 3, 1, 1, false, true}, Layer{10, 256, 3, 1, 1, false, true},
};
constexpr std::array vgg16{
    Layer{0, 64, 3, 1, 1},
    Layer{2, 64, 3, 1, 1, false, true},
    Layer{5, 128, 3, 1, 1, true},
    Layer{7, 128, 3, 1, 1, false, true},
    Layer{10, 256, 3, 1, 1, true},
    Layer{12, 256, 3, 1, 1},
    Layer{14, 256, 3, 1, 1, false, true},
    Layer{17, 512, 3, 1, 1, true},
    Layer{19, 512, 3, 1, 1},
    Layer{21, 512, 3, 1, 1, false, true},
    Layer{24, 512, 3, 1, 1, true},
    Layer{26, 512, 3, 1, 1},
    Layer{28, 512, 3, 1, 1, false, true},
};

std::span<const Layer> layers_of(Lpips::Trunk trunk) {
    return trunk == Lpips::Trunk::alexnet ? std::span<const Layer>(alexnet) : std::span<const Layer>(vgg16);
}

at::Tensor scaled(const at::Tensor& picture) {
    const auto numbers = [&](std::array<double, 3> values) {
        return at::tensor(at::ArrayRef<double>(values), picture.options()).view({1, 3, 1, 1});
    };
    return (picture - numbers({-0.030, -0.088, -0.188})) / numbers({0.458, 0.448, 0.450});
}

}  // namespace

Lpips Lpips::load(Trunk trunk, const StateDict& features, const StateDict& heads, const at::Device& device) {
    Lpips result;
    result.trunk_ = trunk;
    FileSupply trunk_supply(features, "", device), head_supply(heads, "", device);
    std::int64_t inputs = 3, tap = 0;
    for (const auto& layer : layers_of(trunk)) {
        const auto name = "features." + std::to_string(layer.index);
        result.weights_.push_back(
            trunk_supply.parameter(name + ".weight", {layer.outputs, inputs, layer.side, layer.side}, {}));
        result.biases_.push_back(trunk_supply.parameter(name + ".bias", {layer.outputs}, {}));
        inputs = layer.outputs;
        if (!layer.is_tapped) continue;
        const auto head_name = "lin" + std::to_string(tap++) + ".model.1.weight";
        const auto head = head_supply.parameter(head_name, {1, layer.outputs, 1, 1}, {});
        if (head.lt(0).any().item<bool>())
            throw Error(Errc::bad_file, "tensor '" + head_name + "': expected no negative number, got one");
        result.heads_.push_back(head.sqrt());
    }
    return result;
}

std::vector<at::Tensor> Lpips::taps(const at::Tensor& picture) const {
    const auto shape = ShapeCheck().expect("picture", picture, "[N, 3, H, W]");
    if (std::min(shape["H"], shape["W"]) < 32)
        throw Error(Errc::invalid_argument, "picture: expected sides of at least 32 pixels, got " +
                                                std::to_string(std::min(shape["H"], shape["W"])));
    std::vector<at::Tensor> result;
    auto x = scaled(picture);
    std::size_t i = 0;
    for (const auto& layer : layers_of(trunk_)) {
        if (layer.pools) {
            const std::int64_t side = trunk_ == Trunk::alexnet ? 3 : 2;
            x = at::max_pool2d(x, {side, side}, {2, 2});
        }
        x = at::relu(at::conv2d(x, weights_[i].to(x.scalar_type()), biases_[i].to(x.scalar_type()),
                                {layer.stride, layer.stride}, {layer.padding, layer.padding}));
        ++i;
        if (layer.is_tapped) result.push_back(x);
    }
    return result;
}

std::vector<at::Tensor> Lpips::embedding(const at::Tensor& picture) const {
    auto result = taps(picture);
    for (std::size_t i = 0; i < result.size(); ++i) {
        const auto& f = result[i];
        // The small number in the root is for gradients: at an all-zero column the root's own is infinite.
        const auto length = f.square().sum(1, true).add(1e-20).sqrt().add(1e-10);
        const auto area = static_cast<double>(f.size(2) * f.size(3));
        result[i] = f / length * (heads_[i].to(f.scalar_type()) * (1.0 / std::sqrt(area)));
    }
    return result;
}

at::Tensor Lpips::distance(const at::Tensor& picture, const at::Tensor& target) const {
    ShapeCheck().expect("picture", picture, "[N, 3, H, W]").expect("target", target, "[N, 3, H, W]");
    return distance(embedding(picture), embedding(target));
}

at::Tensor Lpips::distance(const std::vector<at::Tensor>& embedding, const std::vector<at::Tensor>& target) {
    at::Tensor sum = (embedding.at(0) - target.at(0)).square().sum({1, 2, 3});
    for (std::size_t i = 1; i < embedding.size(); ++i)
        sum = sum + (embedding[i] - target.at(i)).square().sum({1, 2, 3});
    return sum;
}

}  // namespace cameo::losses
