// SPDX-License-Identifier: Apache-2.0
#include <cameo/losses/identity.hpp>

#include <array>
#include <string>

#include <ATen/ATen.h>

#include <cameo/core/error.hpp>
#include <cameo/core/shape.hpp>

#include "generate/tensor_supply.hpp"

namespace cameo::losses {
namespace {

struct Group {
    std::int64_t units, depth;
};
constexpr std::array groups{Group{3, 64}, Group{4, 128}, Group{14, 256}, Group{3, 512}};

}  // namespace

at::Tensor FaceIdentity::Normalisation::operator()(const at::Tensor& x) const {
    return at::batch_norm(x, weight, bias, mean, variance, /*training=*/false, 0.1, 1e-5, /*cudnn_enabled=*/false);
}

FaceIdentity FaceIdentity::load(const StateDict& tensors, Squeeze squeeze, const at::Device& device) {
    FileSupply supply(tensors, "", device);
    const auto take = [&](const std::string& name, at::IntArrayRef shape) { return supply.parameter(name, shape, {}); };
    const auto normalisation = [&](const std::string& name, std::int64_t channels) {
        return Normalisation{take(name + ".weight", {channels}), take(name + ".bias", {channels}),
                             take(name + ".running_mean", {channels}), take(name + ".running_var", {channels})};
    };
    FaceIdentity result;
    result.squeeze_ = squeeze;
    result.stem_ = take("input_layer.0.weight", {64, 3, 3, 3});
    result.stem_norm_ = normalisation("input_layer.1", 64);
    result.stem_slope_ = take("input_layer.2.weight", {64});
    std::int64_t inputs = 64, index = 0;
    for (const auto& group : groups)
        for (std::int64_t i = 0; i < group.units; ++i) {
            const auto name = "body." + std::to_string(index++), residual = name + ".res_layer.";
            const auto d = group.depth;
            Unit unit;
            unit.stride = i == 0 ? 2 : 1;
            if (inputs != d) {
                unit.shortcut = take(name + ".shortcut_layer.0.weight", {d, inputs, 1, 1});
                unit.shortcut_norm = normalisation(name + ".shortcut_layer.1", d);
            }
            unit.before = normalisation(residual + "0", inputs);
            unit.first = take(residual + "1.weight", {d, inputs, 3, 3});
            unit.slope = take(residual + "2.weight", {d});
            unit.second = take(residual + "3.weight", {d, d, 3, 3});
            unit.after = normalisation(residual + "4", d);
            unit.squeeze = take(residual + "5.fc1.weight", {d / 16, d, 1, 1});
            unit.excite = take(residual + "5.fc2.weight", {d, d / 16, 1, 1});
            result.units_.push_back(std::move(unit));
            inputs = d;
        }
    result.out_norm_ = normalisation("output_layer.0", 512);
    result.linear_ = take("output_layer.3.weight", {512, 25088});
    result.linear_bias_ = take("output_layer.3.bias", {512});
    result.last_norm_ = normalisation("output_layer.4", 512);
    return result;
}

at::Tensor FaceIdentity::body(const at::Tensor& faces) const {
    ShapeCheck().expect("faces", faces, "[N, 3, 112, 112]");
    auto x = at::prelu(stem_norm_(at::conv2d(faces, stem_, {}, 1, 1)), stem_slope_);
    for (const auto& unit : units_) {
        auto y = at::prelu(at::conv2d(unit.before(x), unit.first, {}, 1, 1), unit.slope);
        y = unit.after(at::conv2d(y, unit.second, {}, unit.stride, 1));
        const auto squeezed =
            squeeze_ == Squeeze::average ? y.mean({2, 3}, true) : std::get<0>(at::adaptive_max_pool2d(y, {1, 1}));
        y = y * at::sigmoid(at::conv2d(at::relu(at::conv2d(squeezed, unit.squeeze)), unit.excite));
        if (unit.shortcut.defined())
            x = unit.shortcut_norm(at::conv2d(x, unit.shortcut, {}, unit.stride));
        else if (unit.stride > 1)
            x = x.slice(2, 0, c10::nullopt, unit.stride).slice(3, 0, c10::nullopt, unit.stride);
        x = y + x;
    }
    return x;
}

at::Tensor FaceIdentity::unscaled(const at::Tensor& faces) const {
    return last_norm_(at::linear(out_norm_(body(faces)).flatten(1), linear_, linear_bias_));
}

at::Tensor FaceIdentity::embedding(const at::Tensor& faces) const {
    const auto v = unscaled(faces);
    return v / v.norm(2, 1, true);
}

at::Tensor FaceIdentity::distance(const at::Tensor& picture, const at::Tensor& target) const {
    ShapeCheck().expect("picture", picture, "[N, 3, S, S]").expect("target", target, "[N, 3, S, S]");
    return 1 - (embedding(face_crop(picture)) * embedding(face_crop(target))).sum(1);
}

at::Tensor face_crop(const at::Tensor& picture) {
    const auto side = ShapeCheck().expect("picture", picture, "[N, 3, S, S]")["S"];
    if (side < 32)
        throw Error(Errc::invalid_argument, "picture: expected sides of at least 32, got " + std::to_string(side));
    const auto scaled = [&](std::int64_t of_256) { return (of_256 * side + 128) / 256; };
    const auto window =
        at::slice(at::slice(picture, 2, scaled(35), scaled(35) + scaled(188)), 3, scaled(32), scaled(32) + scaled(188));
    return at::adaptive_avg_pool2d(window, {112, 112});
}

}  // namespace cameo::losses
