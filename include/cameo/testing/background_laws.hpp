// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <cameo/concepts/background.hpp>
#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>

namespace cameo::testing {

/// The laws of Background that `background` breaks; none if all hold.
template <Background B>
[[nodiscard]] std::vector<std::string> broken_laws(const B& background) {
    std::vector<std::string> broken;
    const auto expect = [&](bool holds, const char* law) {
        if (!holds) broken.emplace_back(law);
    };
    StreamSource<CounterRandom> random{CounterRandom(3)};
    const auto feature = random.uniform({2, 5, 4}, at::kDouble);
    const auto full = feature.narrow(2, 0, 1).mul(0) + 1;
    expect(background.over(feature, full).allclose(feature, 0.0, 1e-12), "a ray of weight 1 keeps its features");
    const auto behind = background.over(feature * 0, full * 0);
    expect(behind.sizes() == feature.sizes(), "features keep their shape");
    expect(behind.equal(behind.narrow(1, 0, 1).expand_as(behind)), "with weight 0 all rays look the same");
    const auto part = background.over(feature.narrow(1, 1, 3), full.narrow(1, 1, 3) * 0.5);
    expect(part.equal(background.over(feature, full * 0.5).narrow(1, 1, 3)), "rays are independent of each other");
    return broken;
}

}  // namespace cameo::testing
