// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/numpy_random.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <string>

#include <cameo/core/error.hpp>

#include "core/random_state_bytes.hpp"

namespace cameo {
namespace {

constexpr std::string_view tag = "np-mt-v1";
constexpr std::size_t shift = 397;  // MT19937's middle word

}  // namespace

NumpyRandom::NumpyRandom(std::uint32_t seed) {
    state_[0] = seed;
    for (std::uint32_t i = 1; i < words; ++i) state_[i] = 1812433253U * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
}

void NumpyRandom::twist() noexcept {
    for (std::size_t i = 0; i < words; ++i) {
        const auto joined = (state_[i] & 0x80000000U) | (state_[(i + 1) % words] & 0x7fffffffU);
        state_[i] = state_[(i + shift) % words] ^ (joined >> 1) ^ (joined & 1 ? 0x9908b0dfU : 0U);
    }
    place_ = 0;
}

std::uint32_t NumpyRandom::next() noexcept {
    if (place_ == words) twist();
    auto word = state_[place_++];
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c5680U;
    word ^= (word << 15) & 0xefc60000U;
    return word ^ (word >> 18);
}

double NumpyRandom::uniform() noexcept {
    const auto high = next() >> 5;
    const auto low = next() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

double NumpyRandom::normal() noexcept {
    if (has_spare_) {
        has_spare_ = false;
        return spare_;
    }
    double x = 0;
    double y = 0;
    double square = 0;
    do {
        x = 2 * uniform() - 1;
        y = 2 * uniform() - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    const auto factor = std::sqrt(-2 * std::log(square) / square);
    spare_ = factor * x;
    has_spare_ = true;
    return factor * y;
}

void NumpyRandom::uniform(std::span<double> out) noexcept {
    std::ranges::generate(out, [this] { return uniform(); });
}
void NumpyRandom::normal(std::span<double> out) noexcept {
    std::ranges::generate(out, [this] { return normal(); });
}

std::uint64_t NumpyRandom::below(std::uint64_t bound) {
    if (bound == 0 || bound > (std::uint64_t{1} << 32))
        throw Error(Errc::invalid_argument, "below: expected a bound of 1 to 2^32, got " + std::to_string(bound));
    if (bound == 1) return 0;
    const auto mask = std::bit_ceil(bound) - 1;
    for (;;)
        if (const auto value = next() & mask; value < bound) return value;
}

std::vector<std::int64_t> NumpyRandom::permutation(std::size_t count) {
    std::vector<std::int64_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    shuffle(std::span(order));
    return order;
}

std::vector<std::byte> NumpyRandom::save() const {
    detail::StateWriter writer(tag);
    for (const auto word : state_) writer.word(word);
    writer.word(place_);
    writer.word(has_spare_ ? 1 : 0);
    writer.word(std::bit_cast<std::uint64_t>(spare_));
    return writer.take();
}

void NumpyRandom::load(std::span<const std::byte> state) {
    detail::StateReader reader(state, tag, words + 3);
    NumpyRandom loaded;
    for (auto& word : loaded.state_) word = static_cast<std::uint32_t>(reader.word());
    const auto place = reader.word();
    const auto has_spare = reader.word();
    loaded.spare_ = std::bit_cast<double>(reader.word());
    if (place > words || has_spare > 1 || !std::isfinite(loaded.spare_))
        throw Error(Errc::bad_file, "random state: expected a place up to 624 and a finite spare number, got place " +
                                        std::to_string(place));
    loaded.place_ = static_cast<std::uint32_t>(place);
    loaded.has_spare_ = has_spare == 1;
    *this = loaded;
}

}  // namespace cameo
