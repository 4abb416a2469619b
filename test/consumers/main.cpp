// SPDX-License-Identifier: Apache-2.0
// What another project does with cameo: a model file written, read again as tensors, and seen by a camera.
#include <cstdio>
#include <filesystem>

#include <ATen/ops/arange.h>
#include <cameo/core/cameras.hpp>
#include <cameo/core/error.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/io/safetensors.hpp>
#include <cameo/ops/rays.hpp>
#ifdef CONSUMER_HAS_IO
#include <cameo/io/image.hpp>
#endif

int main() try {
    const auto path = std::filesystem::temp_directory_path() / "cameo-consumer.safetensors";
    cameo::StateDict out;
    out.add("planes", cameo::stored(at::arange(6).reshape({2, 3})));
    cameo::io::write_safetensors(path, out, cameo::io::Overwrite::yes);
    const auto planes = cameo::tensor(cameo::io::read_safetensors(path).at("planes"), "planes");
    std::filesystem::remove(path);
    if (planes.sum().item<std::int64_t>() != 15) return 1;

    const cameo::Camera camera{cameo::orbit_degrees(20, 10, 2.7, {0, 0, 0.2}), cameo::intrinsics_from_focal(4.2647)};
    const auto rays = cameo::ops::rays(cameo::cameras({&camera, 1}), 8);
    if (rays.rays() != 64) return 1;

    try {
        (void)cameo::io::read_safetensors("/nowhere.safetensors");
        return 1;
    } catch (const cameo::Error& error) {
        if (error.code() != cameo::Errc::io_failure) return 1;
    }
#ifdef CONSUMER_HAS_IO
    if (cameo::io::format_for("head.png") != cameo::io::ImageFormat::png) return 1;
#endif
    std::puts("the consumer is content");
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
