// SPDX-License-Identifier: Apache-2.0
// The CUDA module's elementwise arithmetic, run on this processor, against the compositions of LibTorch's operations.
#include "kernels/device/elementwise.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/ops/bias_act.hpp>
#include <cameo/ops/fir.hpp>
#include <cameo/ops/modulated_conv2d.hpp>
#include <cameo/ops/reference_ops.hpp>

#include "core/device_call.hpp"
#include "kernels/host_functions.hpp"
#include "ops/device_ops.hpp"
#include "ops/synthesis_conv2d.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;

namespace {

using OnDevice = cameo::detail::DeviceFunctionsForCpu;

at::Tensor numbers(at::IntArrayRef shape, std::uint64_t seed) {
    return support::normal_numbers(shape, seed).to(at::kFloat);
}

/// The largest difference of results and gradients, first and, if asked for, second, between what a device's functions
/// and the reference policy make of `function(inputs)`.
template <class Function>
double disagreement(const Function& function, const std::vector<at::Tensor>& given, bool twice = true) {
    const auto all = [&] {
        std::vector<at::Tensor> inputs;
        for (const auto& input : given) inputs.push_back(input.detach().clone().requires_grad_(true));
        auto y = function(inputs);
        std::vector<at::Tensor> result{y};
        const auto weights = numbers(y.sizes(), 77);
        // Once without a graph of the gradients, which is the way of the kernels, and once with.
        for (const auto& gradient : torch::autograd::grad({(y * weights).sum()}, inputs, {}, true))
            result.push_back(gradient);
        if (!twice) return result;
        auto sum = at::zeros({});
        for (const auto& gradient : support::gradients_of((y.pow(3) * weights).sum(), inputs))
            sum = sum + gradient.square().sum();
        for (const auto& gradient : torch::autograd::grad({sum}, inputs, {}, false, false, true))
            result.push_back(gradient.defined() ? gradient : at::zeros({}));
        return result;
    };
    std::vector<at::Tensor> expected, actual;
    {
        const ops::ReferenceOps reference;
        expected = all();
    }
    {
        const OnDevice device(support::host_functions<false>());
        actual = all();
    }
    double worst = 0;
    for (std::size_t i = 0; i < actual.size(); ++i)
        worst = std::max(worst, support::relative_difference(actual[i], expected[i]));
    return worst;
}

}  // namespace

TEST_CASE("a device's bias, activation, gain and clamp are the reference's", "[kernels][device]") {
    const auto activation = GENERATE(ops::Activation::linear, ops::Activation::leaky_relu);
    const auto clamp = GENERATE(std::optional<double>{}, std::optional(0.8));
    const ops::BiasActOptions options{.activation = activation, .gain = 0.7, .clamp = clamp};
    const auto x = numbers({2, 3, 70, 71}, 1), bias = numbers({3}, 2);  // rows of more than one piece
    {
        const OnDevice device(support::host_functions<false>());
        const auto y = ops::bias_act(x, bias, options);
        const ops::ReferenceOps reference;
        CHECK(support::same(y, ops::bias_act(x, bias, options)));
    }
    CHECK(disagreement([&](const auto& in) { return ops::bias_act(in[0], in[1], options); }, {x, bias}) < 1e-5);
    CHECK(disagreement([&](const auto& in) { return ops::bias_act(in[0], {}, options); }, {x}) < 1e-5);
}

TEST_CASE("a device's activations leave what is no number as it is", "[kernels][device]") {
    const OnDevice device(support::host_functions<false>());
    const auto x = at::tensor({NAN, -INFINITY, INFINITY, 0.0F}).view({1, 1, 4});
    const auto y = ops::bias_act(x, {}, {.clamp = 2.0});
    CHECK(difference(y, at::tensor({NAN, -2.0F, 2.0F, 0.0F}).view({1, 1, 4})) == 0);
}

TEST_CASE("norms, noise and all that follows a convolution in one pass", "[kernels][device]") {
    const auto per_picture = GENERATE(false, true);
    const ops::BiasActOptions options{.activation = ops::Activation::leaky_relu, .gain = 0.9, .clamp = 1.5};
    const auto x = numbers({2, 5, 9, 8}, 1), bias = numbers({5}, 2);
    const auto norms = numbers({per_picture ? 2 : 1, 5}, 3) + 2;
    const auto noise = per_picture ? numbers({2, 1, 9, 8}, 4) : numbers({9, 8}, 4);
    const auto finished = [&](const auto& in) {
        if (ops::ReferenceOps::active())
            return ops::bias_act(in[0] * in[1].view({-1, 5, 1, 1}) + in[2], in[3], options);
        return ops::device_finished(support::host_functions<false>(), in[0], in[1], in[2], in[3], options);
    };
    CHECK(disagreement(finished, {x, norms, noise, bias}) < 1e-5);
    CHECK_THROWS_MATCHES(ops::device_finished(support::host_functions<false>(), x, {}, {}, numbers({4}, 2), options),
                         Error, support::is_error(Errc::shape_mismatch, "bias"));
}

TEST_CASE("a synthesis convolution finishes on a device as in the reference", "[kernels][device]") {
    const auto resample = GENERATE(ops::Resample::none, ops::Resample::up_2x);
    const auto x = numbers({2, 4, 10, 10}, 1), weight = numbers({6, 4, 3, 3}, 2), styles = numbers({2, 4}, 3) + 1,
               bias = numbers({6}, 4);
    const auto side = resample == ops::Resample::up_2x ? 20 : 10;
    const auto noise = numbers({side, side}, 5);
    const auto cache = c10::make_intrusive<ops::WinogradCache>();
    const auto convolve = [&](const auto& in) {
        return ops::synthesis_conv2d(in[0], in[1], in[2], ops::fir_filter(), noise, in[3],
                                     {.resample = resample, .modulation = ops::Modulation::activations},
                                     {.activation = ops::Activation::leaky_relu, .clamp = 20.0}, cache);
    };
    CHECK(disagreement(convolve, {x, weight, styles, bias}) < 1e-4);
}

TEST_CASE("a device's filters are the reference's, up, down, padded, cropped and flipped", "[kernels][device]") {
    const auto filter = numbers({4, 3}, 1);
    const auto options = GENERATE(
        ops::FirOptions{.pad_x = {1, 1}, .pad_y = {2, 1}}, ops::FirOptions{.up = 2, .pad_x = {2, 1}, .pad_y = {1, 2}},
        ops::FirOptions{.down = 2, .pad_x = {1, 0}, .pad_y = {1, 3}, .gain = 3.0},
        ops::FirOptions{.up = 3, .down = 2, .pad_x = {-2, 4}, .pad_y = {5, -1}, .flip_filter = true});
    const auto x = numbers({2, 3, 9, 11}, 2);
    CHECK(disagreement([&](const auto& in) { return ops::fir_resample(in[0], filter, options); }, {x}) < 1e-5);
}

TEST_CASE("kernels of a device refuse what lies elsewhere", "[kernels][device]") {
    const OnDevice device(support::host_functions<false>());
    CHECK_THROWS_MATCHES(ops::bias_act(numbers({1, 2, 3}, 1), at::zeros({2}, at::kMeta), {}), Error,
                         support::is_error(Errc::invalid_argument, "bias: expected on cpu, got meta"));
}
