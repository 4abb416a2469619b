// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/resource.h>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cameo/core/image_tensor.hpp>
#include <cameo/io/camera_file.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/video.hpp>
#include <cameo/pipeline/latent_path.hpp>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "studio.hpp"
#include "support/catch.hpp"
#include "views.hpp"

using namespace cameo;
using Catch::Contains;
using support::Studio;
using Words = std::vector<std::string>;

namespace {

namespace fs = std::filesystem;

support::ProcessResult film(const Studio& studio, const fs::path& output, Words more) {
    Words words{"video", "--network", (studio.folder / "tiny.safetensors").string(), "-o",
                (studio.folder / output).string()};
    words.insert(words.end(), more.begin(), more.end());
    return support::run_cameo(words);
}

/// What the library draws for a frame of the published circle, at twice the model's samples.
Portrait frame_of(const Studio& studio, const LatentPath& path, std::int64_t frame, std::int64_t frames) {
    const auto& config = studio.model.config();
    RenderOptions how;
    how.samples = 2 * config.samples;
    how.fine_samples = 2 * config.fine_samples;
    const auto time = static_cast<double>(frame * path.keyframes()) / static_cast<double>(frames);
    return studio.drawn(path.at(time), {apps::circling_view(frame, frames, intrinsics_from_focal(4.2647), config)},
                        how);
}

/// Latents as the published video program maps them.
WLatent mapped(const Studio& studio, const std::vector<std::uint32_t>& seeds) {
    const c10::NoGradGuard no_gradient;
    const auto front = apps::video_frontal_view(intrinsics_from_focal(4.2647), studio.model.config());
    std::vector<at::Tensor> all;
    for (const auto seed : seeds) {
        StreamSource random{NumpyRandom(seed)};
        const auto z = ZLatent(random.normal({1, studio.model.config().z_dim}, at::kFloat));
        all.push_back(studio.model.map(z, cameras({&front, 1}, at::kFloat)).tensor());
    }
    return WLatent(at::cat(all));
}

int largest_step(const Image& a, const Image& b, std::int64_t left = 0) {
    int worst = 0;
    for (std::int64_t y = 0; y < b.height(); ++y)
        for (std::int64_t i = 0; i < b.width() * b.channels(); ++i)
            worst = std::max(worst, std::abs(int(a.row<std::uint8_t>(y)[static_cast<std::size_t>(left * 3 + i)]) -
                                             int(b.row<std::uint8_t>(y)[static_cast<std::size_t>(i)])));
    return worst;
}

}  // namespace

