// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <cameo/core/error.hpp>
#include <cameo/core/seeds.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto seeds = cameo::parse_seeds({reinterpret_cast<const char*>(data), size});
        if (seeds.empty() || seeds.size() > cameo::max_seeds) std::abort();
    } catch (const cameo::Error& error) {
        if (error.code() != cameo::Errc::invalid_argument) std::abort();
    }
    return 0;
}
