// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <cameo/pipeline/head_mesh.hpp>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "studio.hpp"
#include "support/catch.hpp"

using namespace cameo;
using Catch::Contains;
using support::Studio;
using Words = std::vector<std::string>;

namespace {

namespace fs = std::filesystem;

/// A density that some of the first seed's grid exceeds, as text.
std::string some_level(const Studio& studio) {
    const auto field = studio.model.field(studio.model.scene(studio.mapped(0)));
    auto values = density_grid(field, 24, Lattice::regular, {}).values;
    std::ranges::nth_element(values, values.begin() + 4000);
    return std::to_string(values[4000]);
}

support::ProcessResult mesh(const Studio& studio, const fs::path& output, Words more) {
    Words words{"mesh", "--network", (studio.folder / "tiny.safetensors").string(), "-o",
                (studio.folder / output).string()};
    words.insert(words.end(), more.begin(), more.end());
    return support::run_cameo(words);
}

}  // namespace

TEST_CASE("mesh writes each format, coloured and with its provenance", "[apps][mesh]") {
    const Studio studio;
    const auto level = some_level(studio);
    const auto result = mesh(studio, "head.glb", {"--seeds", "0", "--res", "24", "--level", level, "--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto row = nlohmann::json::parse(result.out);
    CHECK(row["triangles"].get<int>() > 100);
    CHECK(row["seed"] == 0);
    const auto glb = support::contents(studio.folder / "head.glb");
    CHECK(glb.starts_with("glTF"));
    CHECK_THAT(glb, Contains("COLOR_0") && Contains(studio.digest) && Contains("CC0-1.0"));

    for (const std::string ending : {"ply", "obj", "stl"})
        CHECK(mesh(studio, "head." + ending, {"--seeds", "0", "--res", "24", "--level", level}).exit_code == 0);
    CHECK(support::contents(studio.folder / "head.ply").starts_with("ply"));

    const auto fewer = mesh(studio, "few.glb",
                            {"--seeds", "0", "--res", "24", "--level", level, "--triangles", "100", "--no-colours",
                             "--no-metadata", "--no-lit", "--json"});
    INFO(fewer.err);
    REQUIRE(fewer.exit_code == 0);
    CHECK(nlohmann::json::parse(fewer.out)["triangles"].get<int>() < row["triangles"].get<int>());
    const auto bare = support::contents(studio.folder / "few.glb");
    CHECK_THAT(bare, !Contains("COLOR_0") && !Contains("CC0-1.0") && Contains("KHR_materials_unlit"));
}

TEST_CASE("several heads get a file each, and a volume holds the field's densities", "[apps][mesh]") {
    const Studio studio;
    const auto result = mesh(studio, "sub/v.mrc", {"--seeds", "0,3", "--res", "16"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(support::names_below(studio.folder / "sub") == Words{"run.json", "v-seed0000.mrc", "v-seed0003.mrc"});
    const auto bytes = support::contents(studio.folder / "sub/v-seed0003.mrc");
    REQUIRE(bytes.size() == 1024 + 4 * 16 * 16 * 16);
    const auto field = studio.model.field(studio.model.scene(studio.mapped(3)));
    const auto grid = density_grid(field, 16, Lattice::regular, {});
    float value = 0;
    std::memcpy(&value, bytes.data() + 1024 + 4 * ((15 - 5) * 256 + 6 * 16 + 7), 4);
    CHECK(value == Approx(grid.at(5, 6, 7)).margin(1e-5));
}

TEST_CASE("mesh bakes textures and fits Gaussians", "[apps][mesh]") {
    const Studio studio;
    const auto level = some_level(studio);
    const auto textured = mesh(
        studio, "t.glb",
        {"--seeds", "0", "--res", "24", "--level", level, "--texture", "--texture-size", "128", "--triangles", "600"});
    INFO(textured.err);
    REQUIRE(textured.exit_code == 0);
    const auto glb = support::contents(studio.folder / "t.glb");
    CHECK_THAT(glb, Contains("TEXCOORD_0") && Contains("baseColorTexture") && Contains("image/png") &&
                        Contains("CC0-1.0") && !Contains("COLOR_0"));

    const auto splats =
        mesh(studio, "sub/h.splat.ply",
             {"--seeds", "0,1", "--res", "24", "--level", level, "--splats", "50", "--steps", "2", "--json"});
    INFO(splats.err);
    REQUIRE(splats.exit_code == 0);
    CHECK(support::names_below(studio.folder / "sub") ==
          Words{"h-seed0000.splat.ply", "h-seed0001.splat.ply", "run.json"});
    const auto row = nlohmann::json::parse(splats.out.substr(0, splats.out.find('\n')));
    CHECK(row["splats"] == 50);
    CHECK(row["psnr"].is_number());
    const auto ply = support::contents(studio.folder / "sub/h-seed0000.splat.ply");
    CHECK_THAT(ply, Contains("property float rot_3") && Contains(studio.digest));
    CHECK(ply.size() - ply.find("end_header\n") - 11 == 50 * 17 * 4);
}

TEST_CASE("what mesh cannot make is answered in words", "[apps][mesh]") {
    const Studio studio;
    struct Case {
        fs::path output;
        Words words;
        int exit_code;
        std::string part;
    };
    const std::vector<Case> cases{
        {"a.fbx", {"--seeds", "0"}, 2, ".glb, .ply, .obj or .stl"},
        {"a.glb", {}, 2, "--seeds"},
        {"a.glb", {"--seeds", "0", "--res", "7"}, 2, "--res"},
        {"a.glb", {"--seeds", "0", "--res", "5000"}, 2, "1024"},
        {"a.glb", {"--seeds", "0", "--level", "high"}, 2, "--level"},
        {"a.glb", {"--seeds", "0", "--res", "16", "--level", "1e9"}, 2, "expected a density between"},
        {"a.glb", {"--seeds", "0", "--res", "16", "--border", "8"}, 2, "--border"},
        {"a.glb", {"--seeds", "0", "--scale", "0"}, 2, "--scale"},
        {"a.ply", {"--seeds", "0", "--texture"}, 2, "--texture"},
        {"a.glb", {"--seeds", "0", "--texture", "--texture-size", "9"}, 2, "64 to 8192"},
        {"a.splat.ply", {"--seeds", "0", "--splats", "0"}, 2, "--splats"},
        {"a.splat.ply", {"--seeds", "0", "--steps", "-1"}, 2, "--steps"},
        {"a.glb", {"--seeds", "0", "--res", "16", "--memory", "1"}, 6, "budget"}};
    for (const auto& [output, words, exit_code, part] : cases) {
        const auto result = mesh(studio, output, words);
        INFO(result.err);
        CHECK(result.exit_code == exit_code);
        CHECK_THAT(result.err, Contains(part));
        CHECK(!fs::exists(studio.folder / output));
    }
    support::write(studio.folder / "there.glb", "mine");
    const auto taken = mesh(studio, "there.glb", {"--seeds", "0"});
    CHECK(taken.exit_code == 7);
    CHECK_THAT(taken.err, Contains("--force"));
    CHECK(support::contents(studio.folder / "there.glb") == "mine");
}
