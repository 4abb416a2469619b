// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/adam.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ATen.h>

#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace cameo;
using support::difference;
using support::same;

TEST_CASE("lazy regularisation has the published rates", "[train][adam]") {
    const auto g = AdamOptions{.learning_rate = 0.0025}.lazily(4), d = AdamOptions{.learning_rate = 0.002}.lazily(16);
    CHECK(g.learning_rate == Approx(0.002));
    CHECK(g.beta1 == 0.0);
    CHECK(g.beta2 == Approx(0.9919920).epsilon(1e-7));
    CHECK(d.learning_rate == Approx(0.00188235).epsilon(1e-5));
    CHECK(d.beta2 == Approx(0.9905855).epsilon(1e-7));
}

TEST_CASE("Adam moves as its paper says", "[train][adam]") {
    const AdamOptions options{.learning_rate = 0.1, .beta1 = 0.9, .beta2 = 0.99};
    const auto start = at::tensor({1.0f, -2.0f, 0.5f});
    auto x = start.clone();
    Adam adam({{"x", x}}, options);
    std::vector<double> expected{1.0, -2.0, 0.5}, m(3), v(3);
    for (int t = 1; t <= 7; ++t) {
        const auto gradient = at::tensor({0.3f * static_cast<float>(t), -1.0f, 0.0f});
        x.mutable_grad() = gradient.clone();
        adam.step(t == 3 ? 0.5 : 1.0);
        for (std::size_t i = 0; i < 3; ++i) {
            const auto g = gradient[static_cast<std::int64_t>(i)].item<double>();
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.99 * v[i] + 0.01 * g * g;
            const auto rate = 0.1 * (t == 3 ? 0.5 : 1.0);
            expected[i] -= rate * (m[i] / (1 - std::pow(0.9, t))) / (std::sqrt(v[i] / (1 - std::pow(0.99, t))) + 1e-8);
        }
    }
    CHECK(difference(x, at::tensor(expected)) < 1e-6);
}

TEST_CASE("a parameter without a gradient is left alone with its moments and count", "[train][adam]") {
    auto x = at::ones({2}), y = at::ones({2});
    Adam adam({{"x", x}, {"y", y}}, {});
    for (int i = 0; i < 3; ++i) {
        adam.clear_gradients();
        x.mutable_grad() = at::ones({2});
        if (i == 1) y.mutable_grad() = at::ones({2});
        const auto before = y.clone();
        adam.step();
        CHECK(same(y, before) == (i != 1));
    }
    for (const auto& [name, tensor] : adam.state())
        if (name == "steps") CHECK(same(tensor, at::tensor({3.0f, 1.0f})));
}

TEST_CASE("what is not finite in a gradient is replaced", "[train][adam]") {
    constexpr auto inf = std::numeric_limits<float>::infinity();
    auto x = at::zeros({3});
    Adam adam({{"x", x}}, {.learning_rate = 1.0});
    x.mutable_grad() = at::tensor({std::numeric_limits<float>::quiet_NaN(), inf, -inf});
    adam.step();
    CHECK(difference(x, at::tensor({0.0f, -1.0f, 1.0f})) < 1e-5);
    for (const auto& [name, tensor] : adam.state())
        if (name == "first.x") CHECK(same(tensor, at::tensor({0.0f, 1e5f, -1e5f})));
}

TEST_CASE("an optimiser goes on from its copied state with the same bits", "[train][adam]") {
    const auto gradient = [](int i) { return at::arange(6, at::kFloat).view({2, 3}).sub(2.5).mul(1 + i); };
    auto x = at::ones({2, 3});
    Adam adam({{"x", x}}, {.beta1 = 0.9});
    const auto run = [&](Adam& optimiser, at::Tensor& value, int first, int last) {
        for (int i = first; i < last; ++i) {
            value.mutable_grad() = gradient(i);
            optimiser.step();
        }
    };
    run(adam, x, 0, 3);
    auto other = x.detach().clone();
    Adam copy({{"x", other}}, {.beta1 = 0.9});
    const auto from = adam.state(), to = copy.state();
    for (std::size_t i = 0; i < from.size(); ++i) to[i].tensor.copy_(from[i].tensor);
    run(adam, x, 3, 6);
    run(copy, other, 3, 6);
    CHECK(same(x, other));
}
