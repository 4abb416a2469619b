// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/export.hpp>
#include <cameo/core/random.hpp>

namespace cameo {

/// The items of a step that are this process's: item i of the step belongs to process i mod `count`. Interleaved, so that
/// groups of every (n/k)-th item, as a discriminator's statistics take them, hold the same items however many processes
/// there are.
struct Shard {
    std::int64_t rank = 0, count = 1;

    /// Replaces a tensor by its mean over all processes, all of which must call it. Empty: there is one alone
    std::function<void(const at::Tensor&)> average{};

    /// The place in the step of this process's item `row`.
    [[nodiscard]] std::int64_t item(std::int64_t row) const noexcept { return rank + row * count; }
};

/// A shard's part of the random numbers of a whole step, whose tensors have the step's items along their first axis: all
/// are drawn, the shard's are kept. So every process draws alike, and for an item the same numbers as one process would.
/// Tensors without axes are everybody's. Lifetime: `whole` must outlive it.
class CAMEO_API ShardRandom final : public RandomSource {
  public:
    ShardRandom(RandomSource& whole, std::int64_t rank, std::int64_t count)
        : whole_(&whole), rank_(rank), count_(count) {}

    [[nodiscard]] at::Tensor uniform(at::IntArrayRef shape, const at::TensorOptions& options = {}) override;
    [[nodiscard]] at::Tensor normal(at::IntArrayRef shape, const at::TensorOptions& options = {}) override;
    [[nodiscard]] std::vector<std::byte> save() const override { return whole_->save(); }
    void load(std::span<const std::byte> state) override { whole_->load(state); }

  private:
    RandomSource* whole_;
    std::int64_t rank_, count_;
};

/// Random numbers that belong to items: row i of every tensor is drawn from a stream of item i's own. Whoever works on an
/// item draws its numbers, whatever other items are there.
class CAMEO_API ItemRandom final : public RandomSource {
  public:
    ItemRandom() = default;
    ItemRandom(std::uint64_t seed, std::span<const std::int64_t> items);

    /// Errors   shape_mismatch: a first axis of another length than there are items; also those of RandomSource
    [[nodiscard]] at::Tensor uniform(at::IntArrayRef shape, const at::TensorOptions& options = {}) override;
    [[nodiscard]] at::Tensor normal(at::IntArrayRef shape, const at::TensorOptions& options = {}) override;
    [[nodiscard]] std::vector<std::byte> save() const override;
    void load(std::span<const std::byte> state) override;

  private:
    std::vector<CounterRandom> streams_;
};

/// A seed for ItemRandom from a source that all processes share: one number for all of them.
[[nodiscard]] CAMEO_API std::uint64_t shared_seed(RandomSource& random);

}  // namespace cameo
