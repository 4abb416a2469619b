// SPDX-License-Identifier: Apache-2.0
#include <cameo/core/seeds.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

#include <cameo/core/error.hpp>

namespace cameo {
namespace {

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// As much of a text from elsewhere as an error message should repeat.
std::string quoted(std::string_view text) {
    constexpr std::size_t most = 32;
    return "'" + std::string(text.substr(0, most)) + (text.size() > most ? "...'" : "'");
}

std::uint32_t seed(std::string_view word, std::string_view item) {
    word = trimmed(word);
    std::uint32_t value = 0;
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (problem == std::errc::result_out_of_range)
        throw Error(Errc::invalid_argument, "seeds: expected numbers up to 4294967295, got " + quoted(item));
    if (problem != std::errc() || end != word.data() + word.size())
        throw Error(Errc::invalid_argument, "seeds: expected a number or a range like 4-6, got " + quoted(item));
    return value;
}

}  // namespace

std::vector<std::uint32_t> parse_seeds(std::string_view text) {
    std::vector<std::uint32_t> seeds;
    for (std::size_t start = 0; start <= text.size();) {
        const auto comma = std::min(text.find(',', start), text.size());
        const auto item = trimmed(text.substr(start, comma - start));
        start = comma + 1;

        const auto dash = item.find('-');
        const auto first = seed(item.substr(0, dash), item);
        const auto last = dash == std::string_view::npos ? first : seed(item.substr(dash + 1), item);
        if (last < first)
            throw Error(Errc::invalid_argument, "seeds: expected a range that runs upwards, got " + quoted(item));
        if (last - first >= max_seeds - seeds.size())
            throw Error(Errc::invalid_argument, "seeds: expected at most " + std::to_string(max_seeds) +
                                                    " in all, got more with " + quoted(item));
        for (auto value = first;; ++value) {
            seeds.push_back(value);
            if (value == last) break;
        }
    }
    return seeds;
}

}  // namespace cameo
