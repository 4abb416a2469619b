// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/splat_file.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include <cameo/core/error.hpp>

namespace cameo::io {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::array names{"x",       "y",       "z",       "nx",      "ny",    "nz",    "f_dc_0", "f_dc_1", "f_dc_2",
                           "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2",  "rot_3"};

/// The constant spherical harmonic, 1 / (2 sqrt(pi)): colour = 1/2 + this f_dc.
constexpr float harmonic = 0.28209479177387814F;

}  // namespace

std::vector<std::byte> encode_splats(const GaussianSplats& splats, const SplatWriteOptions& options) {
    check(splats);
    if (splats.positions.empty()) throw Error(Errc::invalid_argument, "splats: expected at least one, got none");
    std::string header =
        "ply\nformat binary_little_endian 1.0\ncomment units metres, x right, y down, face towards -z\n";
    for (const auto& [key, value] : options.facts) {
        if ((key + value).find_first_of("\r\n") != std::string::npos)
            throw Error(Errc::invalid_argument, "splats: expected facts on one line, got a line break in " + key);
        header += "comment " + key + ": " + value + '\n';
    }
    header += "element vertex " + std::to_string(splats.positions.size()) + '\n';
    for (const auto* name : names) header += std::string("property float ") + name + '\n';
    header += "end_header\n";

    std::vector<float> rows;
    rows.reserve(splats.positions.size() * names.size());
    const auto scale = static_cast<float>(splats.metres_per_unit), log_scale = std::log(scale);
    for (std::size_t i = 0; i < splats.positions.size(); ++i) {
        const auto& p = splats.positions[i];
        const auto& c = splats.colours[i];
        const auto& s = splats.log_scales[i];
        auto q = splats.rotations[i];
        const auto length = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
        for (auto& part : q) part /= length;
        // Half a turn about x: y and z change sign, and the quaternion is multiplied by i from the left.
        rows.insert(rows.end(), {p[0] * scale, -p[1] * scale, -p[2] * scale, 0.0F, 0.0F, 0.0F, (c[0] - 0.5F) / harmonic,
                                 (c[1] - 0.5F) / harmonic, (c[2] - 0.5F) / harmonic, splats.opacities[i],
                                 s[0] + log_scale, s[1] + log_scale, s[2] + log_scale, -q[1], q[0], -q[3], q[2]});
    }
    const auto values = std::as_bytes(std::span(rows));
    std::vector<std::byte> bytes(header.size() + values.size());
    std::memcpy(bytes.data(), header.data(), header.size());
    std::memcpy(bytes.data() + header.size(), values.data(), values.size());
    return bytes;
}

void write_splats(const std::filesystem::path& path, const GaussianSplats& splats, const SplatWriteOptions& options) {
    write_file(path, encode_splats(splats, options), options.overwrite);
}

}  // namespace cameo::io
