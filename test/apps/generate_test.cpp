// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/image_tensor.hpp>
#include <cameo/core/numpy_random.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/generate/eg3d.hpp>
#include <cameo/io/camera_file.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/npy.hpp>
#include <cameo/io/npz.hpp>
#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "studio.hpp"
#include "support/catch.hpp"
#include "support/golden_arrays.hpp"
#include "support/sampled.hpp"
#include "support/temporary_folder.hpp"
#include "support/tensors.hpp"
#include "support/tiny_eg3d.hpp"
#include "views.hpp"

using namespace cameo;
using Catch::Contains;
using support::run_cameo;
using support::Studio;
using Words = std::vector<std::string>;

namespace {

namespace fs = std::filesystem;

at::Tensor array(const StateDict& arrays, const std::string& name) { return owned_tensor(arrays.at(name), name); }

}  // namespace

TEST_CASE("generate draws each seed from the three published sides", "[apps][generate]") {
    const Studio studio;
    const auto result = studio.run({"--seeds", "3,7", "--depth"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto out = studio.folder / "out";
    CHECK(support::names_below(out) ==
          Words{"run.json", "seed0003.png", "seed0003_depth.png", "seed0007.png", "seed0007_depth.png"});
    CHECK_THAT(result.out, Contains("seed0003.png") && Contains("seed0007_depth.png"));

    const auto file = io::read_image(out / "seed0007.png");
    CHECK(file.image.width() == 3 * 32);
    CHECK(file.image.height() == 32);
    const auto portrait =
        studio.drawn(studio.mapped(7), apps::published_views(Studio::intrinsics(), studio.model.config()));
    for (std::int64_t view = 0; view < 3; ++view) {
        const auto expected = to_image(portrait.image[view]);
        for (std::int64_t y = 0; y < 32; ++y)
            for (std::size_t x = 0; x < 96; ++x)
                REQUIRE(std::abs(int(file.image.row<std::uint8_t>(y)[static_cast<std::size_t>(96 * view) + x]) -
                                 int(expected.row<std::uint8_t>(y)[x])) <= 1);
    }
    CHECK(file.metadata.at("Model") == studio.digest);
    CHECK(file.metadata.at("Licence") == "CC0-1.0");
    CHECK(file.metadata.at("Description") == "synthetic, made with cameo");
    CHECK(file.metadata.at("Origin") == R"({"seed":7})");

    const auto depth = io::read_image(out / "seed0007_depth.png").image;
    CHECK(depth.width() == 3 * 8);
    CHECK(depth.channels() == 1);
    const auto shades = depth.values<std::uint8_t>();
    CHECK(*std::ranges::max_element(shades) == 255);  // the nearest point of all three views
    CHECK(*std::ranges::min_element(shades) == 0);
}

TEST_CASE("saved arrays are what the library computes, with and without jitter", "[apps][generate]") {
    const Studio studio;
    const auto jitter = GENERATE(std::string("none"), std::string("5"));
    const auto npz = studio.folder / "arrays.npz";
    const auto result = studio.run({"--seeds", "1-2", "--views", "yaw=-20:20:2", "--trunc", "0.6", "--trunc-cutoff",
                                    "3", "--nrr", "6", "--jitter", jitter, "--save-arrays", npz.string()});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto arrays = io::read_npz(npz);
    CHECK((array(arrays, "batch") == at::tensor({0, 0, 1, 1})).all().item<bool>());

    std::vector<Camera> views;
    for (const double yaw : {-20.0, 20.0})
        views.push_back(apps::camera_at({yaw, 0}, Studio::intrinsics(), studio.model.config()));
    CHECK(support::difference(array(arrays, "cameras").narrow(0, 0, 2), labels(cameras(views, at::kDouble))) == 0);
    RenderOptions options;
    options.raw_resolution = 6;
    if (jitter != "none") options.jitter = RenderOptions::Jitter::random;
    for (std::int64_t i = 0; i < 2; ++i) {
        const auto portrait =
            studio.drawn(studio.mapped(static_cast<std::uint32_t>(1 + i), {0.6, 3}), views, options, 5);
        const auto part = [&](const char* name) { return array(arrays, name).narrow(0, 2 * i, 2); };
        CHECK(support::difference(part("image"), portrait.image) < 1e-5);
        CHECK(support::difference(part("image_raw"), portrait.image_raw) < 1e-6);
        CHECK(support::difference(part("image_depth"), portrait.depth) < 1e-6);
    }
}

TEST_CASE(
    "traps 3 and 39: a fractional field of view counts, and latents hear the frontal camera, not the rendering one",
    "[apps][generate]") {
    const Studio studio;
    const auto npz = studio.folder / "arrays.npz";
    const auto result =
        studio.run({"--seeds", "1", "--views", "yaw=40", "--fov-deg", "18.837", "--save-arrays", npz.string()});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto arrays = io::read_npz(npz);
    CHECK(array(arrays, "cameras")[0][16].item<double>() == Approx(4.26339).epsilon(1e-6));
    const auto side = apps::camera_at({40, 0}, Studio::intrinsics(), studio.model.config());
    const auto expected = studio.drawn(studio.mapped(1), {side}).image;
    CHECK(support::difference(array(arrays, "image"), expected) < 1e-5);
    const c10::NoGradGuard no_gradient;
    StreamSource random{NumpyRandom(1)};
    const auto drifted = studio.model.map(ZLatent(random.normal({1, studio.model.config().z_dim}, at::kFloat)),
                                          cameras({&side, 1}, at::kFloat));
    CHECK(support::difference(studio.drawn(drifted, {side}).image, expected) > 1e-3);
}

TEST_CASE("latents and cameras come from files", "[apps][generate]") {
    const Studio studio;
    const auto& config = studio.model.config();
    StreamSource random{NumpyRandom(11)};
    const auto ws = random.normal({2, config.num_ws(), config.w_dim}, at::kFloat);
    io::write_npy(studio.folder / "ws.npy", stored(ws));
    const auto z = random.normal({1, config.z_dim}, at::kDouble);
    io::write_npy(studio.folder / "z.npy", stored(z));
    const std::vector<io::NamedCamera> views{{"a.png", to_cameras(support::some_cameras(2, at::kDouble))[0]},
                                             {"b.png", to_cameras(support::some_cameras(2, at::kDouble))[1]}};
    io::write_cameras(studio.folder / "cameras.json", views);
    const auto npz = (studio.folder / "arrays.npz").string(), file = (studio.folder / "cameras.json").string();

    const auto result =
        studio.run({"--latents", (studio.folder / "ws.npy").string(), "--cameras", file, "--save-arrays", npz});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(support::names_below(studio.folder / "out") == Words{"latent0000.png", "latent0001.png", "run.json"});
    const auto portrait = studio.drawn(WLatent(ws.narrow(0, 1, 1)), {views[0].camera, views[1].camera});
    CHECK(support::difference(array(io::read_npz(npz), "image").narrow(0, 2, 2), portrait.image) < 1e-5);

    const auto one = studio.run({"--latents", (studio.folder / "z.npy").string(), "--cameras", file, "--force"});
    INFO(one.err);
    CHECK(one.exit_code == 0);

    const auto truncated = studio.run({"--latents", (studio.folder / "ws.npy").string(), "--trunc", "0.5", "--force"});
    CHECK(truncated.exit_code == 2);
    CHECK_THAT(truncated.err, Contains("--trunc"));
    io::write_npy(studio.folder / "odd.npy", stored(at::zeros({2, 5})));
    const auto odd = studio.run({"--latents", (studio.folder / "odd.npy").string()});
    CHECK(odd.exit_code == 3);
    CHECK_THAT(odd.err, Contains("odd.npy") && Contains("[2, 5]"));
    io::write_npy(studio.folder / "nan.npy", stored(at::full({1, config.z_dim}, NAN)));
    CHECK(studio.run({"--latents", (studio.folder / "nan.npy").string()}).exit_code == 3);
}

TEST_CASE("a grid has one picture of each seed, or of each view", "[apps][generate]") {
    const Studio studio;
    REQUIRE(studio.run({"--seeds", "0-4", "--grid", "3x2", "--depth"}).exit_code == 0);
    CHECK(support::names_below(studio.folder / "out") == Words{"grid.png", "grid_depth.png", "run.json"});
    const auto grid = io::read_image(studio.folder / "out/grid.png").image;
    CHECK(grid.width() == 96);
    CHECK(grid.height() == 64);
    const auto front = apps::frontal_view(Studio::intrinsics(), studio.model.config());
    const auto last = to_image(studio.drawn(studio.mapped(4), {front}).image[0]);
    for (std::int64_t y = 0; y < 32; ++y)
        for (std::size_t x = 0; x < 96; ++x)
            REQUIRE(std::abs(int(grid.row<std::uint8_t>(32 + y)[96 + x]) - int(last.row<std::uint8_t>(y)[x])) <= 1);
    CHECK(grid.row<std::uint8_t>(63)[3 * 95] == 255);  // the cell that is left over stays white

    const auto small = studio.run({"--seeds", "0-4", "--grid", "2x2", "--force"});
    CHECK(small.exit_code == 2);
    CHECK_THAT(small.err, Contains("--grid") && Contains("5 pictures"));
}

TEST_CASE("nothing is replaced without --force, and every run is recorded", "[apps][generate]") {
    const Studio studio;
    REQUIRE(studio.run({"--seeds", "0", "--no-metadata"}).exit_code == 0);
    CHECK(io::read_image(studio.folder / "out/seed0000.png").metadata.empty());
    const auto before = support::contents(studio.folder / "out/seed0000.png");
    const auto again = studio.run({"--seeds", "1,0"});
    CHECK(again.exit_code == 7);
    CHECK_THAT(again.err, Contains("seed0000.png") && Contains("--force"));
    CHECK(support::contents(studio.folder / "out/seed0000.png") == before);
    CHECK(!fs::exists(studio.folder / "out/seed0001.png"));  // seen before any work was done
    REQUIRE(studio.run({"--seeds", "0", "--force"}).exit_code == 0);
    CHECK(support::contents(studio.folder / "out/seed0000.png") != before);

    const auto record = nlohmann::json::parse(support::contents(studio.folder / "out/run.json"));
    REQUIRE(record["runs"].size() == 2);
    CHECK(record["runs"][1]["pictures"][0]["seed"] == 0);
    CHECK(record["runs"][1]["model"] == studio.digest);
}

TEST_CASE("a word of generate's that cannot be obeyed is answered in words", "[apps][generate]") {
    const Studio studio;
    struct Case {
        Words words;
        int exit_code;
        std::string part;
    };
    const std::vector<Case> cases{{{}, 2, "--seeds"},
                                  {{"--seeds", ""}, 2, "--seeds"},
                                  {{"--seeds", "1-"}, 2, "--seeds"},
                                  {{"--seeds", "1", "--latents", "z.npy"}, 2, "--latents"},
                                  {{"--seeds", "1", "--views", "yaw=1", "--cameras", "c.json"}, 2, "--cameras"},
                                  {{"--seeds", "1", "--views", "sideways"}, 2, "yaw=-30:30:7"},
                                  {{"--seeds", "1", "--trunc", "nan"}, 2, "--trunc"},
                                  {{"--seeds", "1", "--nrr", "-3"}, 2, "--nrr"},
                                  {{"--seeds", "1", "--jitter", "1,2"}, 2, "--jitter"},
                                  {{"--seeds", "1", "--fov-deg", "180"}, 2, "expected"},
                                  {{"--seeds", "1", "--device", "tpu"}, 2, "tpu"},
                                  {{"--seeds", "1", "--memory", "1K"}, 6, "budget"},
                                  {{"--seeds", "1", "--latens", "z.npy"}, 2, "--latents"},
                                  {{"--seeds", "1", "--cameras", "none.json"}, 7, "none.json"}};
    for (const auto& [words, exit_code, part] : cases) {
        const auto result = studio.run(words);
        INFO(result.err);
        CHECK(result.exit_code == exit_code);
        CHECK_THAT(result.err, Contains(part));
        CHECK(result.out.empty());
    }

    auto bent = support::some_cameras(1, at::kDouble);
    auto numbers = labels(bent)[0].contiguous();
    numbers[0] = 2.0;
    nlohmann::json label = nlohmann::json::array();
    for (std::int64_t i = 0; i < 25; ++i) label.push_back(numbers[i].item<double>());
    support::write(studio.folder / "bent.json", R"({"labels": [["a.png", )" + label.dump() + "]]}");
    const auto result = studio.run({"--seeds", "1", "--cameras", (studio.folder / "bent.json").string()});
    INFO(result.err);
    CHECK(result.exit_code == 3);
    CHECK_THAT(result.err, Contains("bent.json") && Contains("a.png"));
}

TEST_CASE("a model that is none of ours is refused by what is wrong with it", "[apps][generate]") {
    const Studio studio;
    const auto with = [&](const StateDict& tensors) {
        io::write_safetensors(studio.folder / "other.safetensors", tensors, io::Overwrite::yes);
        return run_cameo({"generate", "--network", (studio.folder / "other.safetensors").string(), "--seeds", "0", "-o",
                          (studio.folder / "out").string()});
    };
    const auto whole = studio.model.state();
    const auto without = [&](const std::string& name) {
        StateDict rest;
        rest.metadata = whole.metadata;
        for (const auto& [each, tensor] : whole.entries())
            if (each != name) rest.add(each, tensor);
        return rest;
    };
    const std::string bias = "G_ema.decoder.net.0.bias";

    auto result = with(without(bias));
    CHECK(result.exit_code == 3);
    CHECK_THAT(result.err, Contains(bias));
    auto more = without("");
    more.add("G_ema.extra", stored(at::zeros({2})));
    result = with(more);
    CHECK(result.exit_code == 3);
    CHECK_THAT(result.err, Contains("G_ema.extra"));
    auto broken = without(bias);
    broken.add(bias, stored(at::full({10}, NAN)));
    result = with(broken);
    CHECK(result.exit_code == 3);
    CHECK_THAT(result.err, Contains(bias));
    auto other = without("");
    auto facts = nlohmann::ordered_json::parse(other.metadata.at("cameo"));
    facts["networks"]["G_ema"]["class_name"] = "SomeoneElsesGenerator";
    other.metadata["cameo"] = facts.dump();
    result = with(other);
    CHECK(result.exit_code == 5);
    CHECK_THAT(result.err, Contains("SomeoneElsesGenerator"));

    support::write(studio.folder / "net.pkl", "\x80\x02.");
    result = run_cameo({"generate", "--network", (studio.folder / "net.pkl").string(), "--seeds", "0"});
    CHECK(result.exit_code == 3);
    CHECK_THAT(result.err, Contains("cameo convert"));
    // A program beside which no model lies.
    std::filesystem::copy_file(CAMEO_PROGRAM, studio.folder / "cameo");
    result = support::run((studio.folder / "cameo").string(), {.arguments = {"generate", "--seeds", "0"}});
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, Contains("--network"));
}

TEST_CASE("a converted checkpoint gives the published pictures through the program", "[apps][generate][golden]") {
    const auto pickle = support::golden("eg3d-ffhq-small.pkl");
    const auto golden = support::golden_arrays("eg3d-ffhq-small.npz");
    if (!pickle || !golden) return;
    const support::TemporaryFolder folder;
    const auto in = [&](const char* name) { return (folder / name).string(); };
    REQUIRE(run_cameo({"convert", pickle->string(), in("model.safetensors")}).exit_code == 0);
    io::write_npy(folder / "z.npy", stored((*golden)["z"].contiguous()));
    const auto write = [&](const char* name, const at::Tensor& labels) {
        std::vector<io::NamedCamera> named;
        for (const auto& camera : to_cameras(cameras_from_labels(labels.to(at::kDouble))))
            named.push_back({std::to_string(named.size()) + ".png", camera});
        io::write_cameras(folder / name, named);
    };
    write("cameras.json", (*golden)["cameras"]);
    write("conditioning.json", (*golden)["conditioning"]);
    const auto number = [&](const char* name) { return std::to_string((*golden)[name].item<std::int64_t>()); };
    const auto psi = nlohmann::json((*golden)["truncation_psi"].item<double>()).dump();
    const auto result = run_cameo({"generate",
                                   "--network",
                                   in("model.safetensors"),
                                   "--latents",
                                   in("z.npy"),
                                   "--cameras",
                                   in("cameras.json"),
                                   "--conditioning",
                                   in("conditioning.json"),
                                   "--trunc",
                                   psi,
                                   "--trunc-cutoff",
                                   number("truncation_cutoff"),
                                   "--nrr",
                                   number("nrr"),
                                   "--jitter",
                                   number("stratified_jitter_seed"),
                                   "--raw",
                                   "compatible",
                                   "--save-arrays",
                                   in("arrays.npz"),
                                   "-o",
                                   in("out")});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto arrays = io::read_npz(folder / "arrays.npz");
    // golden/eg3d/README.md, "Tolerances"
    const support::Tolerance rays{1e-4, 1e-3, 2e-3};
    support::check_close("image", array(arrays, "image"), (*golden)["image"], {2e-4});
    support::check_close("image_raw", array(arrays, "image_raw"), (*golden)["image_raw"], rays);
    support::check_close("image_depth", array(arrays, "image_depth"), (*golden)["image_depth"], rays);
}
