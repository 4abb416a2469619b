// SPDX-License-Identifier: Apache-2.0
#include "kernels/device/planes.hpp"

#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cameo/ops/plane_sampling.hpp>

#include "core/device_call.hpp"
#include "kernels/host_functions.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/second_derivatives.hpp"
#include "support/tensors.hpp"

using namespace cameo;

namespace {

using OnDevice = cameo::detail::DeviceFunctionsForCpu;

at::Tensor numbers(at::IntArrayRef shape, std::uint64_t seed) {
    return support::normal_numbers(shape, seed).to(at::kFloat);
}

}  // namespace

TEST_CASE("a device samples planes, and gives gradients of them and of points, as LibTorch does", "[kernels][device]") {
    const auto scenes = GENERATE(1, 2);
    const auto& axes = GENERATE(official_plane_axes, corrected_plane_axes);
    const auto [channels, side] = GENERATE(std::pair{8, 16}, std::pair{5, 9});
    const auto all = [&] {
        std::vector<at::Tensor> inputs{numbers({scenes, 3, channels, 16, side}, 1), numbers({2, 97, 3}, 2) * 0.4};
        for (auto& input : inputs) input.requires_grad_(true);
        const auto y = ops::sample_planes_mean(inputs[0], inputs[1], axes, 1.25);
        auto result = torch::autograd::grad({(y * numbers(y.sizes(), 3)).sum()}, inputs);
        result.push_back(y);
        return result;
    };
    const auto expected = all();
    const OnDevice device(support::host_functions<false>());
    const auto actual = all();
    for (std::size_t i = 0; i < actual.size(); ++i) {
        INFO(i);
        CHECK(support::relative_difference(actual[i], expected[i]) < 2e-5);
    }
}

TEST_CASE("points outside, on the border and at no place are sampled as LibTorch samples them", "[kernels][device]") {
    const auto planes = numbers({1, 3, 4, 4, 4}, 1);
    const auto points = at::tensor({0.5F,  0.5F,   0.5F, -0.5F,   -0.5F, -0.5F, 9.0F, 0.0F,   0.0F,   -9.0F, 9.0F,
                                    -9.0F, 0.625F, 0.0F, -0.625F, 1e30F, 0.0F,  0.0F, 0.374F, 0.375F, 0.376F})
                            .view({1, 7, 3});
    const auto expected = ops::sample_planes_mean(planes, points, official_plane_axes, 1.0);
    const OnDevice device(support::host_functions<false>());
    CHECK(support::difference(ops::sample_planes_mean(planes, points, official_plane_axes, 1.0), expected) < 1e-6);
    const auto nowhere = at::full({1, 1, 3}, NAN);
    CHECK(support::difference(ops::sample_planes_mean(planes, nowhere, official_plane_axes, 1.0),
                              at::zeros({1, 1, 4})) == 0);
}

TEST_CASE("a device refuses planes that do not fit their points, and second derivatives", "[kernels][device]") {
    const OnDevice device(support::host_functions<false>());
    CHECK_THROWS_MATCHES(
        ops::sample_planes_mean(numbers({3, 3, 4, 4, 4}, 1), numbers({2, 5, 3}, 2), official_plane_axes, 1.0), Error,
        support::is_error(Errc::shape_mismatch));
    CHECK_THROWS_MATCHES(
        ops::sample_planes_mean(numbers({1, 3, 4, 4, 4}, 1), numbers({2, 5, 3}, 2), official_plane_axes, -1.0), Error,
        support::is_error(Errc::invalid_argument, "box side"));
    const auto planes = numbers({1, 3, 4, 4, 4}, 1).requires_grad_(true);
    const auto y = ops::sample_planes_mean(planes, numbers({2, 5, 3}, 2), official_plane_axes, 1.0);
    CHECK_THROWS_MATCHES(support::gradients_of(y.square().sum(), {planes}), Error,
                         support::is_error(Errc::invalid_argument, "second"));
}
