// SPDX-License-Identifier: Apache-2.0
#include "ops/synthesis_conv2d.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include <cameo/ops/fir.hpp>
#include <cameo/ops/reference_ops.hpp>

#include "support/catch.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using ops::Resample;
using support::normal_numbers;

namespace {

double relative_norm(const at::Tensor& found, const at::Tensor& truth) {
    const auto expected = truth.to(at::kDouble);
    return ((found.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
}

// A layer that doubles or keeps the size, large enough for tiles.
struct Layer {
    Resample resample;
    std::int64_t side, styles;
    bool demodulate;

    [[nodiscard]] std::vector<at::Tensor> inputs(at::ScalarType type) const {
        const auto out = resample == Resample::up_2x ? 2 * side : side;
        std::vector<at::Tensor> result{normal_numbers({2, 6, side, side + 4}, 1), normal_numbers({5, 6, 3, 3}, 2),
                                       normal_numbers({styles, 6}, 3) + 1,
                                       normal_numbers({out, resample == Resample::up_2x ? out + 8 : out + 4}, 4) * 0.3,
                                       normal_numbers({5}, 5)};
        // The numbers are the same in either type.
        for (auto& each : result) each = each.to(at::kFloat).to(type).requires_grad_(true);
        return result;
    }
    [[nodiscard]] at::Tensor operator()(const std::vector<at::Tensor>& of) const {
        return ops::synthesis_conv2d(
            of[0], of[1], of[2], ops::fir_filter(), of[3], of[4],
            {.resample = resample, .demodulate = demodulate, .modulation = ops::Modulation::activations},
            {.activation = ops::Activation::leaky_relu, .gain = 0.9, .clamp = 2.5},
            c10::make_intrusive<ops::WinogradCache>());
    }
};

}  // namespace

TEST_CASE("a synthesis layer in one pass has the results and gradients of its parts", "[ops][synthesis_conv]") {
    const Layer layer{GENERATE(Resample::none, Resample::up_2x), 64, GENERATE(1, 2), GENERATE(true, false)};
    const auto narrow = layer.inputs(at::kFloat), wide = layer.inputs(at::kDouble);
    const auto y = layer(narrow);
    const auto truth = layer(wide);  // double precision has no tiles
    REQUIRE(y.scalar_type() == at::kFloat);
    REQUIRE(y.sizes() == truth.sizes());
    CHECK(relative_norm(y, truth) < 1e-5);

    const auto g = normal_numbers(truth.sizes(), 6);
    const auto found = torch::autograd::grad({y}, narrow, {g.to(at::kFloat)});
    const auto expected = torch::autograd::grad({truth}, wide, {g});
    for (std::size_t i = 0; i < found.size(); ++i) {
        INFO("input " << i);
        REQUIRE(found[i].sizes() == expected[i].sizes());
        CHECK(relative_norm(found[i], expected[i]) < 1e-4);
    }
}

TEST_CASE("each gradient of a synthesis layer can be asked for alone", "[ops][synthesis_conv]") {
    const Layer layer{GENERATE(Resample::none, Resample::up_2x), 64, 2, true};
    const auto all = layer.inputs(at::kFloat);
    const auto g = normal_numbers(layer(all).sizes(), 7).to(at::kFloat);
    const auto together = torch::autograd::grad({layer(all)}, all, {g});
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto one = all;
        for (std::size_t other = 0; other < one.size(); ++other)
            one[other] = all[other].detach().requires_grad_(other == i);
        const auto alone = torch::autograd::grad({layer(one)}, {one[i]}, {g});
        CHECK(relative_norm(alone[0], together[i]) < 1e-6);
    }
}

TEST_CASE("gradients of a synthesis layer have gradients", "[ops][synthesis_conv]") {
    const Layer layer{GENERATE(Resample::none, Resample::up_2x), 64, 2, true};
    const auto second = [&](at::ScalarType type) {
        const auto inputs = layer.inputs(type);
        const auto y = layer(inputs);
        const auto g = normal_numbers(y.sizes(), 8).to(at::kFloat).to(type);
        const auto first = torch::autograd::grad({y}, inputs, {g}, true, true);
        auto sum = at::zeros({}, inputs[0].options());
        for (const auto& each : first) sum = sum + each.square().mean();
        return torch::autograd::grad({sum}, {inputs[0], inputs[1], inputs[2]});
    };
    const auto found = second(at::kFloat), expected = second(at::kDouble);
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(relative_norm(found[i], expected[i]) < 1e-4);
}

TEST_CASE("under ReferenceOps a synthesis layer is made of its parts", "[ops][synthesis_conv]") {
    const Layer layer{Resample::none, 32, 2, true};
    const auto inputs = layer.inputs(at::kFloat);
    const auto fused = layer(inputs);
    const ops::ReferenceOps reference;
    const auto composed = layer(inputs);
    CHECK(relative_norm(fused, composed) < 1e-5);
    CHECK(composed.grad_fn()->name() != fused.grad_fn()->name());
}
