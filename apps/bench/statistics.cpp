// SPDX-License-Identifier: Apache-2.0
#include "bench/statistics.hpp"

#include <algorithm>

namespace cameo::apps::bench {

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const auto half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Spread spread_of(const std::vector<double>& values) {
    const auto [least, greatest] = std::ranges::minmax(values);
    return {median(values), least, greatest};
}

}  // namespace cameo::apps::bench
