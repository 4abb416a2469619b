// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "terminal.hpp"

namespace cameo::support {

/// A file in memory that a Terminal can write to.
class MemoryFile {
  public:
    MemoryFile() : descriptor_(memfd_create("cameo-test", MFD_CLOEXEC)) {}
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { close(descriptor_); }

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] std::string text() const {
        std::string result(static_cast<std::size_t>(lseek(descriptor_, 0, SEEK_END)), '\0');
        const auto count = pread(descriptor_, result.data(), result.size(), 0);
        return result.substr(0, count < 0 ? 0 : static_cast<std::size_t>(count));
    }

  private:
    int descriptor_;
};

/// A Terminal whose words can be read back.
struct CapturedTerminal {
    MemoryFile out, err;
    cameo::apps::Terminal terminal{out.descriptor(), err.descriptor()};
};

}  // namespace cameo::support
