// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/mesh_file.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <sstream>
#include <utility>

#include <cameo/core/error.hpp>
#include <cameo/io/image.hpp>

#include <tiny_gltf.h>

#include "io/name.hpp"

namespace cameo::io {
namespace {

static_assert(std::endian::native == std::endian::little);

using Bytes = std::vector<std::byte>;
using Triple = std::array<float, 3>;

[[noreturn]] void refuse(const std::string& expected, const std::string& got) {
    throw Error(Errc::invalid_argument, "mesh: expected " + expected + ", got " + got);
}

template <class T>
void append(Bytes& to, const T& value) {
    const auto raw = std::as_bytes(std::span(&value, 1));
    to.insert(to.end(), raw.begin(), raw.end());
}

void append(Bytes& to, std::string_view text) {
    const auto raw = std::as_bytes(std::span(text.data(), text.size()));
    to.insert(to.end(), raw.begin(), raw.end());
}

Triple scaled(const Triple& position, double factor) {
    return {static_cast<float>(position[0] * factor), static_cast<float>(position[1] * factor),
            static_cast<float>(position[2] * factor)};
}

std::uint8_t byte_of(float colour) { return static_cast<std::uint8_t>(std::lround(colour * 255)); }

// ---- glTF ----

/// Puts arrays into the one buffer of a model and describes them.
class GlbBuffer {
  public:
    explicit GlbBuffer(tinygltf::Model& model) : model_(model) { model_.buffers.emplace_back(); }

    template <class T>
    int view(std::span<const T> values, int target) {
        auto& data = model_.buffers[0].data;
        data.resize((data.size() + 3) / 4 * 4);
        tinygltf::BufferView view;
        view.buffer = 0;
        view.byteOffset = data.size();
        view.byteLength = values.size_bytes();
        view.target = target;
        const auto raw = std::as_bytes(values);
        data.resize(data.size() + raw.size());
        std::memcpy(data.data() + view.byteOffset, raw.data(), raw.size());
        model_.bufferViews.push_back(view);
        return static_cast<int>(model_.bufferViews.size()) - 1;
    }

    template <std::size_t N>
    int vertices(const std::vector<std::array<float, N>>& values, bool with_limits = false) {
        static_assert(sizeof(std::array<float, N>) == N * sizeof(float));
        tinygltf::Accessor accessor;
        accessor.bufferView = view(std::span<const std::array<float, N>>(values), TINYGLTF_TARGET_ARRAY_BUFFER);
        accessor.componentType = TINYGLTF_COMPONENT_TYPE_FLOAT;
        accessor.type = N == 3 ? TINYGLTF_TYPE_VEC3 : TINYGLTF_TYPE_VEC2;
        accessor.count = values.size();
        if (with_limits)
            for (std::size_t i = 0; i < N; ++i) {
                const auto [low, high] = std::ranges::minmax(values, {}, [&](const auto& v) { return v[i]; });
                accessor.minValues.push_back(low[i]);
                accessor.maxValues.push_back(high[i]);
            }
        model_.accessors.push_back(accessor);
        return static_cast<int>(model_.accessors.size()) - 1;
    }

    int indices(const std::vector<std::array<std::uint32_t, 3>>& triangles) {
        tinygltf::Accessor accessor;
        accessor.bufferView =
            view(std::span<const std::array<std::uint32_t, 3>>(triangles), TINYGLTF_TARGET_ELEMENT_ARRAY_BUFFER);
        accessor.componentType = TINYGLTF_COMPONENT_TYPE_UNSIGNED_INT;
        accessor.type = TINYGLTF_TYPE_SCALAR;
        accessor.count = 3 * triangles.size();
        model_.accessors.push_back(accessor);
        return static_cast<int>(model_.accessors.size()) - 1;
    }

