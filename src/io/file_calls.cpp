// SPDX-License-Identifier: Apache-2.0
#include "io/file_calls.hpp"

#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace cameo::io {
namespace {

thread_local FileCalls* installed = nullptr;

}  // namespace

FileCalls::~FileCalls() = default;

ssize_t FileCalls::pwrite(int file, const void* bytes, std::size_t count, off_t offset) {
    return ::pwrite(file, bytes, count, offset);
}

int FileCalls::fsync(int file) { return ::fsync(file); }

int FileCalls::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
    return ::rename(from.c_str(), to.c_str());
}

int FileCalls::rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to) {
    return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
}

int FileCalls::link(const std::filesystem::path& from, const std::filesystem::path& to) {
    return ::link(from.c_str(), to.c_str());
}

FileCalls& FileCalls::current() noexcept {
    static FileCalls system;
    return installed ? *installed : system;
}

FileCallsScope::FileCallsScope(FileCalls& calls) noexcept : previous_(std::exchange(installed, &calls)) {}
FileCallsScope::~FileCallsScope() { installed = previous_; }

}  // namespace cameo::io
