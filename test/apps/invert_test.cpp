// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <signal.h>

#include <ATen/ATen.h>

#include <cameo/core/image_tensor.hpp>
#include <cameo/core/tensor_state.hpp>
#include <cameo/io/camera_file.hpp>
#include <cameo/io/identity_file.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/npz.hpp>
#include <cameo/io/safetensors.hpp>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "studio.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"
#include "views.hpp"

using namespace cameo;
using Catch::Contains;
using support::Studio;
using Words = std::vector<std::string>;

namespace {

namespace fs = std::filesystem;

/// A studio with pictures of a head of its model's own: front.png, side.png and their cameras.
struct Sitting : Studio {
    Sitting() {
        const std::vector views{apps::camera_at({0, 0}, intrinsics_from_focal(4.2647), model.config()),
                                apps::camera_at({25, 5}, intrinsics_from_focal(4.2647), model.config())};
        const auto portrait = drawn(mapped(5), views);
        io::write_image(folder / "front.png", to_image(portrait.image[0]));
        io::write_image(folder / "side.png", to_image(portrait.image[1]));
        const std::vector<io::NamedCamera> both{{"00000/front.png", views[0]}, {"00000/side.png", views[1]}};
        io::write_cameras(folder / "dataset.json", both);
        io::write_cameras(folder / "front.json", std::span(both).first(1));
    }

    [[nodiscard]] std::string at(const std::string& name) const { return (folder / name).string(); }

