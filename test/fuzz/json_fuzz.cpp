// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <cameo/core/error.hpp>
#include "io/json.hpp"

/// What is read is the same when it is written and read again; what is not is refused as a bad file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo;
    try {
        const auto value = io::parse_json({reinterpret_cast<const char*>(data), size}, "fuzz");
        if (io::parse_json(value.dump(), "fuzz") != value) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::bad_file) std::abort();
    }
    return 0;
}
