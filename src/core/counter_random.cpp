// SPDX-License-Identifier: Apache-2.0
// Compiled without contraction of a * b + c into one rounding: the numbers must not depend on the machine.
#include <cameo/core/counter_random.hpp>

#include <cmath>
#include <limits>

#include "core/random_state_bytes.hpp"

namespace cameo {
namespace {

constexpr std::string_view tag = "philoxv1";

/// The 64 bits of one position; two positions share a block.
std::uint64_t bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t position) noexcept {
    const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
    const auto block = position >> 1;
    const auto words = philox4x32({low(block), high(block), low(stream), high(stream)}, {low(seed), high(seed)});
    const auto half = static_cast<std::size_t>(position & 1) * 2;
    return (std::uint64_t{words[half + 1]} << 32) | words[half];
}

double to_uniform(std::uint64_t value) noexcept { return static_cast<double>(value >> 11) * 0x1p-53; }

/// Strictly inside (0, 1) and symmetric about 1/2: 52 bits and a half.
double to_normal(std::uint64_t value) noexcept {
    return normal_quantile((static_cast<double>(value >> 12) + 0.5) * 0x1p-52);
}

/// The C library's logarithm may differ from machine to machine; this one, by its series, is good to 1e-16 everywhere.
double portable_log(double x) noexcept {
    int exponent = 0;
    auto mantissa = std::frexp(x, &exponent);  // exact
    if (mantissa < 0.70710678118654752) {
        mantissa *= 2;
        --exponent;
    }
    const auto s = (mantissa - 1) / (mantissa + 1);
    const auto square = s * s;
    double series = 0;
    for (int k = 23; k >= 1; k -= 2) series = series * square + 1.0 / k;
    constexpr double ln2_high = 0x1.62e42fefa38p-1;  // exponent * ln2_high is exact
    constexpr double ln2_low = 0x1.ef35793c7673p-45;
    return exponent * ln2_high + (2 * s * series + exponent * ln2_low);
}

template <std::size_t Terms>
double polynomial(const std::array<double, Terms>& coefficients, double x) noexcept {
    double value = 0;
    for (const auto coefficient : coefficients) value = value * x + coefficient;
    return value;
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) noexcept {
    for (int round = 0; round < 10; ++round) {
        const auto first = std::uint64_t{0xD2511F53U} * counter[0];
        const auto second = std::uint64_t{0xCD9E8D57U} * counter[2];
        counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
                   static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
        key[0] += 0x9E3779B9U;
        key[1] += 0xBB67AE85U;
    }
    return counter;
}

double CounterRandom::uniform() noexcept { return to_uniform(bits(seed_, stream_, position_++)); }
double CounterRandom::normal() noexcept { return to_normal(bits(seed_, stream_, position_++)); }

void CounterRandom::uniform(std::span<double> out) noexcept {
    for (auto& value : out) value = uniform();
}
void CounterRandom::normal(std::span<double> out) noexcept {
    for (auto& value : out) value = normal();
}

std::vector<std::byte> CounterRandom::save() const {
    detail::StateWriter writer(tag);
    for (const auto word : {seed_, stream_, position_}) writer.word(word);
    return writer.take();
}

void CounterRandom::load(std::span<const std::byte> state) {
    detail::StateReader reader(state, tag, 3);
    seed_ = reader.word();
    stream_ = reader.word();
    position_ = reader.word();
}

double normal_quantile(double p) noexcept {
    if (!(p >= 0 && p <= 1)) return std::numeric_limits<double>::quiet_NaN();
    const auto q = p - 0.5;
    if (std::abs(q) <= 0.425) {
        constexpr std::array over{2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
                                  4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
                                  1.3314166789178437745e+2, 3.3871328727963666080e+0};
        constexpr std::array under{
            5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
            5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0};
        const auto r = 0.180625 - q * q;
        return q * polynomial(over, r) / polynomial(under, r);
    }
    const auto tail = q < 0 ? p : 1 - p;
    if (tail == 0) return std::copysign(std::numeric_limits<double>::infinity(), q);
    auto r = std::sqrt(-portable_log(tail));
    double value = 0;
    if (r <= 5) {
        constexpr std::array over{7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                                  1.27045825245236838258e+0, 3.64784832476320460504e+0, 5.76949722146069140550e+0,
                                  4.63033784615654529590e+0, 1.42343711074968357734e+0};
        constexpr std::array under{
            1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
            6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0};
        r -= 1.6;
        value = polynomial(over, r) / polynomial(under, r);
    } else {
        constexpr std::array over{2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                                  2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e+0,
                                  5.46378491116411436990e+0, 6.65790464350110377720e+0};
        constexpr std::array under{
            2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
            1.48753612908506148525e-2,  1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0};
        r -= 5;
        value = polynomial(over, r) / polynomial(under, r);
    }
    return std::copysign(value, q);
}

}  // namespace cameo
