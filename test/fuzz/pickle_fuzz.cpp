// SPDX-License-Identifier: Apache-2.0
// Pickles and legacy streams of torch.save: read, sorted, streamed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include <cameo/core/error.hpp>

#include "io/pickle/contents.hpp"
#include "io/pickle/legacy_stream.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo::io;
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        auto backing = std::make_shared<pickle::Backing>();
        const bool legacy = pickle::is_legacy_stream(bytes);
        const auto graph = legacy ? pickle::read_legacy_stream(bytes, 0, "fuzz", backing)
                                  : pickle::read_pickle(bytes, "fuzz", backing);
        const auto checkpoint =
            pickle::contents_of(graph, legacy ? CheckpointFormat::torch_legacy : CheckpointFormat::pickle);
        std::uint64_t room = 1u << 22;
        for (const auto& [name, tensor] : checkpoint.tensors.entries()) {
            if (tensor.byte_size() > room) continue;
            room -= tensor.byte_size();
            if (cameo::read_bytes(tensor).size() != tensor.byte_size()) std::abort();
        }
    } catch (const cameo::Error& error) {
        if (error.code() != cameo::Errc::bad_file) std::abort();
    }
    return 0;
}
