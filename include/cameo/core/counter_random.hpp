// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <cameo/concepts/random_stream.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// The Philox4x32 bijection with 10 rounds.
/// Source   Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011
[[nodiscard]] CAMEO_API std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                                std::array<std::uint32_t, 2> key) noexcept;

/// Random numbers by counting: number i of a stream is a function of (seed, stream, i) alone, so parts may be drawn in
/// any order, on any thread and on any machine. A uniform and a normal number take one position each.
/// Threads  a value: one stream, one thread; give every thread a copy, moved with skip()
/// Source   Philox4x32-10; normals by inversion, Wichura, algorithm AS 241, 1988. Only additions, multiplications,
///          divisions and square roots: the same bits wherever doubles are IEEE 754's
class CAMEO_API CounterRandom {
  public:
    static constexpr std::string_view name() noexcept { return "counter"; }

    CounterRandom() = default;

    /// `stream` separates uses of one seed: heads of a data set, ranks of a training run.
    explicit CounterRandom(std::uint64_t seed, std::uint64_t stream = 0) noexcept : seed_(seed), stream_(stream) {}

    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
    [[nodiscard]] std::uint64_t stream() const noexcept { return stream_; }

    /// The index of the next number, and how to change it. Positions wrap around at 2^64.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    void skip(std::uint64_t count) noexcept { position_ += count; }

    /// 53 bits in [0, 1). The second form fills in order.
    [[nodiscard]] double uniform() noexcept;
    void uniform(std::span<double> out) noexcept;

    /// Mean 0, deviation 1, never beyond 8.3.
    [[nodiscard]] double normal() noexcept;
    void normal(std::span<double> out) noexcept;

    /// Everything that decides the numbers to come, as bytes that do not depend on the machine.
    /// Errors   load: bad_file: bytes that save() of this class did not make
    [[nodiscard]] std::vector<std::byte> save() const;
    void load(std::span<const std::byte> state);

    friend bool operator==(const CounterRandom&, const CounterRandom&) = default;

  private:
    std::uint64_t seed_ = 0, stream_ = 0, position_ = 0;
};
static_assert(RandomStream<CounterRandom>);

/// The number below which a standard normal number stays with probability `p`; infinite at 0 and 1.
/// NaN outside [0, 1]. Relative error about 1e-15.
[[nodiscard]] CAMEO_API double normal_quantile(double p) noexcept;

}  // namespace cameo
