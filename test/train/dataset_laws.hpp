// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

#include <ATen/ATen.h>

#include <cameo/concepts/dataset.hpp>

#include "support/catch.hpp"
#include "support/tensors.hpp"

namespace cameo::support {

/// Catch2 checks of the Dataset concept's laws; `tensors_of` lists a batch's tensors, items along their first axis.
template <Dataset D, class Tensors>
void check_dataset_laws(const D& data, const Tensors& tensors_of) {
    const auto equal = [&](const typename D::Batch& a, const typename D::Batch& b) {
        const auto x = tensors_of(a), y = tensors_of(b);
        for (std::size_t i = 0; i < x.size(); ++i) CHECK(same(x[i], y[i]));
    };
    const auto whole = data.batch(3, 4, 1);
    equal(data.batch(3, 4, 1), whole);
    const auto front = tensors_of(data.batch(3, 1, 1)), rear = tensors_of(data.batch(4, 3, 1)), all = tensors_of(whole);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(same(at::cat({front[i], rear[i]}), all[i]));
    const auto apart = tensors_of(data.batch(3, 2, 3)), last = tensors_of(data.batch(6, 1, 1));
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(same(at::cat({front[i], last[i]}), apart[i]));
    std::vector<typename D::Batch> made(3);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < made.size(); ++i) threads.emplace_back([&, i] { made[i] = data.batch(3, 4, 1); });
    }
    for (const auto& batch : made) equal(batch, whole);
    CHECK(data.options() == data.options());
    CHECK_FALSE(data.options().empty());
}

}  // namespace cameo::support
