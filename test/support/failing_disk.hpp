// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <cameo/core/error.hpp>
#include <cameo/io/file.hpp>
#include "io/file_calls.hpp"
#include "support/temporary_folder.hpp"

namespace cameo::support {

/// A disk that takes `room` bytes and is full then, and whose other calls fail when told to.
class FailingDisk : public cameo::io::FileCalls {
  public:
    struct Faults {
        std::uint64_t room = std::numeric_limits<std::uint64_t>::max();
        int fsync_error = 0;  ///< an errno, or 0 for none
        int rename_error = 0;
    };

    explicit FailingDisk(const Faults& faults) : faults_(faults) {}

    std::uint64_t written = 0;

    ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset) override {
        const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(count, faults_.room - written));
        if (taken == 0 && count > 0) return failure(ENOSPC);
        written += taken;
        return FileCalls::pwrite(file, bytes, taken, offset);
    }
    int fsync(int file) override { return faults_.fsync_error ? failure(faults_.fsync_error) : FileCalls::fsync(file); }
    int rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
        return faults_.rename_error ? failure(faults_.rename_error) : FileCalls::rename(from, to);
    }
    int rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to) override {
        return faults_.rename_error ? failure(faults_.rename_error) : FileCalls::rename_to_new(from, to);
    }

  private:
    static int failure(int code) {
        errno = code;
        return -1;
    }

    Faults faults_;
};

inline std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

/// Writes one file of some kind under a name that it is given.
using FileWriter = std::function<void(const std::filesystem::path&, cameo::io::Overwrite)>;

/// Catch2 checks that `write` keeps the promise of AtomicFile whatever the disk does: full at 200 places from the first
/// byte to the last, refusing to flush, refusing to rename, the name taken. `name` gives the extension where it
/// matters.
inline void check_writer_is_safe(const FileWriter& write, const std::string& name = "file") {
    using cameo::io::Overwrite;
    const TemporaryFolder folder;
    const auto path = folder / name;
    const auto other = folder / ("kept-" + name);
    const std::string previous = "what was there before";

    FailingDisk healthy({});
    {
        const cameo::io::FileCallsScope scope(healthy);
        write(path, Overwrite::no);
    }
    REQUIRE(names_in(folder.path()) == std::vector<std::string>{name});
    REQUIRE(healthy.written > 0);
    std::filesystem::remove(path);
    cameo::io::write_file(other, previous, Overwrite::no);

    const auto check_fails = [&](const FailingDisk::Faults& faults, const std::filesystem::path& target,
                                 Overwrite overwrite) {
        FailingDisk disk(faults);
        const cameo::io::FileCallsScope scope(disk);
        try {
            write(target, overwrite);
            FAIL_CHECK("expected a failure");
        } catch (const cameo::Error& error) {
            CHECK(error.code() == cameo::Errc::io_failure);
            CHECK_THAT(error.what(), Catch::Contains(target.filename().string()));
        }
        CHECK(names_in(folder.path()) == std::vector<std::string>{other.filename()});
        CHECK(text_of(other) == previous);
    };
    const auto check_faults = [&](const FailingDisk::Faults& faults) {
        check_fails(faults, path, Overwrite::no);
        check_fails(faults, other, Overwrite::yes);
    };
    constexpr std::uint64_t places = 200;
    for (std::uint64_t place = 0; place < places; ++place) {
        const auto room = (healthy.written - 1) * place / (places - 1);
        INFO("disk full after " << room << " of " << healthy.written << " bytes");
        check_faults({.room = room});
    }
    {
        INFO("flushing fails");
        check_faults({.fsync_error = EIO});
    }
    {
        INFO("renaming fails");
        check_faults({.rename_error = EACCES});
    }
    {
        INFO("the name is taken");
        check_fails({}, other, Overwrite::no);
    }
    write(other, Overwrite::yes);
    CHECK(text_of(other) != previous);
    CHECK(names_in(folder.path()) == std::vector<std::string>{other.filename()});
}

}  // namespace cameo::support
