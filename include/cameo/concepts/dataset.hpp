// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>

namespace cameo {

/// Everything that decides the numbers of a training run, as texts by name: what a resumed run must have in common with
/// the one that it goes on from.
using RunOptions = std::map<std::string, std::string>;

/// What a training run learns from: an endless sequence of items. Laws (test/train/dataset_laws.hpp): a batch is a
/// function of its items' numbers alone, whoever asks, in whatever order; const calls may run at the same time.
template <class D>
concept Dataset = requires(const D& data, std::int64_t first, std::int64_t count, std::int64_t stride) {
    typename D::Batch;
    // Items first, first + stride and so on, `count` of them.
    { data.batch(first, count, stride) } -> std::same_as<typename D::Batch>;
    { data.options() } -> std::same_as<RunOptions>;
};

}  // namespace cameo
