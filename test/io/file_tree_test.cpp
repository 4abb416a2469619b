// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/file_tree.hpp>

#include "support/catch.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using namespace cameo::io;

namespace {

void write(const std::filesystem::path& path, std::string_view text) {
    std::filesystem::create_directories(path.parent_path());
    write_file(path, text, Overwrite::yes);
}

std::string text_of(const FileTree& tree, std::string_view name) {
    const auto bytes = tree.read(name, 1000);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("a folder and the archive packed from it hold the same files in the same order", "[io][file_tree]") {
    const cameo::support::TemporaryFolder folder;
    write(folder / "set/00001/b.png", "bee");
    write(folder / "set/00000/a.png", "ay");
    write(folder / "set/dataset.json", "{}");
    write(folder / "set/.run.json.01234567.cameo-tmp", "left over");
    pack_folder(folder / "set", folder / "set.zip", Overwrite::no);
    for (const char* name : {"set", "set.zip"}) {
        const auto tree = FileTree::open(folder / name);
        CHECK(std::vector<std::string>(tree->names().begin(), tree->names().end()) ==
              std::vector<std::string>{"00000/a.png", "00001/b.png", "dataset.json"});
        CHECK(text_of(*tree, "00001/b.png") == "bee");
        CHECK(tree->contains("dataset.json"));
        CHECK_FALSE(tree->contains("b.png"));
        CHECK_THROWS_MATCHES(tree->read("b.png", 10), Error, cameo::support::is_error(Errc::invalid_argument, "b.png"));
        CHECK_THROWS_MATCHES(tree->read("00001/b.png", 2), Error, cameo::support::is_error(Errc::bad_file));
    }
    pack_folder(folder / "set", folder / "again.zip", Overwrite::no);
    CHECK(read_file(folder / "set.zip", 10000) == read_file(folder / "again.zip", 10000));
    CHECK_THROWS_MATCHES(pack_folder(folder / "set", folder / "set.zip", Overwrite::no), Error,
                         cameo::support::is_error(Errc::io_failure));
}

TEST_CASE("what is not there is an error that names it", "[io][file_tree]") {
    const cameo::support::TemporaryFolder folder;
    CHECK_THROWS_MATCHES(FileTree::open(folder / "none"), Error, cameo::support::is_error(Errc::io_failure, "none"));
    CHECK_THROWS_MATCHES(FileTree::open(folder / "none.ZIP"), Error,
                         cameo::support::is_error(Errc::io_failure, "none"));
    write(folder / "bad.zip", "no archive");
    CHECK_THROWS_MATCHES(FileTree::open(folder / "bad.zip"), Error,
                         cameo::support::is_error(Errc::bad_file, "bad.zip"));
}