TEST_CASE("frames go along the published circle and the spline through the heads", "[apps][video]") {
    const Studio studio;
    const auto result = film(studio, "a.png", {"--seeds", "3,5,9", "--w-frames", "2", "--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto row = nlohmann::json::parse(result.out);
    CHECK(row["frames"] == 6);
    CHECK(row["encoder"] == "png");
    const LatentPath path(mapped(studio, {3, 5, 9}));
    for (std::int64_t frame = 0; frame < 6; ++frame) {
        const auto file = io::read_image(studio.folder / ("a-000" + std::to_string(frame) + ".png"));
        const auto expected = to_image(frame_of(studio, path, frame, 6).image[0]);
        REQUIRE(file.image.width() == 32);
        CHECK(largest_step(file.image, expected) <= 1);
        CHECK(file.metadata.at("Model") == studio.digest);
    }
}

TEST_CASE("a grid shares the heads out row by row, in each mode", "[apps][video]") {
    const Studio studio;
    const auto mode = GENERATE(std::string("image_raw"), std::string("image_depth"));
    const auto result =
        film(studio, "g.png", {"--seeds", "0-3", "--grid", "2x1", "--w-frames", "1", "--image_mode", mode});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(result.err, Contains("16 x 8 filled up to 16 x 16"));
    for (std::int64_t frame = 0; frame < 2; ++frame) {
        const auto file = io::read_image(studio.folder / ("g-000" + std::to_string(frame) + ".png"));
        REQUIRE(file.image.height() == 16);
        for (std::uint32_t cell = 0; cell < 2; ++cell) {
            const auto portrait = frame_of(studio, LatentPath(mapped(studio, {2 * cell, 2 * cell + 1})), frame, 2);
            auto expected = portrait.image_raw[0];
            if (mode == "image_depth") {
                const auto near = -portrait.depth[0];
                expected = ((near - near.min()) / (near.max() - near.min()) * 2 - 1).expand({3, -1, -1});
            }
            CHECK(largest_step(file.image, to_image(expected), 8 * cell) <= 1);
        }
        // What was filled up repeats the last row.
        for (std::size_t x = 0; x < 48; ++x)
            CHECK(file.image.row<std::uint8_t>(15)[x] == file.image.row<std::uint8_t>(7)[x]);
    }
}

TEST_CASE("videos have as many frames as asked for, one file for all heads or one each", "[apps][video]") {
    const Studio studio;
    const auto together = film(studio, "b.mp4", {"--seeds", "1-2", "--w-frames", "4", "--fps", "30"});
    INFO(together.err);
    REQUIRE(together.exit_code == 0);
    io::VideoReader reader(studio.folder / "b.mp4");
    CHECK(reader.width() == 32);
    CHECK(reader.frame_count() == 8);
    CHECK((reader.frame_rate() == io::FrameRate(30)));
    const auto bytes = support::contents(studio.folder / "b.mp4");
    CHECK_THAT(bytes, Contains(studio.digest) && Contains("CC0-1.0"));

    // Cameras of one's own, as many frames as they are; nothing of provenance.
    const std::vector<io::NamedCamera> own{{"a", {orbit_degrees(10, 0, 2.7), intrinsics_from_focal(4)}},
                                           {"b", {orbit_degrees(-10, 0, 2.7), intrinsics_from_focal(4)}}};
    io::write_cameras(studio.folder / "own.json", own);
    const auto apart = film(
        studio, "c.mp4",
        {"--seeds", "1,2", "--no-interpolate", "--cameras", (studio.folder / "own.json").string(), "--no-metadata"});
    INFO(apart.err);
    REQUIRE(apart.exit_code == 0);
    for (const std::string name : {"c-seed0001.mp4", "c-seed0002.mp4"}) {
        CHECK(io::VideoReader(studio.folder / name).frame_count() == 2);
        CHECK_THAT(support::contents(studio.folder / name), !Contains(studio.digest));
    }
    const auto again = film(studio, "c.mp4", {"--seeds", "1,2", "--no-interpolate", "--w-frames", "1"});
    CHECK(again.exit_code == 7);
    CHECK_THAT(again.err, Contains("--force"));
}

TEST_CASE("shapes are written for frames in which they change", "[apps][video]") {
    const Studio studio;
    const Words shapes{"--shapes", "--shape-res", "16", "--shape-format", "mrc", "--w-frames", "2"};
    auto still = shapes, moving = shapes;
    still.insert(still.end(), {"--seeds", "4"});
    moving.insert(moving.end(), {"--seeds", "4,5"});
    REQUIRE(film(studio, "still/s.png", still).exit_code == 0);
    CHECK(support::names_below(studio.folder / "still") ==
          Words{"run.json", "s-0000.png", "s-0001.png", "s-shape-0000.mrc"});
    REQUIRE(film(studio, "moving/s.png", moving).exit_code == 0);
    CHECK(support::names_below(studio.folder / "moving").size() == 1 + 2 * 4);
    CHECK(support::contents(studio.folder / "still/s-shape-0000.mrc") ==
          support::contents(studio.folder / "moving/s-shape-0000.mrc"));
}

TEST_CASE("without a codec the frames are pictures, and the command that makes the video is told", "[apps][video]") {
    const Studio studio;
    const auto result = film(studio, "d.mp4", {"--seeds", "0", "--w-frames", "2", "--encoder", "no-such-encoder"});
    CHECK(result.exit_code == 8);
    CHECK_THAT(result.err, Contains("ffmpeg -framerate 60 -i") && Contains("d-%04d.png"));
    CHECK_THAT(result.out, Contains("d-%04d.png: 2 frames"));
    CHECK(support::names_below(studio.folder.path()) ==
          Words{"d-0000.png", "d-0001.png", "run.json", "tiny.safetensors"});
}

TEST_CASE("what video cannot make is answered in words", "[apps][video]") {
    const Studio studio;
    struct Case {
        fs::path output;
        Words words;
        int exit_code;
        std::string part;
    };
    support::write(studio.folder / "none.json", R"({"labels": []})");
    const std::vector<Case> cases{
        {"a.gif", {"--seeds", "0"}, 2, ".mp4"},
        {"a.mp4", {}, 2, "--seeds"},
        {"a.mp4", {"--seeds", "0-2", "--grid", "2x1"}, 2, "--grid"},
        {"a.mp4", {"--seeds", "0", "--grid", "2x2", "--no-interpolate"}, 2, "--no-interpolate"},
        {"a.mp4", {"--seeds", "0", "--w-frames", "0"}, 2, "--w-frames"},
        {"a.mp4", {"--seeds", "0", "--fps", "0"}, 2, "--fps"},
        {"a.mp4", {"--seeds", "0", "--sample-mult", "0"}, 2, "--sample-mult"},
        {"a.mp4", {"--seeds", "0", "--image-mode", "film"}, 2, "image_depth"},
        {"a.mp4", {"--seeds", "0", "--path", "spiral"}, 2, "circle"},
        {"a.mp4", {"--seeds", "0", "--cameras", (studio.folder / "none.json").string()}, 3, "none.json"},
        {"a.mp4", {"--seeds", "0", "--w-frames", "2", "--memory", "1"}, 6, "budget"},
        {"/proc/no/such/a.mp4", {"--seeds", "0", "--w-frames", "2"}, 7, "/proc/no"}};
    for (const auto& [output, words, exit_code, part] : cases) {
        const auto result = film(studio, output, words);
        INFO(result.err);
        CHECK(result.exit_code == exit_code);
        CHECK_THAT(result.err, Contains(part));
        CHECK(!fs::exists(studio.folder / output));
    }
}

TEST_CASE("a full disk ends a video without leaving half of one", "[apps][video]") {
    const Studio studio;
    struct rlimit before {};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const struct rlimit small { 1000, before.rlim_max };
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto result =
        support::run_cameo({"video", "--network", (studio.folder / "tiny.safetensors").string(), "--seeds", "0-1",
                            "--w-frames", "60", "-o", (studio.folder / "out/a.mp4").string()},
                           {.ignored_signals = {SIGXFSZ}});
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    INFO(result.err);
    CHECK(result.exit_code == 7);
    CHECK_THAT(result.err, Contains("a.mp4"));
    CHECK(support::names_below(studio.folder / "out").empty());
}