  private:
    tinygltf::Model& model_;
};

void add_texture(tinygltf::Model& model, GlbBuffer& buffer, const Image& picture, tinygltf::Material& material) {
    const auto png = encode_image(picture, {.format = ImageFormat::png});
    tinygltf::Image image;
    image.bufferView = buffer.view(std::span<const std::byte>(png), 0);
    image.mimeType = "image/png";
    image.as_is = true;
    model.images.push_back(image);
    tinygltf::Sampler sampler;
    sampler.minFilter = TINYGLTF_TEXTURE_FILTER_LINEAR_MIPMAP_LINEAR;
    sampler.magFilter = TINYGLTF_TEXTURE_FILTER_LINEAR;
    sampler.wrapS = sampler.wrapT = TINYGLTF_TEXTURE_WRAP_CLAMP_TO_EDGE;
    model.samplers.push_back(sampler);
    tinygltf::Texture texture;
    texture.source = 0;
    texture.sampler = 0;
    model.textures.push_back(texture);
    material.pbrMetallicRoughness.baseColorTexture.index = 0;
}

Bytes as_glb(const Mesh& mesh, const MeshWriteOptions& options) {
    tinygltf::Model model;
    model.asset.version = "2.0";
    model.asset.generator = "cameo";
    if (!options.facts.empty()) {
        tinygltf::Value::Object facts;
        for (const auto& [key, value] : options.facts) facts[key] = tinygltf::Value(value);
        model.asset.extras = tinygltf::Value(facts);
    }
    GlbBuffer buffer(model);
    tinygltf::Primitive primitive;
    primitive.mode = TINYGLTF_MODE_TRIANGLES;
    primitive.material = 0;
    auto positions = mesh.positions;
    for (auto& position : positions) position = scaled(position, mesh.metres_per_unit);
    primitive.attributes["POSITION"] = buffer.vertices(positions, true);
    if (!mesh.normals.empty()) primitive.attributes["NORMAL"] = buffer.vertices(mesh.normals);
    if (!mesh.uv.empty()) primitive.attributes["TEXCOORD_0"] = buffer.vertices(mesh.uv);
    if (!mesh.colours.empty() && !options.base_colour) {
        auto light = mesh.colours;
        for (auto& colour : light)
            for (auto& channel : colour) channel = linear_from_srgb(channel);
        primitive.attributes["COLOR_0"] = buffer.vertices(light);
    }
    primitive.indices = buffer.indices(mesh.triangles);

    tinygltf::Material material;
    material.pbrMetallicRoughness.metallicFactor = 0.0;
    material.pbrMetallicRoughness.roughnessFactor = 0.9;
    if (options.base_colour) add_texture(model, buffer, *options.base_colour, material);
    if (!options.lit) {
        material.extensions["KHR_materials_unlit"] = tinygltf::Value(tinygltf::Value::Object{});
        model.extensionsUsed.emplace_back("KHR_materials_unlit");
    }
    model.materials.push_back(material);
    tinygltf::Mesh gltf_mesh;
    gltf_mesh.primitives.push_back(primitive);
    model.meshes.push_back(gltf_mesh);
    tinygltf::Node node;
    node.name = "head";
    node.mesh = 0;
    model.nodes.push_back(node);
    tinygltf::Scene scene;
    scene.nodes.push_back(0);
    model.scenes.push_back(scene);
    model.defaultScene = 0;

    std::ostringstream out(std::ios::binary);
    tinygltf::TinyGLTF writer;
    if (!writer.WriteGltfSceneToStream(&model, out, false, true))
        throw Error(Errc::internal, "mesh: the glTF writer failed without a reason");
    const auto text = std::move(out).str();
    const auto raw = std::as_bytes(std::span(text.data(), text.size()));
    return {raw.begin(), raw.end()};
}

// ---- PLY, OBJ, STL ----

/// The shortest text that reads back as the same float.
std::string number(float value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

template <std::size_t N>
std::string numbers(const std::array<float, N>& values) {
    std::string text;
    for (const float value : values) text += ' ' + number(value);
    return text;
}

Bytes as_ply(const Mesh& mesh, const MeshWriteOptions& options) {
    if (mesh.positions.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
        refuse("at most 2^31 - 1 vertices for PLY", std::to_string(mesh.positions.size()));
    std::string header = "ply\nformat binary_little_endian 1.0\ncomment units metres, y up, face to +z\n";
    for (const auto& [key, value] : options.facts) header += "comment " + key + ": " + value + '\n';
    header += "element vertex " + std::to_string(mesh.positions.size()) +
              "\nproperty float x\nproperty float y\nproperty float z\n";
    if (!mesh.normals.empty()) header += "property float nx\nproperty float ny\nproperty float nz\n";
    if (!mesh.colours.empty()) header += "property uchar red\nproperty uchar green\nproperty uchar blue\n";
    header += "element face " + std::to_string(mesh.triangles.size()) +
              "\nproperty list uchar int vertex_indices\nend_header\n";
    Bytes out;
    append(out, std::string_view(header));
    for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
        append(out, scaled(mesh.positions[i], mesh.metres_per_unit));
        if (!mesh.normals.empty()) append(out, mesh.normals[i]);
        if (!mesh.colours.empty())
            for (const auto channel : mesh.colours[i]) append(out, byte_of(channel));
    }
    for (const auto& triangle : mesh.triangles) {
        append(out, std::uint8_t{3});
        append(out, triangle);
    }
    return out;
}

Bytes as_obj(const Mesh& mesh, const MeshWriteOptions& options) {
    std::string text = "# units metres, y up, face to +z\n";
    for (const auto& [key, value] : options.facts) text += "# " + key + ": " + value + '\n';
    for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
        text += 'v' + numbers(scaled(mesh.positions[i], mesh.metres_per_unit));
        if (!mesh.colours.empty()) text += numbers(mesh.colours[i]);
        text += '\n';
    }
    for (const auto& uv : mesh.uv) text += "vt" + numbers(std::array{uv[0], 1 - uv[1]}) + '\n';  // v runs upwards there
    for (const auto& normal : mesh.normals) text += "vn" + numbers(normal) + '\n';
    const auto corner = [&](std::uint32_t i) {
        const auto n = std::to_string(i + 1ULL);
        return ' ' + n + (mesh.uv.empty() ? "" : '/' + n) +
               (mesh.normals.empty() ? "" : (mesh.uv.empty() ? "//" : "/") + n);
    };
    for (const auto& [a, b, c] : mesh.triangles) text += 'f' + corner(a) + corner(b) + corner(c) + '\n';
    Bytes out;
    append(out, std::string_view(text));
    return out;
}

Bytes as_stl(const Mesh& mesh) {
    if (mesh.triangles.size() > std::numeric_limits<std::uint32_t>::max())
        refuse("at most 2^32 - 1 triangles for STL", std::to_string(mesh.triangles.size()));
    std::array<char, 80> header{};
    constexpr std::string_view words = "cameo, units millimetres, y up, face to +z";  // must not begin with "solid"
    std::ranges::copy(words, header.begin());
    Bytes out;
    append(out, header);
    append(out, static_cast<std::uint32_t>(mesh.triangles.size()));
    for (const auto& triangle : mesh.triangles) {
        std::array<Triple, 3> corners;
        for (std::size_t i = 0; i < 3; ++i)
            corners[i] = scaled(mesh.positions[triangle[i]], 1000 * mesh.metres_per_unit);
        std::array<double, 3> u{}, v{};
        for (std::size_t i = 0; i < 3; ++i) {
            u[i] = corners[1][i] - corners[0][i];
            v[i] = corners[2][i] - corners[0][i];
        }
        const std::array cross{u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
        const auto length = std::hypot(cross[0], cross[1], cross[2]);
        for (const double c : cross) append(out, static_cast<float>(length > 0 ? c / length : 0));
        append(out, corners);
        append(out, std::uint16_t{0});
    }
    return out;
}

}  // namespace

MeshFormat mesh_format_for(const std::filesystem::path& path) {
    const auto ending = lower_extension(path);
    if (ending == ".glb") return MeshFormat::glb;
    if (ending == ".ply") return MeshFormat::ply;
    if (ending == ".obj") return MeshFormat::obj;
    if (ending == ".stl") return MeshFormat::stl;
    throw Error(Errc::invalid_argument,
                path.string() + ": expected a name that ends in .glb, .ply, .obj or .stl, got \"" + ending + '"');
}

std::vector<std::byte> encode_mesh(const Mesh& mesh, const MeshWriteOptions& options) {
    check(mesh);
    if (mesh.triangles.empty()) refuse("triangles", "none");
    if (!options.format) refuse("a format", "none");
    if (options.base_colour) {
        if (*options.format != MeshFormat::glb) refuse("a texture in a GLB file only", "another format");
        if (mesh.uv.empty()) refuse("uv for the texture", "none");
        if (options.base_colour->format() != srgb8 || options.base_colour->channels() != 3)
            refuse("a texture of 3 channels, 8 bit sRGB", to_string(options.base_colour->format()));
    }
    for (const auto& [key, value] : options.facts)
        if ((key + value).find_first_of("\r\n") != std::string::npos)
            refuse("facts on one line", "a line break in " + key);
    switch (*options.format) {
        case MeshFormat::glb:
            return as_glb(mesh, options);
        case MeshFormat::ply:
            return as_ply(mesh, options);
        case MeshFormat::obj:
            return as_obj(mesh, options);
        case MeshFormat::stl:
            return as_stl(mesh);
    }
    refuse("a known format", std::to_string(static_cast<int>(*options.format)));
}

void write_mesh(const std::filesystem::path& path, const Mesh& mesh, const MeshWriteOptions& options) {
    auto with_format = options;
    if (!with_format.format) with_format.format = mesh_format_for(path);
    write_file(path, encode_mesh(mesh, with_format), options.overwrite);
}

}  // namespace cameo::io
