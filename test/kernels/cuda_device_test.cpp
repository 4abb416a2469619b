// SPDX-License-Identifier: Apache-2.0
// What only a device can show. Each test says why it is skipped where there is none.
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <dlfcn.h>
#include <torch/csrc/autograd/autograd.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/cuda.hpp>
#include <cameo/ops/bias_act.hpp>
#include <cameo/ops/fir.hpp>
#include <cameo/ops/plane_sampling.hpp>
#include <cameo/ops/rays.hpp>
#include <cameo/ops/reference_ops.hpp>
#include <cameo/render/fused_triplane_renderer.hpp>

#include "core/device_call.hpp"
#include "ops/device_ops.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"

using namespace cameo;
using support::scalar;

namespace {

/// Why there is no device to test; empty where there is one.
std::string missing() {
    static const std::string reason = [] {
        if (const auto status = cuda_status(); !status.problem.empty()) return status.problem;
        if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr)
            return std::string("this LibTorch has no CUDA: ") + dlerror();
        if (!at::hasCUDA()) return std::string("LibTorch finds no GPU");
        // Products in float32, as on the CPU.
        at::globalContext().setAllowTF32CuBLAS(false);
        at::globalContext().setAllowTF32CuDNN(false);
        return std::string();
    }();
    return reason;
}

#define NEEDS_A_DEVICE()                    \
    do {                                    \
        if (!missing().empty()) {           \
            WARN("not run: " << missing()); \
            return;                         \
        }                                   \
    } while (false)

at::Tensor numbers(at::IntArrayRef shape, std::uint64_t seed) {
    return support::normal_numbers(shape, seed).to(at::kFloat);
}

TriplaneField field_of(const std::vector<at::Tensor>& parts) {
    return TriplaneField({.planes = parts[0], .decoder = {parts[1], parts[2], parts[3], parts[4]}, .box_side = 1.25});
}

std::vector<at::Tensor> seen_and_gradients(const auto& renderer, const at::Device& place) {
    std::vector<at::Tensor> leaves{numbers({1, 3, 32, 64, 64}, 1) * 2,
                                   numbers({64, 32}, 2) / std::sqrt(32.0),
                                   numbers({64}, 3),
                                   numbers({33, 64}, 4) / 8,
                                   numbers({33}, 5),
                                   labels(support::some_cameras(2))};
    for (auto& leaf : leaves) leaf = leaf.to(place).requires_grad_(true);
    // Rays and random numbers of the CPU, so that both see the same.
    StreamSource<CounterRandom> random{CounterRandom(5)};
    const auto seen = renderer.render(field_of(leaves), ops::rays(cameras_from_labels(leaves[5]), 40), random, {});
    ((seen.feature * numbers(seen.feature.sizes(), 6).to(place)).sum() + seen.depth.sum() + seen.weight.sum())
        .backward();
    std::vector<at::Tensor> result{seen.feature, seen.depth, seen.weight};
    for (const auto& leaf : leaves) result.push_back(leaf.grad());
    for (auto& tensor : result) tensor = tensor.detach().cpu();
    return result;
}

}  // namespace

TEST_CASE("the module's kernels serve the device", "[kernels][cuda]") {
    NEEDS_A_DEVICE();
    CHECK(cameo::detail::cuda_module(0).functions != nullptr);
    const auto x = at::zeros({1, 2, 3}, at::TensorOptions(at::kCUDA));
    CHECK(ops::device_kernels(x) != nullptr);
}

TEST_CASE("a device renders what the reference on the CPU renders, with its gradients", "[kernels][cuda]") {
    NEEDS_A_DEVICE();
    const FusedTriplaneRenderer<> fused{{{48, FixedRange{2.0, 3.4}}, 48}};
    const VolumeRenderer<ImportanceSampler<StratifiedSampler>, MidpointQuadrature, BlackBackground> reference{
        fused.sampler, fused.quadrature, fused.background};
    const auto expected = seen_and_gradients(reference, at::kCPU), actual = seen_and_gradients(fused, at::kCUDA);
    for (std::size_t i = 0; i < 3; ++i) {
        INFO("seen " << i);
        const auto worst = (actual[i] - expected[i]).abs().amax(2);
        CHECK(scalar(worst.gt(i == 1 ? 3e-5 : 1e-5).to(at::kDouble).mean()) <= 1e-3);
        CHECK(scalar(worst.max()) <= 2e-3);
    }
    for (std::size_t i = 3; i < actual.size(); ++i) {
        INFO("leaf " << i - 3);
        CHECK(scalar((actual[i] - expected[i]).norm()) <= 1e-4 * scalar(expected[i].norm()));
    }
}

TEST_CASE("a device's operations are the reference's", "[kernels][cuda]") {
    NEEDS_A_DEVICE();
    const auto x = numbers({2, 3, 70, 71}, 1), bias = numbers({3}, 2), points = numbers({2, 97, 3}, 3) * 0.4,
               planes = numbers({1, 3, 8, 16, 16}, 4), filter = numbers({4, 4}, 5);
    const auto all = [&](const at::Device& place) {
        std::vector<at::Tensor> inputs{x, bias, planes, points};
        for (auto& input : inputs) input = input.to(place).requires_grad_(true);
        const std::vector results{
            ops::bias_act(inputs[0], inputs[1], {.activation = ops::Activation::leaky_relu, .clamp = 0.8}),
            ops::fir_resample(inputs[0], filter.to(place), {.up = 2, .down = 3, .pad_x = {2, 1}, .pad_y = {-1, 4}}),
            ops::sample_planes_mean(inputs[2], inputs[3], official_plane_axes, 1.25)};
        auto loss = at::zeros({}, place);
        for (const auto& result : results) loss = loss + (result * numbers(result.sizes(), 6).to(place)).sum();
        auto everything = torch::autograd::grad({loss}, inputs);
        everything.insert(everything.end(), results.begin(), results.end());
        return everything;
    };
    std::vector<at::Tensor> expected;
    {
        const ops::ReferenceOps reference;
        expected = all(at::kCPU);
    }
    const auto actual = all(at::kCUDA);
    for (std::size_t i = 0; i < actual.size(); ++i) {
        INFO(i);
        CHECK(support::relative_difference(actual[i].cpu(), expected[i]) < 2e-5);
    }
}

TEST_CASE("a full device is a typed error, and it goes on working", "[kernels][cuda]") {
    NEEDS_A_DEVICE();
    const auto options = at::TensorOptions(at::kCUDA);
    const auto memory = cuda_status().devices.front().memory_bytes;
    CHECK_THROWS_MATCHES(cameo::detail::with_device_memory([&] {
                             return at::empty({static_cast<std::int64_t>(memory)},
                                              options);  // four times as many bytes
                         }),
                         Error, support::is_error(Errc::out_of_memory));
    CHECK(scalar(ops::bias_act(at::ones({1, 1, 4}, options), {}, {}).sum()) == 4);
}
