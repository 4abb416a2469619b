// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/mesh_file.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string>

#include <tiny_gltf.h>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/failing_disk.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using io::MeshFormat;
using io::MeshWriteOptions;

namespace {

/// A tetrahedron with everything a mesh can have.
Mesh some_mesh() {
    Mesh mesh;
    mesh.positions = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    mesh.triangles = {{0, 2, 1}, {0, 1, 3}, {0, 3, 2}, {1, 2, 3}};
    mesh.colours = {{0, 0.5F, 1}, {1, 0, 0}, {0.25F, 0.25F, 0.25F}, {1, 1, 1}};
    mesh.uv = {{0, 0}, {1, 0}, {0, 1}, {0.5F, 0.5F}};
    mesh.normals = vertex_normals(mesh);
    mesh.metres_per_unit = 0.5;
    return mesh;
}

std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
T value_at(const std::vector<std::byte>& bytes, std::size_t offset) {
    REQUIRE(offset + sizeof(T) <= bytes.size());
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

tinygltf::Model read_glb(const std::vector<std::byte>& bytes) {
    tinygltf::TinyGLTF reader;
    tinygltf::Model model;
    std::string error, warning;
    const bool read =
        reader.LoadBinaryFromMemory(&model, &error, &warning, reinterpret_cast<const unsigned char*>(bytes.data()),
                                    static_cast<unsigned>(bytes.size()));
    INFO(error << warning);
    REQUIRE(read);
    return model;
}

std::vector<float> floats(const tinygltf::Model& model, int accessor) {
    const auto& a = model.accessors.at(static_cast<std::size_t>(accessor));
    const auto& view = model.bufferViews.at(static_cast<std::size_t>(a.bufferView));
    CHECK(view.byteOffset % 4 == 0);
    std::vector<float> values(a.count * (a.type == TINYGLTF_TYPE_VEC3 ? 3 : 2));
    std::memcpy(values.data(), model.buffers[0].data.data() + view.byteOffset, values.size() * sizeof(float));
    return values;
}

}  // namespace

TEST_CASE("the ending of a name tells a mesh's format", "[io][mesh]") {
    CHECK(io::mesh_format_for("a/head.GLB") == MeshFormat::glb);
    CHECK(io::mesh_format_for("head.ply") == MeshFormat::ply);
    CHECK(io::mesh_format_for("head.obj") == MeshFormat::obj);
    CHECK(io::mesh_format_for("head.stl") == MeshFormat::stl);
    CHECK_THROWS_MATCHES(io::mesh_format_for("head.fbx"), Error, support::is_error(Errc::invalid_argument, "head.fbx"));
}

TEST_CASE("a GLB holds metres, linear colours, normals and its provenance", "[io][mesh]") {
    const auto mesh = some_mesh();
    const auto bytes = io::encode_mesh(mesh, {.format = MeshFormat::glb, .facts = {{"Model", "abc"}}});
    CHECK(text_of(bytes).starts_with("glTF"));
    CHECK(value_at<std::uint32_t>(bytes, 8) == bytes.size());
    const auto model = read_glb(bytes);
    CHECK(model.asset.extras.Get("Model").Get<std::string>() == "abc");
    CHECK(model.extensionsUsed.empty());
    const auto& primitive = model.meshes.at(0).primitives.at(0);
    const auto positions = floats(model, primitive.attributes.at("POSITION"));
    for (std::size_t i = 0; i < 12; ++i) CHECK(positions[i] == 0.5F * mesh.positions[i / 3][i % 3]);
    CHECK((model.accessors[static_cast<std::size_t>(primitive.attributes.at("POSITION"))].maxValues ==
           std::vector<double>{0.5, 0.5, 0.5}));
    const auto colours = floats(model, primitive.attributes.at("COLOR_0"));
    for (std::size_t i = 0; i < 12; ++i) CHECK(colours[i] == linear_from_srgb(mesh.colours[i / 3][i % 3]));
    const auto normals = floats(model, primitive.attributes.at("NORMAL"));
    for (std::size_t i = 0; i < 12; ++i) CHECK(normals[i] == mesh.normals[i / 3][i % 3]);
    CHECK(model.accessors[static_cast<std::size_t>(primitive.indices)].count == 12);

    const auto unlit = read_glb(io::encode_mesh(mesh, {.format = MeshFormat::glb, .lit = false}));
    CHECK(unlit.extensionsUsed == std::vector<std::string>{"KHR_materials_unlit"});
    CHECK(unlit.materials.at(0).extensions.contains("KHR_materials_unlit"));
}

TEST_CASE("a texture goes into the GLB as PNG, and takes the place of the vertices' colours", "[io][mesh]") {
    Image texture(3, 2, 3, srgb8);
    for (std::size_t i = 0; i < 18; ++i) texture.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(10 * i);
    const auto model = read_glb(io::encode_mesh(some_mesh(), {.format = MeshFormat::glb, .base_colour = texture}));
    const auto& primitive = model.meshes.at(0).primitives.at(0);
    CHECK(!primitive.attributes.contains("COLOR_0"));
    const auto uv = floats(model, primitive.attributes.at("TEXCOORD_0"));
    CHECK(uv[2] == 1.0F);
    CHECK(model.materials.at(0).pbrMetallicRoughness.baseColorTexture.index == 0);
    REQUIRE(model.images.size() == 1);
    CHECK(model.images[0].mimeType == "image/png");
    CHECK(model.images[0].width == 3);
    CHECK(model.images[0].image[4 * 5 + 2] == 170);  // the reader makes RGBA of it
}

TEST_CASE("a PLY is as its header says", "[io][mesh]") {
    const auto bytes = io::encode_mesh(some_mesh(), {.format = MeshFormat::ply, .facts = {{"Licence", "CC0-1.0"}}});
    const auto text = text_of(bytes);
    CHECK(text.starts_with("ply\nformat binary_little_endian 1.0\ncomment units metres"));
    CHECK(text.find("comment Licence: CC0-1.0\n") != std::string::npos);
    CHECK(text.find("element vertex 4\n") != std::string::npos);
    const auto start = text.find("end_header\n") + 11;
    CHECK(bytes.size() == start + 4 * (12 + 12 + 3) + 4 * 13);
    CHECK(value_at<float>(bytes, start + 27) == 0.5F);        // x of the second vertex
    CHECK(value_at<std::uint8_t>(bytes, start + 25) == 128);  // green of the first
    CHECK(value_at<std::uint8_t>(bytes, start + 4 * 27) == 3);
    CHECK(value_at<std::uint32_t>(bytes, start + 4 * 27 + 1 + 4) == 2);
}

TEST_CASE("an OBJ has coordinates that read back exactly, and v upwards", "[io][mesh]") {
    auto mesh = some_mesh();
    mesh.positions[1][0] = 0.1234567F;
    mesh.metres_per_unit = 1;
    std::istringstream lines(text_of(io::encode_mesh(mesh, {.format = MeshFormat::obj})));
    std::vector<std::string> v, vt, f;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("v ")) v.push_back(line);
        if (line.starts_with("vt ")) vt.push_back(line);
        if (line.starts_with("f ")) f.push_back(line);
    }
    REQUIRE(v.size() == 4);
    CHECK(std::stof(v[1].substr(2)) == 0.1234567F);
    CHECK(v[0] == "v 0 0 0 0 0.5 1");
    CHECK(vt[2] == "vt 0 0");
    CHECK(f == std::vector<std::string>{"f 1/1/1 3/3/3 2/2/2", "f 1/1/1 2/2/2 4/4/4", "f 1/1/1 4/4/4 3/3/3",
                                        "f 2/2/2 3/3/3 4/4/4"});
}

