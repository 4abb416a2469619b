// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <cameo/core/export.hpp>

namespace cameo::io {

/// Frames per second, as the fraction that video files hold: FrameRate(30000, 1001) is broadcasters' 29.97.
class CAMEO_API FrameRate {
  public:
    static constexpr std::int32_t max_term = 1'000'000;

    /// In lowest terms. Implicit, since 60 frames per second are just that.
    /// Errors   invalid_argument: a term outside 1 to `max_term`, more than 1000 frames per second
    FrameRate(std::int64_t numerator, std::int64_t denominator = 1);

    [[nodiscard]] std::int32_t numerator() const noexcept { return numerator_; }
    [[nodiscard]] std::int32_t denominator() const noexcept { return denominator_; }
    [[nodiscard]] double per_second() const noexcept { return static_cast<double>(numerator_) / denominator_; }

    friend bool operator==(const FrameRate&, const FrameRate&) = default;

  private:
    std::int32_t numerator_, denominator_;
};

/// "60" or "30000/1001", as FFmpeg takes it.
[[nodiscard]] CAMEO_API std::string to_string(const FrameRate& rate);

}  // namespace cameo::io
