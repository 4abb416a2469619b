// SPDX-License-Identifier: Apache-2.0
#include <cameo/io/file.hpp>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>
#include "support/error_message.hpp"
#include "support/failing_disk.hpp"
#include "support/temporary_folder.hpp"

using cameo::Errc;
using cameo::Error;
using cameo::io::AtomicFile;
using cameo::io::MappedFile;
using cameo::io::Overwrite;
using cameo::io::read_file;
using cameo::io::write_file;
using cameo::support::error_of;
using cameo::support::FailingDisk;
using cameo::support::names_in;
using cameo::support::TemporaryFolder;
using cameo::support::text_of;

namespace fs = std::filesystem;

namespace {

template <class Action>
void check_io_failure(Action&& action, const std::string& reason) {
    CHECK_THAT(error_of(Errc::io_failure, std::forward<Action>(action)), Catch::Contains(reason));
}

std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761u) >> 11u);
    return text;
}

}  // namespace

TEST_CASE("a mapped file shows the bytes of the file", "[io][file]") {
    const TemporaryFolder folder;
    const auto content = pattern(100'003);
    std::ofstream(folder / "a", std::ios::binary) << content;
    const auto file = MappedFile::open(folder / "a");
    CHECK(as_text(file->bytes()) == content);
    fs::remove(folder / "a");
    CHECK(as_text(file->bytes()) == content);
}

TEST_CASE("an empty file maps to no bytes", "[io][file]") {
    const TemporaryFolder folder;
    std::ofstream(folder / "empty").close();
    CHECK(MappedFile::open(folder / "empty")->bytes().empty());
    CHECK(read_file(folder / "empty", 0).empty());
}

TEST_CASE("a mapping outlives the replacement of its file", "[io][file]") {
    const TemporaryFolder folder;
    write_file(folder / "a", pattern(50'000), Overwrite::no);
    const auto file = MappedFile::open(folder / "a");
    write_file(folder / "a", "short", Overwrite::yes);
    CHECK(as_text(file->bytes()) == pattern(50'000));
}

TEST_CASE("what is not a readable regular file is refused with path and reason", "[io][file]") {
    const TemporaryFolder folder;
    const auto check = [&](const fs::path& path, const std::string& reason) {
        check_io_failure([&] { (void)MappedFile::open(path); }, reason);
        check_io_failure([&] { (void)read_file(path, 10); }, path.filename().string());
    };
    check(folder / "missing", "missing: expected to open the file, got 'No such file or directory'");
    check(folder.path(), "a folder");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    check(folder / "pipe", "a device, pipe or socket");  // and returns at once, with nobody writing to the pipe
    check("/dev/zero", "a device, pipe or socket");
    if (::geteuid() != 0) {
        std::ofstream(folder / "secret") << "x";
        fs::permissions(folder / "secret", fs::perms::none);
        check(folder / "secret", "Permission denied");
    }
}

TEST_CASE("read_file() reads whole files and refuses larger ones than asked for", "[io][file]") {
    const TemporaryFolder folder;
    const auto content = pattern(200'001);
    write_file(folder / "a", content, Overwrite::no);
    CHECK(as_text(read_file(folder / "a", content.size())) == content);
    CHECK_THAT(error_of(Errc::bad_file, [&] { (void)read_file(folder / "a", content.size() - 1); }),
               Catch::Contains("a: expected at most 200000 bytes, found 200001"));
    CHECK_THAT(as_text(read_file("/proc/self/status", 1 << 20)), Catch::Contains("Name:"));  // says its size is 0
}

TEST_CASE("a file appears when it is committed, and holds what was written", "[io][file]") {
    const TemporaryFolder folder;
    const auto content = pattern(300'000);
    AtomicFile file(folder / "a", Overwrite::no);
    std::size_t done = 0;
    for (const std::size_t run : {1u, 0u, 70'000u, 13u, 65'536u, 65'535u, 3u, 98'912u}) {
        file.write(std::string_view(content).substr(done, run));
        done += run;
        CHECK(file.size() == done);
    }
    REQUIRE(done == content.size());
    CHECK_FALSE(fs::exists(folder / "a"));
    REQUIRE(names_in(folder.path()).size() == 1);
    CHECK(cameo::io::is_temporary(names_in(folder.path()).front()));
    file.commit();
    CHECK(text_of(folder / "a") == content);
    CHECK(names_in(folder.path()) == std::vector<std::string>{"a"});
    CHECK_FALSE(cameo::io::is_temporary(folder / "a"));
}

TEST_CASE("written bytes can be replaced, those not yet written cannot", "[io][file]") {
    const TemporaryFolder folder;
    auto content = pattern(150'000);
    AtomicFile file(folder / "a", Overwrite::no);
    file.write(std::string_view(content).substr(0, 100'000));
    const auto replace = [&](std::size_t offset, std::string_view text) {
        file.write_at(offset, std::as_bytes(std::span(text)));
        content.replace(offset, text.size(), text);
    };
    replace(0, "start");
    replace(99'990, "0123456789");
    file.write(std::string_view(content).substr(100'000));
    replace(149'997, "end");
    replace(150'000, "");
    for (const std::uint64_t offset : {std::uint64_t{149'999}, std::numeric_limits<std::uint64_t>::max()})
        error_of(Errc::invalid_argument, [&] { file.write_at(offset, std::as_bytes(std::span("xx", 2))); });
    file.commit();
    CHECK(text_of(folder / "a") == content);
}

TEST_CASE("what was written can be read back before it is committed", "[io][file]") {
    const TemporaryFolder folder;
    const auto content = pattern(150'000);
    AtomicFile file(folder / "a", Overwrite::no);
    file.write(content);
    std::vector<std::byte> bytes(100'001);
    file.read_at(49'999, bytes);
    CHECK(as_text(bytes) == content.substr(49'999));
    file.write("more");
    bytes.resize(4);
    file.read_at(150'000, bytes);
    CHECK(as_text(bytes) == "more");
    for (const std::uint64_t offset : {std::uint64_t{150'001}, std::numeric_limits<std::uint64_t>::max()})
        error_of(Errc::invalid_argument, [&] { file.read_at(offset, bytes); });
    file.commit();
    CHECK(text_of(folder / "a") == content + "more");
}

TEST_CASE("a file that is not committed leaves nothing behind", "[io][file]") {
    const TemporaryFolder folder;
    { AtomicFile(folder / "a", Overwrite::no).write("text"); }
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("an existing file is replaced only when asked, even when it appears meanwhile", "[io][file]") {
    const TemporaryFolder folder;
    write_file(folder / "a", "old", Overwrite::no);
    check_io_failure([&] { write_file(folder / "a", "new", Overwrite::no); }, "a name not yet taken");
    CHECK(text_of(folder / "a") == "old");
    write_file(folder / "a", "new", Overwrite::yes);
    CHECK(text_of(folder / "a") == "new");

    AtomicFile late(folder / "b", Overwrite::no);
    late.write("late");
    write_file(folder / "b", "first", Overwrite::no);
    check_io_failure([&] { late.commit(); }, "a name not yet taken");
    CHECK(text_of(folder / "b") == "first");
}

TEST_CASE("where renames cannot refuse a taken name, links do", "[io][file]") {
    struct OldFileSystem : cameo::io::FileCalls {
        int rename_to_new(const fs::path&, const fs::path&) override {
            errno = EINVAL;
            return -1;
        }
    } calls;
    const cameo::io::FileCallsScope scope(calls);
    const TemporaryFolder folder;
    write_file(folder / "a", "one", Overwrite::no);
    CHECK(text_of(folder / "a") == "one");
    CHECK(names_in(folder.path()) == std::vector<std::string>{"a"});
    AtomicFile late(folder / "b", Overwrite::no);
    write_file(folder / "b", "first", Overwrite::no);
    check_io_failure([&] { late.commit(); }, "a name not yet taken");
    CHECK(text_of(folder / "b") == "first");
}

TEST_CASE("of many threads that want one name exactly one gets it", "[io][file]") {
    const TemporaryFolder folder;
    std::atomic<int> winners = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            try {
                write_file(folder / "a", "thread " + std::to_string(i), Overwrite::no);
                ++winners;
            } catch (const Error&) {
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(winners == 1);
    CHECK_THAT(text_of(folder / "a"), Catch::StartsWith("thread "));
    CHECK(names_in(folder.path()) == std::vector<std::string>{"a"});
}

TEST_CASE("a private file stays private when it is replaced", "[io][file]") {
    const TemporaryFolder folder;
    write_file(folder / "a", "old", Overwrite::no);
    fs::permissions(folder / "a", fs::perms::owner_read | fs::perms::owner_write);
    write_file(folder / "a", "new", Overwrite::yes);
    CHECK(fs::status(folder / "a").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a link is replaced, not what it points to", "[io][file]") {
    const TemporaryFolder folder;
    write_file(folder / "model", "model", Overwrite::no);
    fs::create_symlink("model", folder / "latest");
    write_file(folder / "latest", "newer", Overwrite::yes);
    CHECK(text_of(folder / "model") == "model");
    CHECK_FALSE(fs::is_symlink(folder / "latest"));
    CHECK(text_of(folder / "latest") == "newer");
}

TEST_CASE("places where no file can be put are refused before anything is written", "[io][file]") {
    const TemporaryFolder folder;
    const auto check = [&](const fs::path& path, const std::string& reason) {
        check_io_failure([&] { AtomicFile(path, Overwrite::yes); }, reason);
    };
    check(folder / "missing" / "a", "No such file or directory");
    check(folder.path(), "a folder of that name");
    check(folder.path() / "", "folder");
    check("/dev/null", "a device, pipe or socket");
    check("", "the name of a file");
    write_file(folder / "file", "x", Overwrite::no);
    check(folder / "file" / "a", "Not a directory");
    check(folder / std::string(300, 'n'), "File name too long");
    if (::geteuid() == 0) {
        check("/proc/a", "expected to create a file");
    } else {
        fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
        check(folder / "a", "Permission denied");
        fs::permissions(folder.path(), fs::perms::owner_all);
    }
    CHECK(names_in(folder.path()) == std::vector<std::string>{"file"});
}

TEST_CASE("names as long as the file system takes them can be written", "[io][file]") {
    const TemporaryFolder folder;
    const std::string name(255, 'n');
    write_file(folder / name, "x", Overwrite::no);
    CHECK(names_in(folder.path()) == std::vector<std::string>{name});
}

TEST_CASE("relative paths are written into the working folder", "[io][file]") {
    const TemporaryFolder folder;
    const auto before = fs::current_path();
    fs::current_path(folder.path());
    write_file("a", "x", Overwrite::no);
    fs::current_path(before);
    CHECK(text_of(folder / "a") == "x");
}

TEST_CASE("a writer whose disk fails leaves the folder as it was", "[io][file]") {
    cameo::support::check_writer_is_safe([](const fs::path& path, Overwrite overwrite) {
        AtomicFile file(path, overwrite);
        for (int i = 0; i < 300; ++i) file.write(pattern(777));
        file.write_at(3, std::as_bytes(std::span("patched", 7)));
        file.commit();
    });
}

TEST_CASE("short and interrupted writes are continued", "[io][file]") {
    struct SlowDisk : cameo::io::FileCalls {
        int calls = 0;
        ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset) override {
            if (++calls % 3 == 0) {
                errno = EINTR;
                return -1;
            }
            return FileCalls::pwrite(file, bytes, std::min<std::size_t>(count, 1000), offset);
        }
    } calls;
    const cameo::io::FileCallsScope scope(calls);
    const TemporaryFolder folder;
    write_file(folder / "a", pattern(100'000), Overwrite::no);
    CHECK(text_of(folder / "a") == pattern(100'000));
    CHECK(calls.calls > 100);
}

TEST_CASE("a failure that a writer passed over is not committed", "[io][file]") {
    const TemporaryFolder folder;
    FailingDisk disk({.room = 70'000});
    const cameo::io::FileCallsScope scope(disk);
    AtomicFile file(folder / "a", Overwrite::no);
    check_io_failure([&] { file.write(pattern(100'000)); }, "No space left on device");
    check_io_failure([&] { file.write("x"); }, "a: expected to write");
    check_io_failure([&] { file.commit(); }, "a: expected to write");
    CHECK_FALSE(fs::exists(folder / "a"));
}

TEST_CASE("the system's own limit of file sizes is an error, not a signal's death", "[io][file]") {
    const TemporaryFolder folder;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small{.rlim_cur = 100'000, .rlim_max = before.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::optional<std::pair<Errc, std::string>> failure;
    try {
        write_file(folder / "a", pattern(200'000), Overwrite::no);
    } catch (const Error& error) {
        failure.emplace(error.code(), error.what());
    }
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    (void)std::signal(SIGXFSZ, handler);
    REQUIRE(failure);
    CHECK(failure->first == Errc::io_failure);
    CHECK_THAT(failure->second, Catch::Contains("File too large"));
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("a real disk of 4 MiB that fills up leaves the previous file intact", "[io][file]") {
    const TemporaryFolder folder;
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=4m") != 0) {
        WARN("not run: mounting a tmpfs is not permitted here (" << std::strerror(errno) << ")");
        return;
    }
    {
        write_file(folder / "a", pattern(1 << 20), Overwrite::no);
        const auto large = pattern(8 << 20);
        check_io_failure([&] { write_file(folder / "a", large, Overwrite::yes); }, "No space left on device");
        check_io_failure([&] { write_file(folder / "b", large, Overwrite::no); }, "No space left on device");
        CHECK(names_in(folder.path()) == std::vector<std::string>{"a"});
        CHECK(text_of(folder / "a") == pattern(1 << 20));
        write_file(folder / "a", pattern(2 << 20), Overwrite::yes);  // the room of the failures was given back
        CHECK(text_of(folder / "a") == pattern(2 << 20));
    }
    CHECK(::umount2(folder.path().c_str(), MNT_DETACH) == 0);
}