TEST_CASE("an STL is in millimetres, with the triangles' normals", "[io][mesh]") {
    const auto bytes = io::encode_mesh(some_mesh(), {.format = MeshFormat::stl});
    CHECK(bytes.size() == 84 + 4 * 50);
    CHECK(!text_of(bytes).starts_with("solid"));
    CHECK(value_at<std::uint32_t>(bytes, 80) == 4);
    CHECK(value_at<float>(bytes, 84 + 8) == -1.0F);         // z of the first normal: the floor faces down
    CHECK(value_at<float>(bytes, 84 + 12 + 24) == 500.0F);  // x of its third corner
}

TEST_CASE("meshes that cannot be written as asked are refused", "[io][mesh]") {
    const auto refused = [](const Mesh& mesh, const MeshWriteOptions& options, const std::string& part) {
        CHECK_THROWS_MATCHES(io::encode_mesh(mesh, options), Error, support::is_error(Errc::invalid_argument, part));
    };
    refused({}, {.format = MeshFormat::glb}, "triangles");
    refused(some_mesh(), {}, "format");
    auto broken = some_mesh();
    broken.triangles[1][2] = 9;
    refused(broken, {.format = MeshFormat::ply}, "triangle");
    const Image texture(2, 2, 3, srgb8);
    refused(some_mesh(), {.format = MeshFormat::obj, .base_colour = texture}, "GLB");
    auto bare = some_mesh();
    bare.uv.clear();
    refused(bare, {.format = MeshFormat::glb, .base_colour = texture}, "uv");
    refused(some_mesh(), {.format = MeshFormat::glb, .base_colour = Image(2, 2, 1, data8)}, "texture");
    refused(some_mesh(), {.format = MeshFormat::ply, .facts = {{"a", "b\nc"}}}, "line break");
}

TEST_CASE("a mesh file appears whole or not at all", "[io][mesh][disk]") {
    support::check_writer_is_safe(
        [](const std::filesystem::path& path, io::Overwrite overwrite) {
            io::write_mesh(path, some_mesh(), {.overwrite = overwrite});
        },
        "head.ply");
}
