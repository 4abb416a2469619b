// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace cameo::apps::bench {

/// Of an even count the mean of the two in the middle. The values are not empty.
[[nodiscard]] double median(std::vector<double> values);

struct Spread {
    double median = 0.0, least = 0.0, greatest = 0.0;
    friend bool operator==(const Spread&, const Spread&) = default;
};

/// The values are not empty.
[[nodiscard]] Spread spread_of(const std::vector<double>& values);

}  // namespace cameo::apps::bench
