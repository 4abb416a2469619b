// SPDX-License-Identifier: Apache-2.0
// Archives of torch.save. An input that is no archive is put into a sound one as its data.pkl: behind the CRC of an
// archive a fuzzer would hardly get to it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <cameo/core/error.hpp>

#include "io/pickle/contents.hpp"
#include "io/torch_zip.hpp"
#include "support/raw_zip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cameo::io;
    std::string file(reinterpret_cast<const char*>(data), size);
    if (!file.starts_with("PK"))
        file = cameo::support::raw_zip({{.name = "a/data.pkl", .data = file},
                                        {.name = "a/data/0", .data = std::string(24, '\x01')},
                                        {.name = "a/data/1",
                                         .data = cameo::support::raw_deflated(std::string(64, '\x02')),
                                         .method = 8,
                                         .size = 64,
                                         .crc = cameo::support::crc_of(std::string(64, '\x02'))}});
    // A copy of the exact size, so that the sanitizer sees a read beyond the end.
    const auto bytes = std::make_shared<const std::vector<char>>(file.begin(), file.end());
    try {
        const auto graph = read_torch_zip(ZipArchive::open(std::as_bytes(std::span(*bytes)), bytes, "fuzz"));
        const auto checkpoint = pickle::contents_of(graph, CheckpointFormat::torch_zip);
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
