// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <cameo/concepts/random_stream.hpp>
#include <cameo/core/export.hpp>

namespace cameo {

/// The numbers of NumPy's legacy RandomState, bit for bit: what a seed means in every published program.
/// Threads  a value: one stream, one thread
/// Source   Matsumoto and Nishimura, "Mersenne Twister", 1998; normals by Marsaglia's polar method
/// Quirk    normals come in pairs; the spare one waits for the next normal, across uniform numbers in between. Uniform
///          numbers are the same everywhere; normals use log and sqrt, and a C library whose log is not correctly
///          rounded may differ from NumPy's in the last bit of a double (rarely visible after rounding to float)
class CAMEO_API NumpyRandom {
  public:
    static constexpr std::string_view name() noexcept { return "numpy"; }

    /// RandomState(seed).
    explicit NumpyRandom(std::uint32_t seed = 0);

    /// rand(): 53 bits in [0, 1). The second form fills in C order.
    [[nodiscard]] double uniform() noexcept;
    void uniform(std::span<double> out) noexcept;

    /// randn(), standard_normal().
    [[nodiscard]] double normal() noexcept;
    void normal(std::span<double> out) noexcept;

    /// randint(0, bound) for a bound up to 2^32. Errors: invalid_argument: bound is zero or larger
    [[nodiscard]] std::uint64_t below(std::uint64_t bound);

    /// shuffle(); permutation(count), which is a shuffled 0, 1, 2, ...
    /// Errors: invalid_argument: more than 2^32 elements
    template <class T>
    void shuffle(std::span<T> values) {
        for (auto i = values.size(); i > 1; --i) {
            const auto j = static_cast<std::size_t>(below(i));
            if (j != i - 1) std::swap(values[j], values[i - 1]);
        }
    }
    [[nodiscard]] std::vector<std::int64_t> permutation(std::size_t count);

    /// Everything that decides the numbers to come, as bytes that do not depend on the machine.
    /// Errors   load: bad_file: bytes that save() of this class did not make
    [[nodiscard]] std::vector<std::byte> save() const;
    void load(std::span<const std::byte> state);

    friend bool operator==(const NumpyRandom&, const NumpyRandom&) = default;

  private:
    static constexpr std::size_t words = 624;

    [[nodiscard]] std::uint32_t next() noexcept;
    void twist() noexcept;

    std::array<std::uint32_t, words> state_{};
    std::uint32_t place_ = words;
    bool has_spare_ = false;
    double spare_ = 0;
};
static_assert(RandomStream<NumpyRandom>);

}  // namespace cameo
