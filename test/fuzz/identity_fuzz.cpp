// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <cameo/core/error.hpp>
#include <cameo/io/identity_file.hpp>

/// What is read is an identity that can be drawn with; what is not is refused as a bad file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo;
    try {
        const auto identity = io::parse_identity(std::as_bytes(std::span(data, size)), nullptr, "fuzz");
        if (identity.cameras.empty() || identity.ws.shape.size() != 3) std::abort();
        (void)read_bytes(identity.ws);
    } catch (const Error& error) {
        if (error.code() != Errc::bad_file) std::abort();
    }
    return 0;
}
