// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/snapshot_folder.hpp>

#include <fstream>
#include <vector>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/failing_disk.hpp"
#include "support/temporary_folder.hpp"

using namespace cameo;
using Steps = std::vector<std::int64_t>;

namespace {

StateDict some_state(std::size_t bytes) {
    StateDict state;
    state.add("x", {DType::u8, {static_cast<std::int64_t>(bytes)}, memory_source(std::vector(bytes, std::byte{5}))});
    return state;
}

}  // namespace

TEST_CASE("a folder keeps the latest snapshots", "[train][snapshot]") {
    const support::TemporaryFolder temporary;
    io::SnapshotFolder folder(temporary / "run", 2);
    CHECK(folder.steps().empty());
    for (const std::int64_t step : {5, 10, 1000000000, 20}) folder.save(step, some_state(100));
    CHECK(folder.steps() == Steps{20, 1000000000});
    CHECK(folder.load(20).at("x").byte_size() == 100);
    CHECK_THROWS_MATCHES(folder.load(5), Error, support::is_error(Errc::io_failure, "snapshot-000000005"));
}

TEST_CASE("only snapshots and what is left of them belong to the folder", "[train][snapshot]") {
    const support::TemporaryFolder temporary;
    const auto write = [&](const char* name) { io::write_file(temporary / name, "text", io::Overwrite::no); };
    write(".snapshot-000000007.safetensors.abcdefgh.cameo-tmp");
    write(".other.abcdefgh.cameo-tmp");
    write("snapshot-7.safetensors");
    write("snapshot-00000000x.safetensors");
    const io::SnapshotFolder folder(temporary.path(), 1);
    CHECK(folder.steps().empty());
    CHECK(support::names_in(temporary.path()).size() == 3);
}

TEST_CASE("a damaged snapshot is a bad file", "[train][snapshot]") {
    const support::TemporaryFolder temporary;
    io::SnapshotFolder folder(temporary.path());
    folder.save(1, some_state(1000));
    std::fstream file(folder.path_of(1), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-10, std::ios::end);
    file.put('\0');
    file.close();
    CHECK_THROWS_MATCHES(folder.load(1), Error, support::is_error(Errc::bad_file, "damaged"));
}

TEST_CASE("a full disk leaves the snapshots that are there", "[train][snapshot]") {
    const support::TemporaryFolder temporary;
    io::SnapshotFolder folder(temporary.path(), 1);
    folder.save(1, some_state(1000));
    {
        support::FailingDisk disk({.room = 500});
        const io::FileCallsScope scope(disk);
        CHECK_THROWS_MATCHES(folder.save(2, some_state(1000)), Error, support::is_error(Errc::io_failure));
    }
    CHECK(folder.steps() == Steps{1});
    CHECK(folder.load(1).size() == 1);
    CHECK(support::names_in(temporary.path()).size() == 1);
}
