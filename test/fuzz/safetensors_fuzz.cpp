// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <cameo/core/error.hpp>
#include <cameo/io/safetensors.hpp>

/// What is read has the bytes that it says, all of them readable; what is not is refused as a bad file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo;
    // Without the digest almost every change of a file of ours is read on; with it the finding of the digits is tried.
    for (const bool verify : {false, true}) {
        try {
            const auto tensors = io::parse_safetensors(std::as_bytes(std::span(data, size)), nullptr, "fuzz",
                                                       {.verify_digest = verify, .require_finite = verify});
            std::size_t total = 0;
            for (const auto& [name, tensor] : tensors.entries()) {
                const auto bytes = read_bytes(tensor);  // throws when they are not as many as the shape says
                total += bytes.size();
            }
            if (total > size) std::abort();
            (void)io::digest_of(tensors);
        } catch (const Error& error) {
            if (error.code() != Errc::bad_file) std::abort();
        }
    }
    return 0;
}
