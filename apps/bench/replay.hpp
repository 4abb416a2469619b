// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include <cameo/core/counter_random.hpp>
#include <cameo/core/random.hpp>

namespace cameo::apps::bench {

/// Draws numbers once and gives them out again after each rewind(): all candidates get the same, and drawing them is
/// not what is timed.
/// Errors   internal: another kind or shape of tensor was asked for than before
class Replay final : public RandomSource {
  public:
    explicit Replay(std::uint64_t seed) : source_(CounterRandom(seed)) {}

    void rewind() noexcept { next_ = 0; }
    [[nodiscard]] const std::vector<at::Tensor>& drawn() const noexcept { return drawn_; }

    at::Tensor uniform(at::IntArrayRef shape, const at::TensorOptions& options) override;
    at::Tensor normal(at::IntArrayRef shape, const at::TensorOptions& options) override;
    [[nodiscard]] std::vector<std::byte> save() const override { return source_.save(); }
    void load(std::span<const std::byte> state) override { source_.load(state); }

  private:
    template <class Draw>
    at::Tensor next(at::IntArrayRef shape, const Draw& draw);

    StreamSource<CounterRandom> source_;
    std::vector<at::Tensor> drawn_;
    std::size_t next_ = 0;
};

}  // namespace cameo::apps::bench
