// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/frame_rate.hpp>

#include <numeric>

#include <cameo/core/error.hpp>

namespace cameo::io {

FrameRate::FrameRate(std::int64_t numerator, std::int64_t denominator) {
    const auto possible = [](std::int64_t term) { return term >= 1 && term <= max_term; };
    if (!possible(numerator) || !possible(denominator) || numerator > 1000 * denominator)
        throw Error(Errc::invalid_argument,
                    "frame rate: expected more than 0 and at most 1000 per second with terms up to " +
                        std::to_string(max_term) + ", got " + std::to_string(numerator) + "/" +
                        std::to_string(denominator));
    const auto divisor = std::gcd(numerator, denominator);
    numerator_ = static_cast<std::int32_t>(numerator / divisor);
    denominator_ = static_cast<std::int32_t>(denominator / divisor);
}

std::string to_string(const FrameRate& rate) {
    const auto numerator = std::to_string(rate.numerator());
    return rate.denominator() == 1 ? numerator : numerator + "/" + std::to_string(rate.denominator());
}

}  // namespace cameo::io
