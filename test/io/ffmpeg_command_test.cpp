// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/ffmpeg_command.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>
#include "support/temporary_folder.hpp"

using cameo::io::ffmpeg_command;
using cameo::io::FrameRate;

namespace {

/// The arguments that a shell would start FFmpeg with.
std::vector<std::string> arguments_of(const std::string& command) {
    const cameo::support::TemporaryFolder folder;
    std::ofstream(folder / "script") << "ffmpeg() { printf '%s\\0' \"$@\"; }\n" << command << "\n";
    std::FILE* const shell = ::popen(("sh " + (folder / "script").string()).c_str(), "r");
    REQUIRE(shell != nullptr);
    std::vector<std::string> words(1);
    for (int letter = std::fgetc(shell); letter != EOF; letter = std::fgetc(shell)) {
        if (letter == 0)
            words.emplace_back();
        else
            words.back() += static_cast<char>(letter);
    }
    REQUIRE(::pclose(shell) == 0);
    words.pop_back();
    return words;
}

std::string after(const std::vector<std::string>& words, const std::string& option) {
    const auto place = std::find(words.begin(), words.end(), option);
    REQUIRE(words.end() - place > 1);
    return place[1];
}

}  // namespace

TEST_CASE("the command for FFmpeg makes the kind of video that VideoWriter makes", "[io][video]") {
    const auto words = arguments_of(ffmpeg_command("frames/%04d.png", FrameRate(30000, 1001), "orbit.mp4"));
    CHECK(after(words, "-framerate") == "30000/1001");
    CHECK(after(words, "-i") == "frames/%04d.png");
    CHECK(after(words, "-c:v") == "libx264");
    CHECK_THAT(after(words, "-vf"), Catch::Contains("out_color_matrix=bt709") && Catch::Contains("format=yuv420p"));
    for (const std::string tag : {"-colorspace", "-color_primaries", "-color_trc"}) CHECK(after(words, tag) == "bt709");
    CHECK(after(words, "-color_range") == "tv");
    CHECK(after(words, "-movflags") == "+faststart");
    CHECK(words.back() == "orbit.mp4");
}

TEST_CASE("names reach FFmpeg as they are, and as names of files", "[io][video]") {
    const auto check = [](const std::string& name, const std::string& argument) {
        const auto words = arguments_of(ffmpeg_command(name + "%d.png", 60, name));
        CHECK(after(words, "-i") == argument + "%d.png");
        CHECK(words.back() == argument);
    };
    check("my head.mp4", "my head.mp4");
    check("it's $(touch x) `y` \"z\" \\n.mp4", "it's $(touch x) `y` \"z\" \\n.mp4");
    check("two\nlines.mp4", "two\nlines.mp4");
    check("-y.mp4", "file:-y.mp4");
    check("http://host/x.mp4", "file:http://host/x.mp4");
    CHECK_THROWS_AS(ffmpeg_command(std::string("a\0b", 3), 60, "x.mp4"), cameo::Error);
}
