// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include <cameo/io/camera_file.hpp>
#include <cameo/io/file_tree.hpp>
#include <cameo/io/image.hpp>
#include <cameo/io/npz.hpp>
#include <cameo/synth/head_set.hpp>
#include <nlohmann/json.hpp>
#include "support/catch.hpp"

#include <sys/mount.h>
#include <unistd.h>

#include "program.hpp"
#include "support/temporary_folder.hpp"

namespace support = cameo::support;

using Catch::Contains;
using support::run_cameo;
using Names = std::vector<std::string>;

namespace {

namespace fs = std::filesystem;

const Names few{"--heads", "3", "--views", "2", "--size", "16"};

Names synth(const fs::path& output, Names more = few) {
    Names arguments{"dataset", "synth", output.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

Names names_of(const fs::path& path) {
    const auto tree = cameo::io::FileTree::open(path);
    return {tree->names().begin(), tree->names().end()};
}

std::vector<std::byte> read(const fs::path& path, std::string_view name) {
    return cameo::io::FileTree::open(path)->read(name, 1 << 24);
}

}  // namespace

TEST_CASE("a data set of heads is in the published format, with its truth beside it", "[apps][dataset]") {
    const support::TemporaryFolder folder;
    const auto result = run_cameo(synth(folder / "set"));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(result.out, Catch::StartsWith("made ") && Contains("6 pictures"));
    CHECK(names_of(folder / "set") == Names{"00000/img00000000.png", "00000/img00000001.png", "00000/img00000002.png",
                                            "00000/img00000003.png", "00000/img00000004.png", "00000/img00000005.png",
                                            "dataset.json", "run.json"});

    cameo::synth::HeadSetOptions options;
    options.identities = 3;
    options.views_per_identity = 2;
    options.view.size = 16;
    const cameo::synth::HeadSet set(options);
    const auto cameras = cameo::io::read_cameras(folder / "set/dataset.json");
    REQUIRE(cameras.size() == 6);
    for (std::int64_t i = 0; i < 6; ++i) {
        const auto& item = cameras[static_cast<std::size_t>(i)];
        INFO(item.name);
        const auto view = set.view(i);
        CHECK(item.camera == view->camera);
        CHECK(cameo::io::read_image(folder / "set" / item.name).image == view->rgb);
        const auto facts = cameo::io::read_npz((folder / "set-truth" / item.name).replace_extension(".npz"));
        const auto bytes = cameo::read_bytes(facts.at("depth"));
        REQUIRE(bytes.size() == view->depth.bytes().size());
        CHECK(std::memcmp(bytes.data(), view->depth.bytes().data(), bytes.size()) == 0);
        CHECK(facts.at("normals").shape == std::vector<std::int64_t>{16, 16, 3});
        CHECK(facts.at("landmarks_xyz").shape == std::vector<std::int64_t>{68, 3});
        CHECK(facts.at("numbers").shape == std::vector<std::int64_t>{64});
        const auto labels = cameo::read_bytes(facts.at("labels"));
        CHECK(std::ranges::equal(labels, view->labels.labels(), [](std::byte a, cameo::FaceLabel b) {
            return std::to_integer<int>(a) == static_cast<int>(b);
        }));
    }
}

TEST_CASE("an interrupted set goes on to the same bytes, and other options are refused", "[apps][dataset]") {
    const support::TemporaryFolder folder;
    REQUIRE(run_cameo(synth(folder / "whole")).exit_code == 0);
    REQUIRE(run_cameo(synth(folder / "part")).exit_code == 0);
    // As if the run had ended after two pictures, in the middle of the third.
    fs::remove(folder / "part/dataset.json");
    for (const char* name : {"00000/img00000002", "00000/img00000003", "00000/img00000004", "00000/img00000005"})
        fs::remove(folder / "part" / (std::string(name) + ".png"));
    fs::remove(folder / "part-truth/00000/img00000004.npz");
    const auto again = run_cameo(synth(folder / "part"));
    CHECK(again.exit_code == 0);
    CHECK_THAT(again.out, Contains("2 of them by an earlier run"));
    for (const char* kind : {"", "-truth"}) {
        const auto whole = folder / (std::string("whole") + kind), part = folder / (std::string("part") + kind);
        REQUIRE(names_of(whole) == names_of(part));
        for (const auto& name : names_of(whole)) CHECK((read(whole, name) == read(part, name)));
    }
    const auto other = run_cameo(synth(folder / "part", {"--heads", "3", "--views", "2", "--size", "17"}));
    CHECK(other.exit_code == 5);
    CHECK_THAT(other.err, Contains("run.json"));
    const auto foreign = run_cameo(synth(folder.path(), few));
    CHECK(foreign.exit_code == 7);
    CHECK_THAT(foreign.err, Contains("expected an empty folder"));
}

TEST_CASE("an archive holds what the folder would", "[apps][dataset]") {
    const support::TemporaryFolder folder;
    REQUIRE(run_cameo(synth(folder / "set", {"--heads", "2", "--size", "8", "--no-truth"})).exit_code == 0);
    REQUIRE(run_cameo(synth(folder / "set.zip", {"--heads", "2", "--size", "8", "--no-truth"})).exit_code == 0);
    CHECK(support::names_below(folder.path()) == Names{"set", "set.zip"});
    REQUIRE(names_of(folder / "set") == names_of(folder / "set.zip"));
    for (const auto& name : names_of(folder / "set"))
        CHECK((read(folder / "set", name) == read(folder / "set.zip", name)));
    CHECK(run_cameo(synth(folder / "set.zip")).exit_code == 7);  // the name is taken
}

TEST_CASE("show draws a sheet and the cameras, and counts the classes", "[apps][dataset]") {
    const support::TemporaryFolder folder;
    REQUIRE(run_cameo(synth(folder / "set")).exit_code == 0);
    const auto result = run_cameo({"dataset", "show", (folder / "set").string(), "--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto record = nlohmann::json::parse(result.out);
    CHECK(record.at("pictures") == 6);
    CHECK(record.at("cameras") == 6);
    double all = 0;
    for (const auto& [name, share] : record.at("classes").items()) all += share.get<double>();
    CHECK(all == Approx(1.0));
    CHECK(record.at("classes").at("skin").get<double>() > 0.1);
    const auto sheet = cameo::io::read_image(folder / "set-sheet.png").image;
    CHECK(sheet.width() == 3 * 16);
    CHECK(sheet.height() == 2 * 16);
    const auto first = cameo::io::read_image(folder / "set/00000/img00000000.png").image;
    CHECK(std::ranges::equal(first.row<std::uint8_t>(5), sheet.row<std::uint8_t>(5).first(48)));
    CHECK(fs::exists(folder / "set-poses.png"));
    CHECK(run_cameo({"dataset", "show", (folder / "set").string()}).exit_code == 7);
    CHECK(run_cameo({"dataset", "show", (folder / "set").string(), "--force"}).exit_code == 0);
}

TEST_CASE("bad values are refused before anything is written", "[apps][dataset]") {
    const support::TemporaryFolder folder;
    for (const Names& bad :
         {Names{"--heads", "0"}, Names{"--heads", "900001"}, Names{"--size", "0"}, Names{"--size", "5000"},
          Names{"--views", "-1"}, Names{"--yaw", "-3"}, Names{"--pitch", "nan"}, Names{"--samples", "9"},
          Names{"--background", "mauve"}, Names{"--first", "-1"}, Names{"--first", "4294967296"},
          Names{"--first", "899999", "--heads", "2"}, Names{"--accessories", "crown"},
          Names{"--for-tests", "--first", "5"}}) {
        INFO(bad[0] << " " << bad[1]);
        CHECK(run_cameo(synth(folder / "set", bad)).exit_code == 2);
    }
    CHECK(support::names_below(folder.path()).empty());
    CHECK(run_cameo({"dataset", "paint", (folder / "set").string()}).exit_code == 2);
    CHECK(run_cameo({"dataset", "show", (folder / "none").string()}).exit_code == 7);
}

TEST_CASE("a folder that may not be written and a full disk leave no broken file", "[apps][dataset]") {
    const support::TemporaryFolder folder;
    fs::create_directory(folder / "locked");
    fs::permissions(folder / "locked", fs::perms::owner_read | fs::perms::owner_exec);
    if (::geteuid() != 0) CHECK(run_cameo(synth(folder / "locked/set")).exit_code == 7);
    if (::mount("tmpfs", (folder / "locked").c_str(), "tmpfs", MS_RDONLY, nullptr) == 0) {  // not even for root
        const auto refused = run_cameo(synth(folder / "locked/set"));
        CHECK(refused.exit_code == 7);
        CHECK_THAT(refused.err, Contains("Read-only"));
        CHECK(::umount2((folder / "locked").c_str(), MNT_DETACH) == 0);
    }
    cameo::io::write_file(folder / "file", std::string_view("x"), cameo::io::Overwrite::no);
    CHECK(run_cameo(synth(folder / "file/set")).exit_code == 7);

    fs::create_directory(folder / "disk");
    if (::mount("tmpfs", (folder / "disk").c_str(), "tmpfs", 0, "size=256k") != 0) {
        WARN("not run: mounting a tmpfs is not permitted here (" << std::strerror(errno) << ")");
        return;
    }
    const auto full = run_cameo(synth(folder / "disk/set", {"--heads", "40", "--size", "64"}));
    CHECK(full.exit_code == 7);
    CHECK_THAT(full.err, Contains("No space left"));
    int whole = 0;
    for (const auto& name : names_of(folder / "disk/set"))
        if (name.ends_with(".png")) {
            CHECK(cameo::io::read_image(folder / "disk/set" / name).image.width() == 64);
            ++whole;
        }
    CHECK(whole > 0);
    CHECK(::umount2((folder / "disk").c_str(), MNT_DETACH) == 0);
}