    [[nodiscard]] Words words(Words more, const std::string& verb = "invert") const {
        Words all{verb, "--model", at("tiny.safetensors")};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    [[nodiscard]] support::ProcessResult invert(Words more) const { return support::run_cameo(words(std::move(more))); }
};

}  // namespace

TEST_CASE("a picture becomes an identity that generate, mesh and video take", "[apps][invert]") {
    const Sitting sitting;
    const auto result = sitting.invert({sitting.at("front.png"), "--camera", sitting.at("dataset.json"), "--steps", "6",
                                        "-o", sitting.at("out/me.cameo"), "--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(support::names_below(sitting.folder / "out") == Words{"me-drawn.png", "me.cameo", "me.json", "me.png"});
    const auto row = nlohmann::json::parse(result.out);
    CHECK(row["method"] == "pti");
    CHECK(row["model"] == sitting.digest);
    CHECK(row["losses"] == nlohmann::json({"multi-scale L1", "L2"}));
    CHECK(row["stages"].size() == 2);
    CHECK(row["stages"][1]["last_loss"].get<double>() < row["stages"][0]["first_loss"].get<double>());
    CHECK(!row["sentence"].get<std::string>().empty());
    CHECK(nlohmann::json::parse(support::contents(sitting.folder / "out/me.json"))["psnr"] == row["psnr"]);

    const auto identity = io::read_identity(sitting.folder / "out/me.cameo");
    CHECK(identity.generator == "tiny.safetensors");
    CHECK(identity.generator_digest == sitting.digest);
    CHECK(identity.licence == "CC0-1.0");
    CHECK(identity.metrics.at("psnr") == row["psnr"].get<double>());
    CHECK(identity.thumbnail.width() == 32);
    CHECK(identity.tuned.size() > 10);
    const auto sheet = io::read_image(sitting.folder / "out/me.png");
    CHECK(sheet.image.width() == 7 * 32);
    CHECK(sheet.image.height() == 2 * 32);
    CHECK(sheet.metadata.at("Model") == sitting.digest);

    // Drawn by generate from the picture's camera, it is what invert has drawn.
    const auto drawn = support::run_cameo(sitting.words(
        {sitting.at("out/me.cameo"), "--cameras", sitting.at("front.json"), "-o", sitting.at("again")}, "generate"));
    INFO(drawn.err);
    REQUIRE(drawn.exit_code == 0);
    const auto again = io::read_image(sitting.folder / "again/me.png").image,
               first = io::read_image(sitting.folder / "out/me-drawn.png").image;
    CHECK((again == first));
    const auto mesh = support::run_cameo(
        sitting.words({sitting.at("out/me.cameo"), "--res", "16", "-o", sitting.at("me.mrc")}, "mesh"));
    INFO(mesh.err);
    CHECK(mesh.exit_code == 0);
    CHECK(fs::exists(sitting.folder / "me.mrc"));
    const auto film =
        support::run_cameo(sitting.words({sitting.at("out/me.cameo"), "--sample-mult", "1", "--w-frames", "1",
                                          "--cameras", sitting.at("front.json"), "-o", sitting.at("film/me.png")},
                                         "video"));
    INFO(film.err);
    REQUIRE(film.exit_code == 0);
    const auto frames = support::names_below(sitting.folder / "film");
    const auto frame = std::ranges::find_if(frames, [](const auto& name) { return name.ends_with(".png"); });
    REQUIRE(frame != frames.end());
    CHECK((io::read_image(sitting.folder / "film" / *frame).image == first));
}

TEST_CASE("an identity is refused by another generator, with both names", "[apps][invert]") {
    const Sitting sitting;
    const auto made = sitting.invert(
        {sitting.at("front.png"), "--camera", "0,0", "--steps", "1", "--method", "w", "-o", sitting.at("me.cameo")});
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    CHECK(io::read_identity(sitting.folder / "me.cameo").tuned.size() == 0);
    const auto other = support::tiny_eg3d(Studio::config(), 2);
    io::write_safetensors(sitting.folder / "other.safetensors", Studio::described(other));
    const auto refused = support::run_cameo(
        {"generate", "--network", sitting.at("other.safetensors"), sitting.at("me.cameo"), "-o", sitting.at("x")});
    CHECK(refused.exit_code == 5);
    CHECK_THAT(refused.err,
               Contains("tiny.safetensors (" + sitting.digest.substr(0, 12)) && Contains("other.safetensors ("));
    // Unnamed, it is looked for beside the default model.
    support::ProcessSetup setup;
    setup.environment["CAMEO_MODEL"] = sitting.at("other.safetensors");
    const auto found =
        support::run_cameo({"generate", sitting.at("me.cameo"), "--grid", "1x1", "-o", sitting.at("y")}, setup);
    INFO(found.err);
    CHECK(found.exit_code == 0);
    fs::remove(sitting.folder / "tiny.safetensors");
    const auto lost = support::run_cameo({"generate", sitting.at("me.cameo"), "-o", sitting.at("z")}, setup);
    CHECK(lost.exit_code == 5);
    CHECK_THAT(lost.err, Contains("tiny.safetensors (") && Contains("other.safetensors ("));
    const auto both = support::run_cameo({"generate", sitting.at("me.cameo"), "--seeds", "1"}, setup);
    CHECK(both.exit_code == 2);
}

TEST_CASE("several pictures of one head make one identity", "[apps][invert]") {
    const Sitting sitting;
    const auto result =
        sitting.invert({sitting.at("front.png"), sitting.at("side.png"), "--camera", sitting.at("dataset.json"),
                        "--method", "w+", "--steps", "3", "--free-camera", "-o", sitting.at("two.cameo"), "--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(io::read_identity(sitting.folder / "two.cameo").cameras.size() == 2);
    CHECK(nlohmann::json::parse(result.out)["cameras"].size() == 2);
}

TEST_CASE("an interrupted inversion goes on to the bytes of an unbroken one", "[apps][invert]") {
    const Sitting sitting;
    const Words common{sitting.at("front.png"), "--camera", sitting.at("front.json"), "--steps", "120",
                       "--tuning-steps",        "2"};
    const auto with = [&](Words more) {
        auto all = sitting.words(common);
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    support::ProcessSetup setup;
    setup.arguments = with({"-o", sitting.at("broken.cameo"), "--progress", "json"});
    support::Process process(CAMEO_PROGRAM, setup);
    REQUIRE(process.wait_for_error("\"done\":1"));
    process.signal(SIGINT);
    const auto stopped = process.wait();
    INFO(stopped.err);
    CHECK(stopped.exit_code == 130);
    CHECK_THAT(stopped.err, Contains("--resume"));
    CHECK(!fs::exists(sitting.folder / "broken.cameo"));
    REQUIRE(fs::exists(sitting.folder / "broken.state.safetensors"));

    const auto resumed = support::run_cameo(with({"-o", sitting.at("broken.cameo"), "--resume"}));
    INFO(resumed.err);
    REQUIRE(resumed.exit_code == 0);
    CHECK(!fs::exists(sitting.folder / "broken.state.safetensors"));
    REQUIRE(support::run_cameo(with({"-o", sitting.at("whole.cameo")})).exit_code == 0);
    CHECK((support::contents(sitting.folder / "broken.cameo") == support::contents(sitting.folder / "whole.cameo")));
}

TEST_CASE("what cannot be inverted is answered in words", "[apps][invert]") {
    const Sitting sitting;
    const auto picture = sitting.at("front.png");
    io::write_image(sitting.folder / "wide.png", Image(20, 10, 3, srgb8));
    io::write_image(sitting.folder / "unnamed.png", Image(32, 32, 3, srgb8));
    support::write(sitting.folder / "text.png", "no picture");
    support::write(sitting.folder / "nan.json", R"({"labels": [["front.png", [NaN]]]})");
    support::write(sitting.folder / "far.json", R"({"labels": [["front.png", [1,0,0,9, 0,-1,0,0, 0,0,-1,2.7, 0,0,0,1,
                                                  4.2647,0,0.5, 0,4.2647,0.5, 0,0,1]]]})");
    auto spoilt = Studio::described(sitting.model);
    StateDict with_nan;
    with_nan.metadata = spoilt.metadata;
    for (const auto& entry : spoilt.entries())
        with_nan.add(entry.name,
                     entry.name.ends_with("decoder.net.0.bias") ? stored(at::full({10}, NAN)) : entry.tensor);
    io::write_safetensors(sitting.folder / "nan.safetensors", with_nan);
    struct Case {
        Words words;
        int exit_code;
        std::string part;
    };
    const std::vector<Case> cases{
        {{}, 2, "which picture"},
        {{picture}, 2, "--camera"},
        {{picture, "--camera", "0,0", "--camera", "1,1"}, 2, "got 2"},
        {{picture, "--camera", "left,0"}, 2, "--camera"},
        {{picture, "--camera", "0,95"}, 2, "pitch"},
        {{picture, "--camera", "0,0", "--steps", "0"}, 2, "--steps"},
        {{picture, "--camera", "0,0", "--budget", "10ms"}, 2, "--budget"},
        {{picture, "--camera", "0,0", "--method", "magic"}, 2, "--method"},
        {{picture, "--camera", "0,0", "--method", "w", "--local"}, 2, "--method pti"},
        {{picture, "--camera", "0,0", "--lpips", "a"}, 2, "--lpips-heads"},
        {{picture, "--camera", "0,0", "-o", "a.png"}, 2, ".cameo"},
        {{sitting.at("missing.png"), "--camera", "0,0"}, 7, "missing.png"},
        {{sitting.at("text.png"), "--camera", "0,0"}, 3, "text.png"},
        {{sitting.at("wide.png"), "--camera", "0,0"}, 3, "20 x 10"},
        {{sitting.at("unnamed.png"), "--camera", sitting.at("dataset.json")}, 3, "unnamed.png"},
        {{picture, "--camera", sitting.at("nan.json")}, 3, "nan.json"},
        {{picture, "--camera", sitting.at("far.json")}, 2, "looks past"},
        {{picture, "--camera", "0,0", "--tune", "hair."}, 5, "hair."},
        {{picture, "--camera", "0,0", "--tune", "backbone.mapping.", "--steps", "1"}, 5, "depends on none"},
        {{picture, "--camera", "0,0", "--resume"}, 7, "state"},
        {{picture, "--camera", "0,0", "--model", sitting.at("nan.safetensors")}, 3, "decoder.net.0.bias"},
    };
    for (const auto& [words, exit_code, part] : cases) {
        auto all = words;
        if (std::ranges::find(all, "-o") == all.end()) all.insert(all.end(), {"-o", sitting.at("bad.cameo")});
        const auto own_model = std::ranges::find(all, "--model") != all.end();
        const auto result = own_model ? [&] {
            all.insert(all.begin(), "invert");
            return support::run_cameo(all);
        }() : sitting.invert(all);
        INFO(result.err);
        CHECK(result.exit_code == exit_code);
        CHECK_THAT(result.err, Contains(part));
        CHECK(!fs::exists(sitting.folder / "bad.cameo"));
    }
    support::write(sitting.folder / "there.cameo", "mine");
    const auto taken = sitting.invert({picture, "--camera", "0,0", "-o", sitting.at("there.cameo")});
    CHECK(taken.exit_code == 7);
    CHECK(support::contents(sitting.folder / "there.cameo") == "mine");
}

TEST_CASE("pictures of several sizes are brought to the model's, and it is said", "[apps][invert]") {
    const Sitting sitting;
    const auto small = io::read_image(sitting.folder / "side.png").image;
    Image large(64, 64, 3, srgb8);
    for (std::int64_t y = 0; y < 64; ++y)
        for (std::size_t x = 0; x < 3 * 64; ++x)
            large.row<std::uint8_t>(y)[x] = small.row<std::uint8_t>(y / 2)[3 * (x / 6) + x % 3];
    io::write_image(sitting.folder / "large.png", large);
    const auto result = sitting.invert({sitting.at("front.png"), sitting.at("large.png"), "--camera", "0,0", "--camera",
                                        "25,5", "--method", "w", "--steps", "1", "-o", sitting.at("sizes.cameo")});
    INFO(result.err);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.err, Contains("large.png: resized from 64 to the model's 32"));
}
