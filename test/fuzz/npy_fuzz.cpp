// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <cameo/core/error.hpp>
#include <cameo/io/npy.hpp>

/// What is read has the bytes that its shape says; what is not is refused as a bad file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo;
    try {
        const auto tensor = io::parse_npy(std::as_bytes(std::span(data, size)), nullptr, "fuzz");
        if (read_bytes(tensor).size() > size) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::bad_file) std::abort();
    }
    return 0;
}
