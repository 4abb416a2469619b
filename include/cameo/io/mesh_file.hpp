// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cameo/core/export.hpp>
#include <cameo/core/image.hpp>
#include <cameo/core/mesh.hpp>
#include <cameo/io/file.hpp>

namespace cameo::io {

/// The kinds of mesh files, all written, none read.
/// Units    metres (positions times Mesh::metres_per_unit), y up, face to +z; STL: millimetres, as printers expect
enum class MeshFormat : std::uint8_t {
    glb,  ///< binary glTF 2.0: normals, colours, texture; opens upright everywhere
    ply,  ///< binary little-endian: normals, 8-bit colours
    obj,  ///< text: normals, uv, colours behind the coordinates as most programs read them
    stl,  ///< binary: the shape alone
};

/// Told by the extension. Errors: invalid_argument: none of .glb .ply .obj .stl
[[nodiscard]] CAMEO_API MeshFormat mesh_format_for(const std::filesystem::path& path);

struct MeshWriteOptions {
    std::optional<MeshFormat> format{};          ///< default: by the path's extension
    bool lit = true;                             ///< GLB: false shows colours as they are (KHR_materials_unlit)
    std::optional<Image> base_colour{};          ///< GLB: the texture that uv refers to, srgb8
    std::map<std::string, std::string> facts{};  ///< provenance: extras of GLB's asset, comments of PLY and OBJ
    Overwrite overwrite = Overwrite::no;
};

/// Writes a mesh; equal arguments give equal bytes.
/// Errors   invalid_argument: check(mesh), an empty mesh, a texture without uv or in another format than GLB, facts
///          with line breaks; those of AtomicFile
/// Quirk    colours become linear light in GLB, as glTF wants them, and stay sRGB elsewhere
CAMEO_API void write_mesh(const std::filesystem::path& path, const Mesh& mesh, const MeshWriteOptions& options = {});

/// The same into memory. Errors: also invalid_argument: no format
[[nodiscard]] CAMEO_API std::vector<std::byte> encode_mesh(const Mesh& mesh, const MeshWriteOptions& options);

}  // namespace cameo::io
