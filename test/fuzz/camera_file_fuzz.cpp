// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <cameo/core/error.hpp>
#include <cameo/io/camera_file.hpp>

// The first byte chooses: JSON, or COLMAP's two texts with a NUL between them. What is accepted must be cameras.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    try {
        const auto middle = std::min(text.find('\0'), text.size());
        const auto cameras = data[0] == 'c'
                                 ? cameo::io::parse_colmap(text.substr(0, middle),
                                                           text.substr(std::min(middle + 1, text.size())), "fuzz")
                                 : cameo::io::parse_cameras(text, "fuzz");
        for (const auto& [name, camera] : cameras) cameo::check(camera, name);
        if (cameo::io::parse_cameras(cameo::io::camera_labels_json(cameras), "again") != cameras) std::abort();
    } catch (const cameo::Error& error) {
        if (error.code() != cameo::Errc::bad_file) std::abort();
    }
    return 0;
}
