// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include <cameo/core/export.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

struct MrcOptions {
    double voxel = 1.0;                          ///< edge of a voxel, in the format's unit, which viewers call angstrom
    std::string_view label = "made with cameo";  ///< at most 79 characters of ASCII
    Overwrite overwrite = Overwrite::no;
};

/// Writes densities as a volume for ChimeraX and its kind: mode 2 (float32), little-endian.
/// Shapes   values[(x * sides[1] + y) * sides[2] + z]; in the file columns are z, rows y, sections x from its end to its
///          beginning, so that the viewer's axes (z, y, -x) turn rightly, as in the published files
/// Errors   invalid_argument: sides that are not 1 to 4096, other than their product of values, a voxel that is not
///          positive, a label that does not fit; those of AtomicFile
/// Source   Cheng et al., "MRC2014: Extensions to the MRC format header for electron cryo-microscopy and tomography", 2015
CAMEO_API void write_mrc(const std::filesystem::path& path, const std::array<std::int64_t, 3>& sides,
                         std::span<const float> values, const MrcOptions& options = {});

}  // namespace cameo::io
