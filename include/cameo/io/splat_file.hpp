// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <cameo/core/export.hpp>
#include <cameo/core/splats.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

struct SplatWriteOptions {
    std::map<std::string, std::string> facts{};  ///< provenance: comments of the header
    Overwrite overwrite = Overwrite::no;
};

/// Writes Gaussians in the layout that splat viewers read: binary little-endian PLY, floats x y z nx ny nz f_dc_0..2
/// opacity scale_0..2 rot_0..3, spherical harmonics of degree 0; equal arguments give equal bytes.
/// Units    metres; axes of the cameras that such files come from: x right, y down, face towards -z, so that viewers,
///          which turn them over, show the head upright
/// Errors   invalid_argument: check(splats), none at all, facts with line breaks; those of AtomicFile
/// Source   Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", 2023: the files of its program
CAMEO_API void write_splats(const std::filesystem::path& path, const GaussianSplats& splats,
                            const SplatWriteOptions& options = {});

/// The same into memory.
[[nodiscard]] CAMEO_API std::vector<std::byte> encode_splats(const GaussianSplats& splats,
                                                             const SplatWriteOptions& options = {});

}  // namespace cameo::io
