// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <cameo/core/error.hpp>
#include <cameo/io/npz.hpp>

/// A small archive stays small when it is inflated: no more than 1 100 bytes come from one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo;
    try {
        const auto tensors = io::parse_npz(std::as_bytes(std::span(data, size)), nullptr, "fuzz");
        for (const auto& [name, tensor] : tensors.entries()) {
            std::size_t total = 0;
            tensor.source->stream([&](std::span<const std::byte> run) { total += run.size(); });
            if (total != tensor.byte_size() || total > 1101 * size) std::abort();
        }
    } catch (const Error& error) {
        if (error.code() != Errc::bad_file) std::abort();
    }
    return 0;
}
